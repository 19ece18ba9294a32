"""Who may look: requests for this host only, and, where a token is set, only with it; every route included."""

import hmac
import re
from collections.abc import Collection
from hashlib import sha256
from urllib.parse import parse_qsl, quote, urlencode

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from watcher.web.wording import rendered

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
"""What a browser on this machine may call it; any other name is a foreign page that had its name point here."""
COOKIE = "watcher"
_PARAMETER = "token"
_PORT = re.compile(r":\d*\Z")


class Guard:
    """Lets through to an application what comes from who may look, and answers the rest itself."""

    def __init__(self, app: ASGIApp, token: str | None, hosts: Collection[str] | None) -> None:
        """Guard `app`; `hosts` are names without a port, as a `Host` header has them; None admits any.

        With a `token`, it is wanted of every request: as a bearer, or in the cookie that `?token=` sets.
        """
        self._app = app
        self._token = token
        self._hosts = None if hosts is None else frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = self._refusal(scope)
        await (answer or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if self._hosts is not None and _name(headers.get("host", "")) not in self._hosts:
            return PlainTextResponse("this is not the host you are looking for\n", 421)
        if self._token is None:
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = [value for name, value in query if name == _PARAMETER]
        if given and scope["method"] == "GET":
            rest = [(name, value) for name, value in query if name != _PARAMETER]
            return self._signed_in(scope, rest) if _same(given[-1], self._token) else self._unknown(headers)
        if self._knows(headers):
            return None
        return self._unknown(headers)

    def _knows(self, headers: Headers) -> bool:
        assert self._token is not None  # noqa: S101 - asked only where there is one
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        # a header is read as Latin-1, whatever its octets are
        if scheme.lower() == "bearer" and hmac.compare_digest(bearer.strip().encode("latin-1"), self._token.encode()):
            return True
        return any(_same(crumb, _proof(self._token)) for crumb in _crumbs(headers.getlist("cookie")))

    def _unknown(self, headers: Headers) -> Response:
        """Return what asks for the token: a form for a person, a line for a program."""
        challenge = {"WWW-Authenticate": 'Bearer realm="watcher"', "Cache-Control": "no-store"}
        if "text/html" in headers.get("accept", ""):
            return HTMLResponse(rendered("sign_in.html"), 401, challenge)
        return PlainTextResponse("a token is wanted: Authorization: Bearer …\n", 401, challenge)

    def _signed_in(self, scope: Scope, rest: list[tuple[str, str]]) -> Response:
        """Return a page that keeps the token in a cookie and goes on to what was asked for.

        No redirect: a browser that follows one from another site's link sends no strict cookie with it.
        """
        assert self._token is not None  # noqa: S101 - asked only where there is one
        # one slash: two would be the name of another host
        place = "/" + quote(str(scope["path"]).lstrip("/")) + (f"?{urlencode(rest)}" if rest else "")
        page = HTMLResponse(rendered("signed_in.html", place=place), headers={"Cache-Control": "no-store"})
        page.set_cookie(
            COOKIE, _proof(self._token), httponly=True, samesite="strict", secure=scope["scheme"] == "https"
        )
        return page


def _name(host: str) -> str:
    """Return a `Host` header without its port."""
    return _PORT.sub("", host.lower())


def _proof(token: str) -> str:
    """Return what the cookie holds: who reads it does not have the token."""
    return hmac.new(token.encode(), b"watcher's page", sha256).hexdigest()


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode())


def _crumbs(headers: list[str]) -> list[str]:
    """Return the values of our cookie; a browser can be made to hold several, among others of any form."""
    pairs = (crumb.strip().partition("=") for header in headers for crumb in header.split(";"))
    return [value for name, _, value in pairs if name == COOKIE]
