"""Against servers that misbehave in every way: an answer always comes, in time, and says what it was."""

import asyncio
import gzip
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from time import perf_counter

import httpx
import pytest

from tests.canary import CANARY
from tests.upstream.answers import HK, NOW, PAGE, US, refusal
from tests.upstream.servers import Raw, Reply, hang_up, http, reset, us_body
from watcher import __version__
from watcher.core.answer import Answer, Answered, DataState, Refused
from watcher.errors import ConfigurationError
from watcher.upstream.auth import Access
from watcher.upstream.broken import cause_of
from watcher.upstream.client import Client
from watcher.upstream.pacing import Pacing, Rate

QUICKLY = Rate(1000, 0.001)


def client(url: str, **changes: object) -> Client:
    settings: dict[str, object] = {"pacing": Pacing(QUICKLY, perf_counter), "now": lambda: NOW, "timeout": 5.0}
    return Client(url, **(settings | changes))  # type: ignore[arg-type]  # a builder: the test names what it changes


def asked(reply: Reply | bytes, **changes: object) -> Answer:
    """Return what the client makes of one reply."""

    async def ask() -> Answer:
        async with Raw(reply).running() as server, client(server.url, **changes) as upstream:
            return await upstream.ask(US, 30)

    return asyncio.run(ask())


def refused(reply: Reply | bytes, **changes: object) -> Refused:
    answer = asked(reply, **changes)
    assert isinstance(answer, Refused), answer
    assert answer.reason.startswith(f"{US}: ")
    return answer


def test_the_request_is_what_the_page_says() -> None:
    async def ask() -> list[str]:
        async with (
            Raw(http(PAGE.encode())).running() as server,
            client(server.url + "/prefix/", access=Access(CANARY)) as upstream,
        ):
            assert isinstance(await upstream.ask(HK, 2), Answered)
            return server.requests

    (request,) = asyncio.run(ask())
    lines = request.lower().split("\r\n")
    assert lines[0] == "get /prefix/v1/quote/hk.00700/short-selling/daily-short-volume?count=2 http/1.1"
    assert f"user-agent: watcher/{__version__}" in lines
    assert "accept-encoding: identity" in lines
    assert f"authorization: bearer {CANARY}" in lines


def test_without_a_token_none_is_sent_and_the_path_is_a_setting() -> None:
    async def ask() -> str:
        path = "/api/v1.0/quote/{symbol}/short/daily-volume"
        async with Raw(http(us_body())).running() as server, client(server.url, path=path) as upstream:
            await upstream.ask(US, 90)
            return server.requests[0]

    request = asyncio.run(ask())
    assert request.startswith("GET /api/v1.0/quote/US.AAPL/short/daily-volume?count=90 ")
    assert "authorization" not in request.lower()


async def drip(writer: asyncio.StreamWriter) -> None:
    for byte in http(us_body()):
        writer.write(bytes([byte]))
        await asyncio.sleep(0.1)


async def drip_body(writer: asyncio.StreamWriter) -> None:
    writer.write(http(us_body())[:-40])
    await drip(writer)


async def endless_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"x: " + b"y" * 1000 + b"\r\n")
        await writer.drain()


