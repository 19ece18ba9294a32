"""The site: pages for people, probes for programs, behind one guard; read-only, and whole without a script."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from watcher.core.market import Symbol
from watcher.errors import StoreError
from watcher.web.access import LOOPBACK, Guard
from watcher.web.pages import Pages
from watcher.web.wanted import carried_over, episodes_wanted, overview_wanted, page_wanted, text_wanted
from watcher.web.wording import rendered

_STATIC = Path(__file__).parent / "static"
_TYPES = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_SHORTEST_REFRESH, _LONGEST_REFRESH = 5, 3600

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]

log = logging.getLogger(__name__)


def site(
    pages: Pages, probes: Sequence[BaseRoute], *, token: str | None = None, hosts: Collection[str] | None = LOOPBACK
) -> Starlette:
    """Return the site: `pages` for people, and `probes`.

    `hosts` are the names it may be asked by, without a port, IPv6 addresses in brackets; None admits any. With a
    `token`, every route wants it: as a bearer, or in the cookie that `?token=` sets.
    """

    async def overview(request: Request) -> Response:
        wanted = overview_wanted(request.query_params)
        refresh = _refresh(request)
        shown = await pages.overview(wanted)
        headers = {"refresh": str(refresh)} if refresh else None
        return await _page(request, "overview.html", headers=headers, shown=shown, wanted=wanted, refresh=refresh)

    async def symbol(request: Request) -> Response:
        wanted = Symbol.parse(request.path_params["symbol"])
        shown = await pages.symbol(wanted, text_wanted(request.query_params, "rule") or None)
        if shown is None:
            raise HTTPException(404, f"nothing is known of {wanted}: no rule names it, and no row of it is stored")
        return await _page(request, "symbol.html", shown=shown)

    async def rules(request: Request) -> Response:
        text = text_wanted(request.query_params, "text")
        shown = await pages.rules(text, page_wanted(request.query_params))
        return await _page(request, "rules.html", shown=shown, text=text)

    async def episodes(request: Request) -> Response:
        wanted = episodes_wanted(request.query_params)
        return await _page(request, "episodes.html", shown=await pages.episodes(wanted), wanted=wanted)

    return Starlette(
        routes=[
            Route("/", _checked(overview)),
            Route("/symbols/{symbol}", _checked(symbol)),
            Route("/rules", _checked(rules)),
            Route("/episodes", _checked(episodes)),
            *(Route(f"/static/{path.name}", _file(path)) for path in sorted(_STATIC.iterdir())),
            *probes,
        ],
        middleware=[Middleware(_Headed), Middleware(Guard, token=token, hosts=hosts)],
        exception_handlers={HTTPException: _refused, Exception: _failed},
    )


class _Headed:
    """Adds to every answer, refusals included, what tells a browser to be careful with it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        await self._app(scope, receive, headed)


def _checked(endpoint: Endpoint) -> Endpoint:
    """Return an endpoint that says what is wrong with what was asked for, or that the state cannot be read."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ValueError as error:
            raise HTTPException(400, str(error)) from None
        except StoreError as error:
            raise HTTPException(503, f"the state cannot be read now: {error}") from None

    return answer


async def _page(
    request: Request, template: str, status: int = 200, headers: Mapping[str, str] | None = None, **values: object
) -> Response:
    # in a thread: a long page takes some milliseconds, which the event loop has better use for
    given = carried_over(request.query_params)
    text = await asyncio.to_thread(rendered, template, path=request.url.path, given=given, styles=_styles(), **values)
    return HTMLResponse(text, status, headers)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for no other
    words = {"Not Found": "there is no such page", "Method Not Allowed": "here is nothing to be changed"}
    values = {"code": error.status_code, "words": words.get(error.detail, error.detail)}
    return await _page(request, "sorry.html", error.status_code, dict(error.headers or {}), **values)


async def _failed(request: Request, error: Exception) -> Response:
    log.error("page failed", extra={"path": request.url.path}, exc_info=error)
    words = "something is wrong with the watcher itself; its log says what"
    # this one is answered outside of all that adds headers
    return await _page(request, "sorry.html", 500, _HEADERS, code=500, words=words)


def _refresh(request: Request) -> int | None:
    text = request.query_params.get("refresh", "")
    if not text:
        return None
    if not (
        text.isascii() and text.isdigit() and len(text) <= 6 and _SHORTEST_REFRESH <= int(text) <= _LONGEST_REFRESH
    ):
        raise ValueError(f"refresh is a number of seconds from {_SHORTEST_REFRESH} to {_LONGEST_REFRESH}")
    return int(text)


def _file(path: Path) -> Endpoint:
    content, kind = path.read_bytes(), _TYPES[path.suffix]

    async def answer(_request: Request) -> Response:
        # its address has its hash in it, so it never changes
        return Response(content, headers={"cache-control": "public, max-age=31536000, immutable", "content-type": kind})

    return answer


@cache
def _styles() -> str:
    """Return the address of the styles, which changes with them."""
    return f"/static/page.css?{sha256((_STATIC / 'page.css').read_bytes()).hexdigest()[:8]}"
