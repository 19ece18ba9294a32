"""Upstream lies, stalls and breaks in every known way: each has its own sentence, costs nobody else, ends no alert."""

import asyncio
import gzip
import json
import shutil
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import pytest

from tests.builders import book, rule, us_row
from tests.canary import CANARY
from tests.end_to_end.live import environment, watcher
from tests.upstream.answers import NOW, US, US_ITEM, refusal, us
from tests.upstream.servers import Raw, Reply, hang_up, http, reset
from tests.upstream.test_client import (
    drip_body,
    endless_body,
    endless_headers,
    endless_hints,
    silence,
    then,
    unanswered,
)
from watcher.core.answer import Answer, Answered, DataState, Refused
from watcher.core.market import Symbol
from watcher.jobs.record import record
from watcher.jobs.take_up import take_up
from watcher.store.store import Store
from watcher.upstream.client import Client
from watcher.upstream.pacing import Pacing, Rate

OTHER = Symbol("US.XRT")
FIRING = book(rule(when="volume > 0", symbols=[US]), digest="firing")
GOOD = http(us())
QUICKLY = Rate(1000, 0.001)


def item(**fields: object) -> bytes:
    return http(us(**fields))


def raw(field: str, text: str) -> bytes:
    """Return a success whose field is written as `text`, which may be no JSON."""
    return http(us(**{field: "RAW"}).replace(b'"RAW"', text.encode()))


def success(content: str) -> bytes:
    return http(f'{{"ret_code":0,"data":{content}}}'.encode())


ERROR, DENIED, NO_DATA = DataState.ERROR, DataState.DENIED, DataState.NO_DATA
INVALID, UNSUPPORTED = DataState.INVALID, DataState.UNSUPPORTED