async def endless_hints(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await asyncio.sleep(0.01)


async def silence(_: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def endless_body(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b" " * 65536)
        await writer.drain()


def then(first: bytes, after: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> Reply:
    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        await writer.drain()
        await after(writer)

    return reply


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        pytest.param(http(b""), "no JSON object (it is empty)", id="an empty body"),
        pytest.param(http(b"<html>Sign in</html>"), 'it begins "<html>Sign in', id="HTML"),
        pytest.param(http(us_body()[:-9]), "no JSON object", id="broken JSON"),
        pytest.param(http(us_body()).replace(b"1000", b" NaN"), "data.items[0].volume", id="NaN"),
        pytest.param(http(us_body(volume=True)), "data.items[0].volume", id="a boolean"),
        pytest.param(then(http(us_body())[:-9], hang_up), "the answer was cut short", id="cut before its length"),
        pytest.param(
            then(http(us_body(), content_length="99999"), hang_up), "the answer was cut short", id="a length too long"
        ),
        pytest.param(http(us_body(), content_length="50"), "no JSON object", id="a length too short"),
        pytest.param(http(us_body(), content_length="-1"), "what came is not HTTP", id="a length that is none"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "what came is not HTTP", id="another protocol"),
        pytest.param(endless_headers, "what came is not HTTP", id="endless headers"),
        pytest.param(http(b" " * 10_000_000), "larger than 1 MiB", id="ten megabytes"),
        pytest.param(endless_body, "larger than 1 MiB", id="without end, and no length"),
        pytest.param(
            http(gzip.compress(us_body()), content_encoding="gzip"),
            'encoded as "gzip"',
            id="gzip that nobody asked for",
        ),
        pytest.param(http(b"", content_encoding="br, gzip"), 'encoded as "br, gzip"', id="doubly encoded"),
        pytest.param(
            http(b"", "302 Found", location="http://["), "upstream redirects to http://[", id="a redirect to nowhere"
        ),
        pytest.param(then(b"", hang_up), "it closed the connection without an answer", id="closed at once"),
        pytest.param(then(b"", reset), "it reset the connection", id="reset at once"),
        pytest.param(then(http(us_body())[:-9], reset), "it reset the connection", id="reset during the answer"),
    ],
)
def test_no_usable_answer_says_why(reply: Reply | bytes, cause: str) -> None:
    refusal = refused(reply)
    assert refusal.state is DataState.ERROR
    assert cause in refusal.reason


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(silence, id="no answer"),
        pytest.param(drip, id="one byte at a time"),
        pytest.param(drip_body, id="a body one byte at a time"),
        pytest.param(endless_hints, id="interim answers without end"),
    ],
)
def test_the_time_out_is_one_over_the_whole_request(reply: Reply) -> None:
    refusal = refused(reply, timeout=0.25)
    assert "no complete answer within 0.25 s" in refusal.reason
    assert refusal.retry


def test_an_identity_encoding_is_none() -> None:
    assert isinstance(asked(http(us_body(), content_encoding="identity")), Answered)


def test_a_body_in_chunks_is_read() -> None:
    body = us_body()
    chunks = b"%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (20, body[:20], len(body) - 20, body[20:])
    assert isinstance(asked(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunks), Answered)


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent"])
def test_a_redirect_is_not_followed_but_named(status: str) -> None:
    async def ask() -> tuple[Answer, int]:
        async with Raw(http(us_body())).running() as elsewhere:
            target = http(b"", status, location=f"{elsewhere.url}/login?token={CANARY}")
            async with Raw(target).running() as server, client(server.url) as upstream:
                return await upstream.ask(US, 30), elsewhere.connections

    answer, followed = asyncio.run(ask())
    assert isinstance(answer, Refused)
    assert "upstream redirects to http://127.0.0.1:" in answer.reason
    assert "/login (HTTP 30" in answer.reason
    assert CANARY not in answer.reason
    assert followed == 0


@pytest.mark.parametrize(
    ("reply", "state", "wait"),
    [
        pytest.param(http(b"", "429 Too Many Requests", retry_after="7"), DataState.ERROR, 7.0, id="429 with seconds"),
        pytest.param(
            http(b"", "429 Too Many Requests", retry_after=format_datetime(NOW + timedelta(seconds=90), usegmt=True)),
            DataState.ERROR,
            90.0,
            id="429 with a date",
        ),
        pytest.param(http(b"", "429 Too Many Requests", retry_after="-1"), DataState.ERROR, 0.0, id="429, negative"),
        pytest.param(http(b"", "429 Too Many", retry_after="1000000000"), DataState.ERROR, 3600.0, id="429, capped"),
        pytest.param(
            http(refusal(-11, "rate_limited", "retry after 3s")), DataState.ERROR, 3.0, id="-11 under 200, in words"
        ),
        pytest.param(
            http(b"\x1f\x8b", "429 Too Many", content_encoding="gzip", retry_after="4"),
            DataState.ERROR,
            4.0,
            id="429 in gzip: the status is enough",
        ),
        pytest.param(
            http(b"x" * 2_000_000, "503 Service Unavailable", retry_after="9"), DataState.ERROR, 9.0, id="503, large"
        ),
        pytest.param(http(refusal(-10, "no_data"), "404 Not Found"), DataState.NO_DATA, None, id="-10 under 404"),
        pytest.param(http(b"", "401 Unauthorized"), DataState.DENIED, None, id="401"),
    ],
)
def test_refusals_come_through(reply: bytes, state: DataState, wait: float | None) -> None:
    refusal = refused(reply)
    assert (refusal.state, refusal.retry_after) == (state, wait)


