"""The real Slack plugin, to its real address, through a local proxy that answers in Slack's place."""

import asyncio
import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.builders import facts, message, mixed_digest, note
from watcher.core.notification import Message
from watcher.core.outbox import Failed, Outcome, Sent
from watcher.delivery.channels import AppriseChannel

URL = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")


class Proxy:
    """Takes CONNECT, speaks TLS as whoever was asked for, and answers every POST the same."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, key)
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
        self.targets: list[str] = []
        self.payloads: list[dict[str, Any]] = []  # Any: JSON
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                with connection, suppress(ssl.SSLError):
                    self._one(connection)

    def _one(self, plain: socket.socket) -> None:
        asked = b""
        while b"\r\n\r\n" not in asked:
            asked += plain.recv(4096)
        self.targets.append(asked.split()[1].decode())
        plain.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with self.tls.wrap_socket(plain, server_side=True) as secure, secure.makefile("rb") as request:
            length = 0
            while (line := request.readline()) not in (b"\r\n", b""):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            self.payloads.append(json.loads(request.read(length)))
            secure.sendall(self.answer)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", "/CN=hooks.slack.com", "-addext", "subjectAltName=DNS:hooks.slack.com"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


@pytest.fixture
def proxy(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    running = Proxy(*certificate)
    threading.Thread(target=running.serve, daemon=True).start()
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{running.port}")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    yield running
    running.listener.shutdown(socket.SHUT_RDWR)
    running.listener.close()


def send(what: Message, url: str = URL) -> Outcome:
    return asyncio.run(AppriseChannel("desk", url, limit=10).send(what))


def test_a_digest_arrives_whole_and_as_text(proxy: Proxy) -> None:
    told = mixed_digest()
    assert send(told) == Sent()
    assert proxy.targets == ["hooks.slack.com:443"]
    (payload,) = proxy.payloads
    (attachment,) = payload["attachments"]
    assert payload["mrkdwn"] is False
    assert attachment["title"].endswith("· short selling")
    assert all(f"[{notification.id}]" in attachment["text"] for notification in told.notifications)
    assert "15 · hk-crowded" in attachment["text"]
    assert "&gt; 15" in attachment["text"]
    assert "http" not in json.dumps(payload), "no picture is loaded from anywhere"


@pytest.mark.parametrize("option", ["", "?format=markdown", "?blocks=yes", "?format=markdown&blocks=yes"])
def test_nobody_is_pinged(proxy: Proxy, option: str) -> None:
    hostile = "<!channel> <@U123456> @here <https://evil.example|click>"
    assert send(message(note(rule=hostile, note=hostile, facts=facts(text=hostile))), URL + option) == Sent()
    sent = json.dumps(proxy.payloads, ensure_ascii=False)
    assert "channel" in sent
    assert not {"<", "@"} & set(sent)


def test_a_webhook_that_was_removed_is_a_failure_that_does_not_name_its_tokens(proxy: Proxy) -> None:
    proxy.answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 10\r\nConnection: close\r\n\r\nno_service"
    assert send(message()) == Failed("HTTP 404 Not Found")


def test_an_error_under_200_is_not_sent(proxy: Proxy) -> None:
    proxy.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\nConnection: close\r\n\r\ninvalid_payload"
    outcome = send(message())
    assert isinstance(outcome, Failed)
    assert "TIiajkdnlazkcOXrIdevi7FQ" not in outcome.reason


def test_a_certificate_that_nobody_signed_is_a_failure(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    outcome = send(message())
    assert outcome == Failed("the TLS handshake failed: self-signed certificate")
    assert proxy.payloads == []


def test_a_proxy_that_is_down_is_a_failure(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert send(message()) == Failed("the connection was refused")
    assert proxy.targets == []