# what upstream answers, the state it leads to, and the cause that a person reads
REFUSED: dict[str, tuple[Reply | bytes, DataState, str]] = {
    "-3 invalid_parameter": (http(refusal(-3, "invalid_parameter")), INVALID, "takes the request for invalid (ret_c"),
    "-3 under 400": (http(refusal(-3), "400 Bad Request"), INVALID, "invalid (HTTP 400 Bad Request, ret_code -3)"),
    "-7 invalid_symbol": (http(refusal(-7, "invalid_symbol")), INVALID, "knows no such symbol (ret_code -7, inv"),
    "-7 under 404": (http(refusal(-7), "404 Not Found"), INVALID, "no such symbol (HTTP 404 Not Found, ret_code -7)"),
    "-8 unsupported": (http(refusal(-8, "unsupported")), UNSUPPORTED, "market or category (ret_code -8, unsupported)"),
    "-8 under 422": (http(refusal(-8), "422 X"), UNSUPPORTED, "(HTTP 422 Unprocessable Entity, ret_code -8)"),
    "-9 permission_denied": (http(refusal(-9, "permission_denied")), DENIED, "denies permission, the token may be"),
    "401": (http(b"", "401 Unauthorized"), DENIED, "wrong or expired (HTTP 401 Unauthorized)"),
    "403 in HTML": (http(b"<html>", "403 Forbidden"), DENIED, "expired (HTTP 403 Forbidden, "),
    "-10 no_data": (http(refusal(-10, "no_data")), NO_DATA, "no short selling data for it (ret_code -10, no_data)"),
    "-10 under 404": (http(refusal(-10), "404 Not Found"), NO_DATA, "(HTTP 404 Not Found, ret_code -10)"),
    "-11 under 200": (http(refusal(-11, "rate_limited", "retry after 0.01s")), ERROR, 'limited, "retry after 0.01s")'),
    "429": (http(b"", "429 X", retry_after="0"), ERROR, "we ask too often (HTTP 429 Too Many Requests)"),
    "-2": (http(refusal(-2)), ERROR, "upstream has trouble of its own (ret_code -2)"),
    "-4": (http(refusal(-4)), ERROR, "upstream has trouble of its own (ret_code -4)"),
    "-5": (http(refusal(-5)), ERROR, "upstream has trouble of its own (ret_code -5)"),
    "-6": (http(refusal(-6)), ERROR, "upstream has trouble of its own (ret_code -6)"),
    "500": (http(b"", "500 X"), ERROR, "trouble of its own (HTTP 500 Internal Server Error)"),
    "502": (http(b"<html>", "502 X"), ERROR, "trouble of its own (HTTP 502 Bad Gateway, "),
    "503": (http(b"", "503 X"), ERROR, "trouble of its own (HTTP 503 Service Unavailable)"),
    "a code of no known meaning": (http(refusal(-99, "odd", "who knows")), ERROR, 'ret_code -99, odd, "who knows")'),
    "a top-level code alone": (http(b'{"code":-8}'), UNSUPPORTED, "market or category (ret_code -8)"),
    "neither of them": (http(b"{}"), ERROR, "neither ret_code nor code"),
    "400 without a word": (http(b"", "400 X"), ERROR, "refuses the request without a ret_code (HTTP 400"),
    "a success under 400": (http(us(), "400 X"), ERROR, "calls a refusal a success (HTTP 400"),
    "an empty body": (http(b""), ERROR, "the answer is no JSON object (it is empty)"),
    "HTML under 200": (http(b"<html>Sign in</html>"), ERROR, 'it begins "<html>Sign in</html>"'),
    "a broken body": (http(us()[:200]), ERROR, "EOF while parsing"),
    "a body cut by the connection": (then(GOOD[:-40], hang_up), ERROR, "the answer was cut short"),
    "no text at all": (http(b"\x1f\x8b\x08\x00\xff"), ERROR, "expected value at line 1 column 1, it begins"),
    "nested 100,000 deep": (http(b"[" * 100_000), ERROR, 'recursion limit exceeded at line 1 column 202, it begins "['),
    "objects nested as deep": (http(b'{"x":' * 100_000), ERROR, '"{"x":{"x":{"x":'),
    "NaN": (raw("volume", "NaN"), ERROR, "data.items[0].volume is not what it should be: nan"),
    "Infinity": (raw("close_price", "-Infinity"), ERROR, "data.items[0].close_price is not what it should be: -inf"),
    "1e999": (raw("volume", "1e999"), ERROR, "data.items[0].volume is not what it should be: inf"),
    "a number of 5,000 digits": (raw("volume", "1" * 5000), ERROR, "number out of range"),
    "a number of 400 digits": (raw("short_percent", "1" * 400), ERROR, "items[0].short_percent is not what it"),
    "a boolean": (item(volume=True), ERROR, "data.items[0].volume is not what it should be: True"),
    "a word for a number": (item(nasdaq_shares_short="many"), ERROR, "nasdaq_shares_short is not what it should be: m"),
    "a renamed field": (http(us({"timestamp_str": "2026-06-05", "Volume": 5})), ERROR, "no row has any of the figures"),
    "a row without a date": (http(us({"volume": 5})), ERROR, "data.items[0].timestamp_str is missing"),
    "a date that is null": (item(timestamp_str=None), ERROR, "data.items[0].timestamp_str is not what it should be: N"),
    "no data": (http(b'{"ret_code":0}'), ERROR, "claims: data is missing"),
    "data that is null": (success("null"), ERROR, "data is not what it should be: None"),
    "no items": (success("{}"), ERROR, "data.items is missing"),
    "items that are no list": (success('{"items":{}}'), ERROR, "data.items is not what it should be: {}"),
    "another market's answer": (success('{"market":"HK","items":[]}'), ERROR, 'the answer is for market "HK"'),
    "ten megabytes": (http(us() + b" " * 10_000_000), ERROR, "the answer is larger than 1 MiB"),
    "a length that lies": (then(http(us(), content_length="9999"), hang_up), ERROR, "the answer was cut short"),
    "a length that is none": (http(us(), content_length="-1"), ERROR, "what came is not HTTP"),
    "a gzip bomb": (http(gzip.compress(bytes(10**7)), content_encoding="gzip"), ERROR, 'is encoded as "gzip"'),
    "a bomb in a bomb": (
        http(gzip.compress(gzip.compress(bytes(10**7))), content_encoding="gzip, gzip"),
        ERROR,
        'is encoded as "gzip, gzip"',
    ),
    "one byte at a time": (drip_body, ERROR, "no complete answer within 0.4 s"),
    "silence": (silence, ERROR, "no complete answer within 0.4 s"),
    "interim answers without end": (endless_hints, ERROR, "no complete answer within 0.4 s"),
    "headers without end": (endless_headers, ERROR, "what came is not HTTP"),
    "a body without end": (endless_body, ERROR, "the answer is larger than 1 MiB"),
    "a redirect to another host": (
        http(b"", "302 Found", location="https://evil.example/login?token=x"),
        ERROR,
        "redirects to https://evil.example/login (HTTP 302), which is not followed",
    ),
    "another protocol": (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", ERROR, "what came is not HTTP"),
    "closed at once": (then(b"", hang_up), ERROR, "it closed the connection without an answer"),
    "reset": (then(b"", reset), ERROR, "it reset the connection"),
}
# several ways to the same cause: what came, or what did not, is all that can be known
SAME = {"the answer was cut short", "what came is not HTTP", "no complete answer", "larger than 1 MiB"}


def client(url: str, timeout: float = 0.4, **changes: object) -> Client:
    pacing = Pacing(QUICKLY, perf_counter)
    return Client(url, pacing=pacing, now=lambda: NOW, timeout=timeout, **changes)  # type: ignore[arg-type]  # a builder


def asked(reply: Reply | bytes) -> tuple[Answer, Answer]:
    """Return the answer to a symbol for which upstream replies so, and the next symbol's, which is well."""

    async def ask() -> tuple[Answer, Answer]:
        async with Raw(reply, GOOD).running() as server, client(server.url) as upstream:
            return await upstream.ask(US, 30), await upstream.ask(OTHER, 30)

    return asyncio.run(ask())


@pytest.mark.parametrize("name", REFUSED)
def test_each_has_its_sentence_costs_nobody_else_and_ends_no_alert(store: Store, name: str) -> None:
    reply, state, cause = REFUSED[name]
    take_up(store, FIRING, NOW)
    record(store, FIRING, [Answered(US, (us_row("2026-06-04", volume=5),))], NOW)
    answer, next_answer = asked(reply)
    assert isinstance(answer, Refused), answer
    assert answer.reason.startswith(f"{US}: ")
    assert cause in answer.reason
    assert answer.state is state
    assert isinstance(next_answer, Answered)
    told = record(store, FIRING, [answer, next_answer], NOW)[1]
    assert [each for each in told if each.symbol == US] == []
    with store.read() as tx:
        assert tx.alerts.of([US])[US]["r"].firing
        assert tx.rows.newest([OTHER])[OTHER] == next_answer.rows


def test_the_sentences_are_distinct() -> None:
    causes = [cause for _, _, cause in REFUSED.values() if not any(same in cause for same in SAME)]
    assert len(set(causes)) == len(causes)


@pytest.mark.parametrize(
    ("fields", "volume"),
    [
        pytest.param({"volume": None}, None, id="null is missing"),
        pytest.param({"volume": "38649398"}, 38649398, id="a numeric string is its number"),
        pytest.param({"a_field": {"of": "tomorrow"}}, 38649398, id="a field that nobody knows"),
    ],
)
def test_what_is_only_written_otherwise_is_read(fields: dict[str, object], volume: int | None) -> None:
    answer, _ = asked(item(**fields))
    assert isinstance(answer, Answered)
    assert [row.volume for row in answer.rows if not hasattr(row, "turnover")] == [volume]


def test_of_duplicate_keys_the_last_counts() -> None:
    answer, _ = asked(http(us().replace(b'"volume":', b'"volume": 5, "volume":')))
    assert isinstance(answer, Answered)
    assert answer.rows[0].volume == US_ITEM["volume"]  # type: ignore[union-attr]  # a US row


def test_a_refused_connection_and_a_name_that_does_not_resolve_are_two_things() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert unanswered(f"http://127.0.0.1:{port}").endswith("it refuses the connection")
    assert unanswered("http://no-such-host.invalid").endswith("its name cannot be resolved")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")
def test_bad_tls_says_what_is_bad_about_it(tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)

    async def ask() -> list[str]:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(GOOD)
            writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        said = []
        async with server:
            for host, ca_file in (("localhost", None), ("127.0.0.1", certificate), ("localhost", certificate)):
                async with client(f"https://{host}:{port}", timeout=5.0, ca_file=ca_file) as upstream:
                    answer = await upstream.ask(US, 30)
                    said.append(answer.reason if isinstance(answer, Refused) else "well")
        return said

    untrusted, mismatched, well = asyncio.run(ask())
    assert "its certificate is not trusted: self-signed certificate" in untrusted
    assert "its certificate is not trusted: IP address mismatch" in mismatched
    assert well == "well"


MEASURED = """
import asyncio, sys, time
from datetime import UTC, datetime
from watcher.core.market import Symbol
from watcher.upstream.client import Client
from watcher.upstream.pacing import Pacing, Rate

def peak():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1])

async def main(good, bad):
    now = lambda: datetime(2026, 6, 6, 12, tzinfo=UTC)
    async with Client(good, pacing=Pacing(Rate(100, 1), time.perf_counter), now=now) as client:
        await client.ask(Symbol("US.AAPL"), 30)
    before = peak()
    async with Client(bad, pacing=Pacing(Rate(100, 1), time.perf_counter), now=now) as client:
        began = time.perf_counter()
        answer = await client.ask(Symbol("US.AAPL"), 30)
        print(time.perf_counter() - began, (peak() - before) / 1024, answer.reason, sep="\\n")

asyncio.run(main(*sys.argv[1:]))
"""


async def one_endless_header(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nx: ")
    while True:
        writer.write(b"y" * 65536)
        await writer.drain()


async def one_byte_a_second(writer: asyncio.StreamWriter) -> None:
    for byte in GOOD:
        writer.write(bytes([byte]))
        await asyncio.sleep(1)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak of the memory there")
@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        pytest.param(http(gzip.compress(bytes(2 * 10**8)), content_encoding="gzip"), "encoded", id="a gzip bomb"),
        pytest.param(
            http(gzip.compress(gzip.compress(bytes(2 * 10**8))), content_encoding="gzip, gzip"), "encoded", id="twice"
        ),
        pytest.param(http(b" " * 10_000_000), "larger than 1 MiB", id="ten megabytes"),
        pytest.param(endless_body, "larger than 1 MiB", id="a body without end"),
        pytest.param(endless_headers, "not HTTP", id="headers without end"),
        pytest.param(one_endless_header, "not HTTP", id="one header without end"),
        pytest.param(http(b"[" * 1_000_000), "no JSON object", id="a megabyte of brackets"),
        pytest.param(one_byte_a_second, "no complete answer within 10 s", id="a byte a second"),
    ],
)
def test_it_is_refused_within_ten_seconds_and_ten_megabytes(reply: Reply | bytes, cause: str) -> None:
    """In a process of its own, with the default time-out."""

    async def measured() -> list[str]:
        async with Raw(GOOD).running() as good, Raw(reply).running() as bad:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", MEASURED, good.url, bad.url), stdout=asyncio.subprocess.PIPE
            )
            out, _ = await process.communicate()
        return out.decode().splitlines()

    seconds, megabytes, reason = asyncio.run(measured())
    assert cause in reason
    assert float(seconds) < 10.5
    assert float(megabytes) < 10


