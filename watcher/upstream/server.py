"""The endpoint as a server, over anything that has answers: recorded files, or a simulated market."""

import re
from collections.abc import Callable
from datetime import date
from typing import Protocol
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from watcher.core.answer import Answered
from watcher.core.market import Market, Symbol
from watcher.upstream.contract import DEFAULT_COUNT, MAX_COUNT, PATH
from watcher.upstream.refusal import RetCode
from watcher.upstream.wire import body_of, refusal_body

_SYMBOL = re.compile(r"([A-Z]{2,4})\.[A-Z0-9][A-Z0-9.\-]*")
_MESSAGES = {
    RetCode.INVALID_PARAMETER: "invalid parameter",
    RetCode.INVALID_SYMBOL: "the symbol cannot be resolved to a security",
    RetCode.UNSUPPORTED: "the market or category is not supported",
    RetCode.PERMISSION_DENIED: "permission denied",
    RetCode.NO_DATA: "no short selling data for the security",
    RetCode.RATE_LIMITED: "rate limited",
}
_CACHED_BODIES = 2_000


class Archive(Protocol):
    """What has been published up to a date."""

    @property
    def as_of(self) -> date:
        """Rows after it are not published yet."""
        ...

    def answer(self, symbol: Symbol, count: int) -> Answered | RetCode:
        """Return the newest `count` published rows of `symbol`, or the code that it is refused with.

        The same until `advance` is called: the server keeps what it made of it.
        """
        ...

    def advance(self) -> date | None:
        """Publish the next session; return its date, which `as_of` now is, or None if there is none."""
        ...


def create_app(archive: Archive, on_request: Callable[[str, RetCode], None] | None = None) -> Starlette:
    """Return an application with the endpoint's one route, answering from `archive`.

    A refusal has HTTP status 200, as on the vendor's gateway: its `ret_code` tells. `on_request` hears of every
    answer: the symbol as it was asked for, and the code it was answered with.
    """
    return Starlette(routes=[Route(PATH, _DailyShortVolume(archive, on_request), methods=["GET"])])


class _DailyShortVolume:
    """The route, as a bare ASGI application: Starlette's own requests and responses would halve its speed."""

    def __init__(self, archive: Archive, on_request: Callable[[str, RetCode], None] | None) -> None:
        self._archive = archive
        self._on_request = on_request
        self._bodies: dict[tuple[Symbol, int], tuple[RetCode, bytes]] = {}
        self._as_of = archive.as_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        symbol = scope["path_params"]["symbol"]
        code, body = self._answer(symbol, scope["query_string"])
        if self._on_request is not None:
            self._on_request(symbol, code)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, text: str, query: bytes) -> tuple[RetCode, bytes]:
        count = _count(query)
        if count is None:
            return _refusal(RetCode.INVALID_PARAMETER, f"count is a whole number from 1 to {MAX_COUNT}")
        found = _SYMBOL.fullmatch(text)
        if not found:
            return _refusal(RetCode.INVALID_PARAMETER, "the symbol is not MARKET.CODE")
        if found[1] not in set(Market):
            return _refusal(RetCode.UNSUPPORTED)
        try:
            symbol = Symbol.parse(text)
        except ValueError:
            return _refusal(RetCode.INVALID_PARAMETER, f"the code is not of the form that codes of {found[1]} have")
        return self._published(symbol, count)

    def _published(self, symbol: Symbol, count: int) -> tuple[RetCode, bytes]:
        if self._archive.as_of != self._as_of or len(self._bodies) >= _CACHED_BODIES:
            self._bodies.clear()
            self._as_of = self._archive.as_of
        known = self._bodies.get((symbol, count))
        if known is not None:
            return known
        answer = self._archive.answer(symbol, count)
        if not isinstance(answer, Answered):
            return _refusal(answer)
        if not answer.rows:
            return _refusal(RetCode.NO_DATA)
        made = (RetCode.SUCCESS, body_of(symbol.market, reversed(answer.rows), answer.position))
        self._bodies[symbol, count] = made
        return made


def _count(query: bytes) -> int | None:
    """The count asked for; None if it is anything but one whole number in range."""
    if not query:
        return DEFAULT_COUNT
    given = parse_qs(query.decode("latin-1"), keep_blank_values=True).get("count")
    if given is None:
        return DEFAULT_COUNT
    if len(given) != 1 or not re.fullmatch(r"[0-9]{1,9}", given[0]):
        return None
    return int(given[0]) if 1 <= int(given[0]) <= MAX_COUNT else None


def _refusal(code: RetCode, message: str | None = None) -> tuple[RetCode, bytes]:
    return code, refusal_body(code, code.code, message or _MESSAGES[code])
