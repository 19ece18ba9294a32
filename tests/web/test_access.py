"""Who may look: this host only, and with a token where there is one; whatever the route."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from watcher.web.access import LOOPBACK, Guard

TOKEN = "a-token-of-some-length"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


async def _seen(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"seen {request.url.path}?{request.url.query}")


def guarded(token: str | None = TOKEN, hosts: frozenset[str] | None = LOOPBACK) -> Guard:
    return Guard(Starlette(routes=[Route("/{path:path}", _seen)]), token, hosts)


def ask(guard: Guard, address: str, headers: dict[str, str] | None = None, method: str = "GET") -> httpx.Response:
    """Return the answer to one request."""

    async def one() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(guard)) as client:
            return await client.request(method, address, headers=headers)

    return asyncio.run(one())


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        pytest.param("127.0.0.1:8780", True, id="the address"),
        pytest.param("localhost", True, id="the usual name"),
        pytest.param("LOCALHOST:8780", True, id="in capitals"),
        pytest.param("[::1]:8780", True, id="the address of version 6"),
        pytest.param("evil.example", False, id="a page that had its name point here"),
        pytest.param("127.0.0.1.evil.example", False, id="a name that begins like the address"),
        pytest.param("localhost.evil.example:8780", False, id="a name that begins like the usual one"),
        pytest.param("[::1].evil.example", False, id="a name that begins with brackets"),
        pytest.param("", False, id="none at all"),
    ],
)
def test_only_who_asks_for_this_host_is_answered(host: str, allowed: bool) -> None:
    answer = ask(guarded(token=None), "http://127.0.0.1/x", {"Host": host})
    assert answer.status_code == (200 if allowed else 421)


def test_any_host_will_do_where_none_is_named() -> None:
    assert ask(guarded(hosts=None), "http://anything.example/x", BEARER).text == "seen /x?"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"Authorization": "Bearer"}, id="a bearer of nothing"),
        pytest.param({"Authorization": f"Bearer {TOKEN}x"}, id="one character too many"),
        pytest.param({"Authorization": f"Basic {TOKEN}"}, id="another scheme"),
        pytest.param({"Authorization": "Bearer \u00fc"}, id="a character that no token has"),
        pytest.param({"Cookie": f"watcher={TOKEN}"}, id="the token itself as a cookie"),
        pytest.param({"Cookie": "watcher=\x7f;;=;watcher"}, id="a cookie that is none"),
        pytest.param({"Cookie": 'a="\\'}, id="half a cookie"),
    ],
)
def test_without_the_token_nothing_is_shown(headers: dict[str, str]) -> None:
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = ask(guarded(), "http://localhost/metrics", raw)  # type: ignore[arg-type]  # httpx takes bytes as well
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "seen" not in answer.text


def test_a_bearer_is_let_through() -> None:
    assert ask(guarded(), "http://localhost/metrics?x=1", BEARER).text == "seen /metrics?x=1"
    assert ask(guarded(), "http://localhost/metrics", {"Authorization": f"bearer  {TOKEN} "}).status_code == 200


def test_a_token_is_compared_as_the_octets_that_came() -> None:
    sent = {"Authorization": "Bearer \u5bc6".encode()}
    assert ask(guarded(), "http://localhost/", sent).status_code == 401  # type: ignore[arg-type]  # httpx takes bytes
    assert ask(guarded("\u5bc6"), "http://localhost/", sent).status_code == 200  # type: ignore[arg-type]  # httpx takes bytes


def test_a_person_signs_in_once_and_then_has_a_cookie_that_is_not_the_token() -> None:
    form = ask(guarded(), "http://localhost/", {"Accept": "text/html"})
    assert (form.status_code, "<form>" in form.text) == (401, True)

    signed_in = ask(guarded(), f"http://localhost/episodes?symbol=US.XRT&token={TOKEN}")
    assert signed_in.status_code == 200
    assert '<meta http-equiv="refresh" content="0; url=/episodes?symbol=US.XRT">' in signed_in.text
    cookie = signed_in.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert TOKEN not in cookie
    assert TOKEN not in signed_in.text
    assert "Secure" not in cookie

    crumb = cookie.partition(";")[0]
    assert ask(guarded(), "http://localhost/", {"Cookie": f"watcher=old; {crumb}; other=1"}).text == "seen /?"
    assert ask(guarded("another token"), "http://localhost/", {"Cookie": crumb}).status_code == 401


def test_over_tls_the_cookie_never_leaves_it() -> None:
    assert "Secure" in ask(guarded(), f"https://localhost/?token={TOKEN}").headers["set-cookie"]


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example", '/"><script>', "/%2F/evil.example"])
def test_signing_in_leads_to_no_other_host_and_into_no_markup(path: str) -> None:
    text = ask(guarded(), f"http://localhost{path}?token={TOKEN}").text
    assert 'url=/"' in text or "url=/evil.example" in text or "url=/%" in text
    assert "url=//" not in text
    assert "<script>" not in text


def test_a_wrong_token_signs_nobody_in() -> None:
    answer = ask(guarded(), "http://localhost/?token=guess")
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
    assert ask(guarded(), f"http://localhost/?token={TOKEN}", method="POST").status_code == 401


def test_what_is_no_request_for_a_page_is_no_way_in() -> None:
    seen: list[str] = []

    async def socket(socket: WebSocket) -> None:
        seen.append(socket.url.path)

    guard = Guard(Starlette(routes=[WebSocketRoute("/", socket)]), TOKEN, LOOPBACK)
    sent: list[object] = []

    async def receive() -> dict[str, object]:
        return {"type": "websocket.connect"}

    async def send(message: object) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/", "headers": [], "query_string": b"", "scheme": "ws", "root_path": ""}
    asyncio.run(guard(scope, receive, send))  # type: ignore[arg-type]  # a scope by hand
    assert (seen, sent) == ([], [{"type": "websocket.close", "code": 1008}])


def test_what_the_server_itself_asks_is_passed_on() -> None:
    passed: list[str] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        passed.append(scope["type"])

    async def nothing() -> dict[str, object]:
        return {}

    async def nobody(_message: object) -> None:
        return None

    asyncio.run(Guard(app, TOKEN, LOOPBACK)({"type": "lifespan"}, nothing, nobody))
    assert passed == ["lifespan"]