def test_who_fails_for_ever_holds_no_slot_and_no_connection_longer_than_its_request() -> None:
    """With 3 connections, one of which a dead symbol keeps to its time-out: the others have the two, all the time."""

    async def ask() -> tuple[list[float], float]:
        began = perf_counter()
        dead, served = Symbol("US.DEAD"), []

        async def reply(writer: asyncio.StreamWriter) -> None:
            if "US.DEAD" in server.requests[-1]:
                await asyncio.sleep(60)
            await asyncio.sleep(0.01)
            writer.write(GOOD)

        async with Raw(reply).running() as server, client(server.url, timeout=2, connections=3) as upstream:
            failing = asyncio.create_task(upstream.ask(dead, 30))
            waiting = [Symbol(f"US.A{n}") for n in range(20)]

            async def work() -> None:
                while waiting:
                    assert isinstance(await upstream.ask(waiting.pop(), 30), Answered)
                    served.append(perf_counter() - began)

            await asyncio.gather(work(), work())
            assert isinstance(await failing, Refused)
            return served, perf_counter() - began

    served, failed = asyncio.run(ask())
    assert len(served) == 20
    assert max(served) < 2 <= failed < 4, "all of them before the dead one's time-out"


def echo() -> Reply:
    """Answer with the token everywhere that an answer has a place for it."""
    body = json.dumps({"ret_code": -9, "ret_msg": CANARY, "error": {"code": CANARY, "message": f"Bearer {CANARY}"}})
    return then(http(body.encode(), f"401 {CANARY}", www_authenticate=f"Bearer {CANARY}", x_token=CANARY), hang_up)


