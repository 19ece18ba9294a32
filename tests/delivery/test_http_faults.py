"""What a web hook can do to a request, byte by byte, over real sockets: never "sent" unless it said so, never lost."""

import asyncio
import socket
import time
from contextlib import suppress

import pytest

from tests.delivery.builders import message
from tests.delivery.receivers import Dialogue, Speaking, Webhook, reset, status
from watcher.core.outbox import Failed, Outcome, Sent, Unknown
from watcher.delivery.channels import AppriseChannel

CUT = Unknown("the connection was cut after the message went out")
NOT_HTTP = Unknown("what answered did not speak HTTP")


def send(url: str, limit: float = 10) -> Outcome:
    return asyncio.run(AppriseChannel("desk", url, limit=limit).send(message()))


def read_request(connection: socket.socket) -> bytes:
    """Return a whole request."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += connection.recv(65536)
    head, _, body = got.partition(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.splitlines() if line.lower().startswith(b"content-length"))
    while len(body) < length:
        body += connection.recv(65536)
    return body


def answering(answer: bytes) -> Dialogue:
    """Answer a request with these bytes, and close."""

    def dialogue(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer)

    return dialogue


def close_unread(connection: socket.socket) -> None:
    connection.recv(1)


def reset_after_the_request(connection: socket.socket) -> None:
    read_request(connection)
    reset(connection)


def drip(connection: socket.socket) -> None:
    """Answer a byte every 50 ms: every wait of the client is short, all of them together are endless."""
    read_request(connection)
    for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 400:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("dialogue", "outcome"),
    [
        pytest.param(close_unread, CUT, id="closed before it read all of the request"),
        pytest.param(reset_after_the_request, CUT, id="reset after the request"),
        pytest.param(answering(b""), CUT, id="closed after the request"),
        pytest.param(answering(b"220 mail.example.com ESMTP\r\n"), NOT_HTTP, id="the answer of a mail server"),
        pytest.param(answering(b"\x15\x03\x01\x00\x02\x02F"), NOT_HTTP, id="the alert of a server that wants TLS"),
        pytest.param(
            answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), CUT, id="200 in broken chunks"
        ),
    ],
)
def test_what_may_have_been_taken_is_unknown(dialogue: Dialogue, outcome: Outcome) -> None:
    with Speaking(dialogue) as server:
        assert send(f"json://127.0.0.1:{server.port}/") == outcome


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", Sent(), id="204"),
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\nok", Sent(), id="HTTP/1.0, and a body without a length"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(1_000_000), Sent(), id="a megabyte of answer"
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Sent(), id="an empty 200"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Le", Sent(), id="cut, but not before it said that it took it"),
        *(
            pytest.param(
                f"HTTP/1.1 {code} Moved\r\nLocation: /\r\nContent-Length: 0\r\n\r\n".encode(),
                Failed(f"HTTP {code} {phrase}: redirects are not followed"),
                id=f"{code}",
            )
            for code, phrase in [
                (301, "Moved Permanently"),
                (303, "See Other"),
                (307, "Temporary Redirect"),
                (308, "Permanent Redirect"),
            ]
        ),
        pytest.param(
            b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n",
            Failed("HTTP 429 Too Many Requests"),
            id="429 is left to the outbox: nothing sleeps for as long as the receiver wishes",
        ),
        pytest.param(
            b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: Fri, 31 Dec 2100 23:59:59 GMT\r\n"
            b"Content-Length: 0\r\n\r\n",
            Failed("HTTP 503 Service Unavailable"),
            id="503 until the next century",
        ),
    ],
)
def test_an_answer_is_believed(answer: bytes, outcome: Outcome) -> None:
    with Speaking(answering(answer)) as server:
        began = time.perf_counter()
        assert send(f"json://127.0.0.1:{server.port}/") == outcome
        assert time.perf_counter() - began < 5


def test_a_connection_that_is_reset_at_once_is_no_success() -> None:
    """Whether the request was on its way already is a race: it failed, or it is not known."""
    with Speaking(reset) as server:
        assert not isinstance(send(f"json://127.0.0.1:{server.port}/"), Sent)


def test_an_answer_that_drips_ends_with_the_limit() -> None:
    with Speaking(drip) as server:
        began = time.perf_counter()
        assert send(f"json://127.0.0.1:{server.port}/", limit=1) == Unknown("no answer within 1 s")
        assert time.perf_counter() - began < 3


def test_a_body_that_never_ends_ends_with_the_limit() -> None:
    """It said 200; that it is not believed costs a repeat that is marked, to believe it too soon a message."""

    def endless(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(200):
            connection.sendall(b"1\r\nx\r\n")
            time.sleep(0.02)

    with Speaking(endless) as server:
        assert send(f"json://127.0.0.1:{server.port}/", limit=1) == Unknown("no answer within 1 s")


def test_a_handshake_that_is_cut_is_a_failure() -> None:
    with Speaking(lambda connection: reset(connection) if connection.recv(1) else None) as server:
        outcome = send(f"jsons://127.0.0.1:{server.port}/")
    assert isinstance(outcome, Failed), outcome


def test_what_is_taken_after_our_limit_was_unknown_and_its_repeat_is_marked() -> None:
    with Webhook(status(200)) as hook:

        def late(handler: object) -> None:
            time.sleep(1.6)
            with suppress(BrokenPipeError):  # it has gone by then, or not
                status(200)(handler)  # type: ignore[arg-type]  # the handler it is called with

        hook.answers.insert(0, late)
        channel = AppriseChannel("desk", hook.url, limit=1)
        assert isinstance(asyncio.run(channel.send(message())), Unknown)
        assert asyncio.run(channel.send(message(repeat=True))) == Sent()
    assert ["possibly a repeat" in body["title"] for body in hook.bodies] == [False, True]
    first, again = (body["message"].rpartition("[")[2] for body in hook.bodies)
    assert first == again, "the same id"