def test_whoever_is_asked_to_wait_waits_with_every_symbol() -> None:
    async def ask() -> float:
        replies = http(b"", "429 Too Many Requests", retry_after="0.3"), http(us_body())
        async with Raw(*replies).running() as server, client(server.url) as upstream:
            await upstream.ask(US, 30)
            began = asyncio.get_running_loop().time()
            assert isinstance(await upstream.ask(US, 30), Answered)
            return asyncio.get_running_loop().time() - began

    assert 0.28 < asyncio.run(ask()) < 2


def test_a_kept_connection_is_used_again_and_a_stale_one_costs_one_more_request() -> None:
    async def ask() -> tuple[list[Answer], int, int, int]:
        async with (
            Raw(http(us_body()), http(us_body()), hang_up, http(us_body())).running() as server,
            client(server.url) as upstream,
        ):
            answers = [await upstream.ask(US, 30), await upstream.ask(US, 30)]
            kept = server.connections
            answers.append(await upstream.ask(US, 30))
            return answers, kept, server.connections, len(server.requests)

    answers, kept, connections, requests = asyncio.run(ask())
    assert all(isinstance(answer, Answered) for answer in answers)
    assert (kept, connections, requests) == (1, 2, 4)


def test_a_fresh_connection_that_is_closed_is_not_tried_again() -> None:
    async def ask() -> int:
        async with Raw(hang_up).running() as server, client(server.url) as upstream:
            await upstream.ask(US, 30)
            return len(server.requests)

    assert asyncio.run(ask()) == 1


def test_a_stale_connection_and_then_a_closed_one_are_an_error_to_come_back_from() -> None:
    async def ask() -> tuple[Answer, Answer, int]:
        async with (
            Raw(http(us_body()), hang_up, hang_up, http(us_body())).running() as server,
            client(server.url) as upstream,
        ):
            await upstream.ask(US, 30)
            return await upstream.ask(US, 30), await upstream.ask(US, 30), len(server.requests)

    stale, afterwards, requests = asyncio.run(ask())
    assert isinstance(stale, Refused)
    assert stale.reason.endswith("it closed the connection without an answer")
    assert stale.retry
    assert isinstance(afterwards, Answered)
    assert requests == 4


def test_a_repeated_request_takes_a_slot_of_its_own() -> None:
    async def ask() -> tuple[float, ...]:
        pacing = Pacing(Rate(5, 60), perf_counter)
        replies = http(us_body()), hang_up, http(us_body())
        async with Raw(*replies).running() as server, client(server.url, pacing=pacing) as upstream:
            await upstream.ask(US, 30)
            await upstream.ask(US, 30)
        return pacing.usage.taken

    assert len(asyncio.run(ask())) == 3


def test_a_client_outlives_many_time_outs_and_no_more_than_its_connections_are_open() -> None:
    async def ask() -> tuple[Answer, list[Answer], int]:
        async with (
            Raw(*[silence] * 40, http(us_body())).running() as server,
            client(server.url, timeout=0.5, connections=8) as upstream,
        ):
            timed_out = await asyncio.gather(*(upstream.ask(US, 30) for _ in range(40)))
            return await upstream.ask(US, 30), timed_out, server.connections

    answer, timed_out, connections = asyncio.run(ask())
    assert isinstance(answer, Answered)
    assert all(isinstance(one, Refused) and "within 0.5 s" in one.reason for one in timed_out)
    assert connections == 41