@pytest.mark.parametrize("way", ["setting", "file", "credential"])
def test_the_token_is_in_no_log_at_debug_no_output_and_no_state(tmp_path: Path, way: str) -> None:
    """The real command, with every logger at DEBUG, against an upstream that sends the token back wherever it can."""
    (tmp_path / "rules.toml").write_text('[[rule]]\nname = "r"\nsymbols = ["US.XRT"]\nwhen = "volume > 0"\n')
    secret = tmp_path / "secrets" / "token"
    secret.parent.mkdir()
    secret.write_text(CANARY)
    settings = {
        "setting": {"WATCHER_UPSTREAM__TOKEN": CANARY},
        "file": {"WATCHER_UPSTREAM__TOKEN_FILE": str(secret)},
        "credential": {"CREDENTIALS_DIRECTORY": str(secret.parent)},
    }
    at_debug = (
        "import logging, sys; from watcher.cli import logs, main; was = logs.log_to_stderr\n"
        "def log(level=0): was(logging.DEBUG); logging.getLogger().setLevel(logging.DEBUG)\n"
        "logs.log_to_stderr = log; sys.argv[1:] = ['poll']; main()"
    )

    async def poll() -> tuple[str, list[str]]:
        async with Raw(echo()).running() as server:
            env = environment(server.url, tmp_path / "state", **settings[way])
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", at_debug),
                env=env,
                cwd=tmp_path,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            out, _ = await process.communicate()
            return out.decode(), server.requests

    out, requests = asyncio.run(poll())
    assert f"Bearer {CANARY}" in requests[0], "it is shown to upstream"
    assert "level=debug" in out.lower(), "the loggers are at DEBUG"
    assert "denies permission" in out
    assert CANARY not in out
    for path in (tmp_path / "state").rglob("*"):
        assert path.is_dir() or CANARY.encode() not in path.read_bytes(), path.name
    status = watcher("status", env=environment("http://x", tmp_path / "state"), cwd=tmp_path)
    assert "denied" in status.stdout
    assert CANARY not in status.stdout + status.stderr
