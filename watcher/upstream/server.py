"""The endpoint as a server, over anything that has answers: recorded files, or a simulated market."""

import math
import re
from collections import Counter
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
from watcher.upstream.limit import Limit
from watcher.upstream.misbehaviour import Reply, send_as, spoilt
from watcher.upstream.refusal import RetCode
from watcher.upstream.scenario import Scenario
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
_KEPT = 128 * 2**20
"""Bytes of bodies that are kept until the next session."""
_COUNTED = 100_000
"""Symbols whose requests are counted; what they are called is up to who asks."""


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


def create_app(
    archive: Archive,
    on_request: Callable[[str, RetCode], None] | None = None,
    scenario: Scenario | None = None,
    limit: Limit | None = None,
) -> Starlette:
    """Return an application with the endpoint's one route, answering from `archive`.

    A refusal has HTTP status 200, as on the vendor's gateway: its `ret_code` tells. `on_request` hears of every
    answer: the symbol as it was asked for, and the code it was answered with. What goes wrong is in `scenario`; who
    asks more often than `limit` is told so, and how long to wait.
    """
    endpoint = _DailyShortVolume(archive, on_request or (lambda _, __: None), scenario, limit)
    return Starlette(routes=[Route(PATH, endpoint, methods=["GET"])])


class _DailyShortVolume:
    """The route, as a bare ASGI application: Starlette's own requests and responses would halve its speed."""

    def __init__(
        self,
        archive: Archive,
        on_request: Callable[[str, RetCode], None],
        scenario: Scenario | None,
        limit: Limit | None,
    ) -> None:
        self._archive = archive
        self._on_request = on_request
        self._scenario = scenario
        self._limit = limit
        self._bodies: dict[tuple[Symbol, int], Reply] = {}
        self._kept = 0
        """Bytes of them."""
        self._asked: Counter[str] = Counter()
        """How often each symbol was asked for since the newest session was published."""
        self._as_of = archive.as_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._archive.as_of != self._as_of:
            self._forget()
            self._as_of = self._archive.as_of
        if self._kept > _KEPT or len(self._asked) > _COUNTED:
            self._forget()
        symbol = scope["path_params"]["symbol"]
        self._asked[symbol] += 1
        wait = self._limit.wait() if self._limit is not None else 0.0
        if wait > 0:
            message = f"rate limited, retry after {math.ceil(wait)}s"
            await self._send(send, symbol, _refusal(RetCode.RATE_LIMITED, message))
            return
        reply = self._reply(symbol, scope["query_string"])
        fault = self._scenario.fault_of(symbol, self._as_of, self._asked[symbol]) if self._scenario else None
        if fault is None:
            await self._send(send, symbol, reply)
            return
        reply = spoilt(reply, fault)
        self._on_request(symbol, reply.code)
        await send_as(fault, reply, receive, send)

    def _forget(self) -> None:
        self._bodies.clear()
        self._kept = 0
        self._asked.clear()

    async def _send(self, send: Send, symbol: str, reply: Reply) -> None:
        self._on_request(symbol, reply.code)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(reply.body))]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    def _reply(self, text: str, query: bytes) -> Reply:
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

    def _published(self, symbol: Symbol, count: int) -> Reply:
        known = self._bodies.get((symbol, count))
        if known is not None:
            return known
        answer = self._archive.answer(symbol, count) if self._scenario is None else self._rewritten(symbol, count)
        if not isinstance(answer, Answered):
            return _refusal(answer)
        if not answer.rows:
            return _refusal(RetCode.NO_DATA)
        made = Reply(RetCode.SUCCESS, body_of(symbol.market, reversed(answer.rows), answer.position))
        if self._scenario is None:  # by which the same request may be answered otherwise the next time
            self._bodies[symbol, count] = made
            self._kept += len(made.body)
        return made

    def _rewritten(self, symbol: Symbol, count: int) -> Answered | RetCode:
        """The answer with the rows that the scenario has late or revised."""
        assert self._scenario is not None  # noqa: S101 - for the type checker
        answer = self._archive.answer(symbol, 2 * MAX_COUNT)
        if not isinstance(answer, Answered):
            return answer
        rows = self._scenario.published(symbol, answer.rows, self._as_of, self._asked[symbol])
        return Answered(symbol, rows[-count:], answer.position)


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


def _refusal(code: RetCode, message: str | None = None) -> Reply:
    return Reply(code, refusal_body(code, code.code, message or _MESSAGES[code]))
