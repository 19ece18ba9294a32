"""A local proxy that answers in the place of Slack, for the real plugin to its real address."""

import json
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import trustme

URL = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"


class Proxy:
    """Takes CONNECT, speaks TLS as whoever was asked for, and answers every POST the same."""

    def __init__(self, authority: trustme.CA) -> None:
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("hooks.slack.com").configure_cert(self.tls)
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


@contextmanager
def proxied(directory: Path) -> Iterator[Proxy]:
    """Lead requests of this process through a proxy, whose certificate they trust; it needs a `directory`."""
    authority = trustme.CA()
    running = Proxy(authority)
    bundle = directory / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    environment = {name: value for name, value in os.environ.items() if name.lower() != "no_proxy"}
    environment |= {"HTTPS_PROXY": f"http://127.0.0.1:{running.port}", "REQUESTS_CA_BUNDLE": str(bundle)}
    threading.Thread(target=running.serve, daemon=True).start()
    with patch.dict(os.environ, environment, clear=True):
        yield running
    running.listener.shutdown(socket.SHUT_RDWR)
    running.listener.close()
