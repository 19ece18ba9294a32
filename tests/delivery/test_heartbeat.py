"""The heartbeat: truthful about what became of it, in time whatever the other side does, and silent about its URL."""

import asyncio
import logging
import ssl
import time

import pytest
import trustme

from tests.delivery.receivers import closed_port
from tests.upstream.servers import Raw, Reply, hang_up, http, reset
from watcher.core.outbox import Failed, Sent
from watcher.delivery.heartbeat import Heartbeat

CANARY = "canary-5e9c"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


async def _drip(writer: asyncio.StreamWriter) -> None:
    """Send headers without an end."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"x-more: 1\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


async def _hang(_: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


def _beats(*replies: Reply | bytes, limit: float = 5, times: int = 1) -> tuple[list[Sent | Failed], list[str]]:
    """Beat at a server that replies so; return what became of it, and what the server was asked."""

    async def run() -> tuple[list[Sent | Failed], list[str]]:
        async with Raw(*replies).running() as server:
            heartbeat = Heartbeat(f"{server.url}/{CANARY}?token={CANARY}", limit=limit)
            outcomes = [await heartbeat.beat() for _ in range(times)]
            await heartbeat.aclose()
            return outcomes, server.requests

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        pytest.param(http(b"OK"), Sent(), id="it is heard"),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", Sent(), id="no content is an answer"),
        pytest.param(http(b"x", content_length="100"), Sent(), id="nobody reads the body"),
        pytest.param(http(b"not found", "404 Not Found"), Failed("HTTP 404"), id="the check is gone"),
        pytest.param(
            http(b"", "302 Found", location="http://127.0.0.1:1/elsewhere"),
            Failed("HTTP 302, and redirects are not followed"),
            id="a redirect is no answer",
        ),
        pytest.param(b"220 mail.example ESMTP\r\n\r\n", Failed("the answer is not HTTP"), id="another protocol"),
        pytest.param(hang_up, Failed("the answer is not HTTP"), id="it hangs up"),
        pytest.param(reset, Failed("the connection was cut"), id="it resets"),
    ],
)
def test_what_becomes_of_a_beat_is_said_truthfully(reply: Reply | bytes, expected: Sent | Failed) -> None:
    assert _beats(reply)[0] == [expected]


def test_it_is_a_get_of_exactly_that_url() -> None:
    _, (request,) = _beats(http(b""))
    first, *rest = request.splitlines()
    assert first == f"GET /{CANARY}?token={CANARY} HTTP/1.1"
    assert any(line.startswith("User-Agent: watcher/") for line in rest)


@pytest.mark.parametrize("reply", [pytest.param(_hang, id="it hangs"), pytest.param(_drip, id="it drips")])
def test_it_is_over_in_time_whatever_the_other_side_does_and_goes_on_after(reply: Reply) -> None:
    began = time.perf_counter()
    outcomes, _ = _beats(reply, http(b""), limit=1, times=2)
    assert outcomes == [Failed("no answer within 1 s"), Sent()]
    assert time.perf_counter() - began < 5


def test_nobody_listens() -> None:
    heartbeat = Heartbeat(f"http://127.0.0.1:{closed_port()}/{CANARY}")
    assert asyncio.run(heartbeat.beat()) == Failed("no connection")
    asyncio.run(heartbeat.aclose())


def test_a_name_that_does_not_resolve_is_no_connection() -> None:
    assert asyncio.run(Heartbeat("http://no-such-host.invalid/").beat()) == Failed("no connection")


def test_a_certificate_that_nobody_vouches_for_is_no_connection() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    async def run() -> Sent | Failed:
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
        async with server:
            return await Heartbeat(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/").beat()

    assert asyncio.run(run()) == Failed("no connection")


def test_the_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> list[str]:
        async with Raw(http(b"")).running() as proxy:
            monkeypatch.setenv("http_proxy", proxy.url)
            assert await Heartbeat("http://beats.invalid/ping").beat() == Sent()
            monkeypatch.setenv("no_proxy", "beats.invalid")
            assert await Heartbeat("http://beats.invalid/ping").beat() == Failed("no connection")
            return proxy.requests

    (request,) = asyncio.run(run())
    assert request.startswith("GET http://beats.invalid/ping HTTP/1.1\r\n")


def test_a_proxy_that_is_no_url_is_no_reason_to_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "gopher://proxy")
    assert isinstance(asyncio.run(Heartbeat("http://beats.invalid/").beat()), Failed)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        pytest.param(f"http://{CANARY}\n/", "it is not a URL", id="no URL"),
        pytest.param(f"{CANARY}.example/ping", "it does not begin with http", id="no scheme"),
        pytest.param(f"ftp://{CANARY}.example/ping", "it does not begin with http", id="another scheme"),
        pytest.param(f"http://{CANARY}:99999/", "there is no such port", id="no port"),
        pytest.param(f"http://{CANARY}:0/", "there is no such port", id="port nought"),
        pytest.param(f"http:///{CANARY}", "it does not begin with http", id="no host"),
        pytest.param(f"http://me:{CANARY}@beats.example", "a user name or a password", id="a password"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_and_not_repeated(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as raised:
        Heartbeat(url)
    assert CANARY not in str(raised.value)


def test_its_url_is_in_no_log_and_no_outcome_at_any_level(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for reply in (http(b""), http(b"", "500 No"), http(b"", "302 Found", location="/elsewhere"), reset):
            assert CANARY not in repr(_beats(reply)[0])
    assert CANARY not in caplog.text