def test_waiting_for_a_slot_or_a_connection_is_no_part_of_the_time_out() -> None:
    async def slow(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        writer.write(http(us_body()))

    async def ask() -> list[Answer]:
        async with Raw(slow).running() as server, client(server.url, timeout=0.7, connections=1) as upstream:
            return await asyncio.gather(*(upstream.ask(US, 30) for _ in range(8)))

    assert all(isinstance(answer, Answered) for answer in asyncio.run(ask()))


def test_a_cancelled_question_leaves_the_client_usable() -> None:
    async def ask() -> Answer:
        async with Raw(silence, http(us_body())).running() as server, client(server.url, connections=1) as upstream:
            question = asyncio.create_task(upstream.ask(US, 30))
            await asyncio.sleep(0.05)
            question.cancel()
            with pytest.raises(asyncio.CancelledError):
                await question
            return await upstream.ask(US, 30)

    assert isinstance(asyncio.run(ask()), Answered)


def unanswered(url: str, **changes: object) -> str:
    async def ask() -> Answer:
        async with client(url, **changes) as upstream:
            return await upstream.ask(US, 30)

    answer = asyncio.run(ask())
    assert isinstance(answer, Refused)
    assert (answer.state, answer.retry) == (DataState.ERROR, True)
    return answer.reason


def test_a_refused_connection_is_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert unanswered(f"http://127.0.0.1:{port}") == (
        f"US.AAPL: no answer from upstream at 127.0.0.1:{port}: it refuses the connection"
    )


def test_a_refused_connection_is_one_whichever_of_the_hosts_addresses_refuse() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert unanswered(f"http://localhost:{port}").endswith("it refuses the connection")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70 + ".invalid"])
def test_a_name_that_does_not_resolve_is_one(host: str) -> None:
    assert unanswered(f"http://{host}").endswith(f"at {host}: its name cannot be resolved")


def test_a_server_without_tls_is_one() -> None:
    async def plain(writer: asyncio.StreamWriter) -> None:
        writer.write(http(us_body()))

    async def ask() -> str:
        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await plain(writer)
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, client(f"https://127.0.0.1:{port}") as upstream:
            refusal = await upstream.ask(US, 30)
            assert isinstance(refusal, Refused)
            return refusal.reason

    assert "TLS failed: " in asyncio.run(ask())


def test_a_proxy_is_asked_and_one_that_refuses_is_said_to() -> None:
    async def ask() -> tuple[Answer, Answer, list[str]]:
        replies = http(us_body()), http(b"", "407 Proxy Authentication Required")
        async with Raw(*replies).running() as proxy:
            async with client("http://upstream.invalid", proxy=proxy.url) as upstream:
                direct = await upstream.ask(US, 30)
            async with client("https://upstream.invalid", proxy=proxy.url) as upstream:
                return direct, await upstream.ask(US, 30), proxy.requests

    direct, tunnel, requests = asyncio.run(ask())
    assert isinstance(direct, Answered)
    assert requests[0].startswith("GET http://upstream.invalid/v1/quote/US.AAPL/")
    assert requests[1].startswith("CONNECT upstream.invalid:443 ")
    assert isinstance(tunnel, Refused)
    assert tunnel.reason.endswith("the proxy refuses: 407 Proxy Authentication Required")


def test_the_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert isinstance(asked(http(us_body())), Answered)


def test_a_cookie_is_not_kept() -> None:
    async def ask() -> str:
        async with (
            Raw(http(us_body(), set_cookie="a=b; Path=/")).running() as server,
            client(server.url) as upstream,
        ):
            await upstream.ask(US, 30)
            await upstream.ask(US, 30)
            return server.requests[1]

    assert "cookie" not in asyncio.run(ask()).lower()


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(http(us_body()), id="a success"),
        pytest.param(http(f"token {CANARY} is wrong".encode(), "401 Unauthorized"), id="echoed as text"),
        pytest.param(http(refusal(-9, CANARY, f"{CANARY} expired")), id="echoed as JSON"),
        pytest.param(http(refusal(-99, "odd", "x" * 190 + CANARY)), id="echoed where a reason is cut"),
        pytest.param(http(us_body(volume=CANARY)), id="echoed in a field"),
        pytest.param(http(b"", "302 Found", location=f"/{CANARY}"), id="echoed in a redirect"),
        pytest.param(http(b"", content_encoding=CANARY), id="echoed in a header"),
        pytest.param(then(b"", hang_up), id="no answer"),
    ],
)
def test_the_token_is_in_no_reason_and_no_log(reply: Reply | bytes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    answer = asked(reply, access=Access(CANARY))
    assert "canary" not in repr(answer)
    sent = [record for record in caplog.records if "canary" in record.getMessage()]
    # httpcore's DEBUG lines tell the headers that came, so only an upstream that sends the token back can put it there
    assert all(record.name == "httpcore.http11" for record in sent)
    assert not any("send_request" in record.getMessage() for record in sent)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        pytest.param({"base_url": "upstream.example"}, "begins with http://", id="no scheme"),
        pytest.param({"base_url": "ftp://upstream.example"}, "begins with http://", id="another scheme"),
        pytest.param({"base_url": "http://"}, "begins with http://", id="no host"),
        pytest.param({"base_url": "http://[::1"}, "is not one", id="a broken address"),
        pytest.param({"base_url": "http://xn--0"}, "is not one", id="a name that is none"),
        pytest.param({"base_url": f"http://u:{CANARY}/x@h"}, "is not one", id="a password that ends the host"),
        pytest.param({"base_url": f"http://u:{CANARY}@upstream.example"}, "the token", id="a password in the URL"),
        pytest.param({"path": "/v1/quote"}, "{symbol} once", id="no place for the symbol"),
        pytest.param({"path": "/{symbol}/{symbol}"}, "{symbol} once", id="two places for the symbol"),
        pytest.param({"path": "/{symbol}?x=1"}, "neither ? nor #", id="a query in the path"),
        pytest.param({"proxy": f"socks5://u:{CANARY}@h"}, "the proxy", id="a proxy of another kind"),
        pytest.param({"proxy": f"http://{CANARY}:port"}, "the proxy", id="a proxy that is no URL"),
        pytest.param({"ca_file": Path("no-such-file.pem")}, "No such file", id="no CA file"),
        pytest.param({"ca_file": Path(__file__)}, "holds no certificate", id="a CA file that is none"),
    ],
)
def test_what_cannot_be_used_is_a_configuration_error_that_quotes_no_secret(
    changes: dict[str, object], cause: str
) -> None:
    async def make() -> None:
        settings: dict[str, object] = {"base_url": "http://upstream.example", "pacing": Pacing(QUICKLY, perf_counter)}
        Client(**(settings | {"now": lambda: NOW} | changes))  # type: ignore[arg-type]  # wrong on purpose

    with pytest.raises(ConfigurationError) as refusal:
        asyncio.run(make())
    assert cause in str(refusal.value)
    assert "canary" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def chained(error: BaseException, *causes: BaseException) -> BaseException:
    link = error
    for cause in causes:
        link.__cause__ = cause
        link = cause
    return error


def certificate_error() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"
    return error


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        pytest.param(
            chained(httpx.ConnectError(""), certificate_error()),
            "its certificate is not trusted: self-signed certificate",
            id="a certificate",
        ),
        pytest.param(
            chained(httpx.ConnectError(""), ssl.SSLError(1, "unsaid")), "TLS failed: no reason given", id="TLS"
        ),
        pytest.param(httpx.ConnectError(""), "it closed the connection during the TLS handshake", id="no cause"),
        pytest.param(
            chained(httpx.ConnectTimeout(""), TimeoutError()), "connecting to it timed out", id="in the kernel"
        ),
        pytest.param(
            chained(httpx.ConnectError(""), OSError(113, "No route to host")), "No route to host", id="no route"
        ),
        pytest.param(
            chained(
                httpx.ConnectError(""),
                OSError("All connection attempts failed"),
                ExceptionGroup("several", [ConnectionRefusedError(111, ""), OSError(101, "Network is unreachable")]),
            ),
            "it refuses the connection",
            id="several addresses",
        ),
        pytest.param(chained(httpx.ReadError(""), BrokenPipeError(32, "")), "it reset the connection", id="a pipe"),
        pytest.param(httpx.ReadError(""), "the connection broke", id="anything of the network"),
        pytest.param(httpx.UnsupportedProtocol(CANARY), "the request failed with UnsupportedProtocol", id="the rest"),
    ],
)
def test_a_cause_is_told_in_words(error: BaseException, cause: str) -> None:
    assert cause_of(error) == cause
