"""A web hook and a mail server in a process of their own; each line on standard input asks what arrived since the last.

`python -m bench.receivers` prints the apprise URLs of both, then, for each line, one JSON object of lists: the ids of
the notifications that arrived at either, in order.
"""

import json
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from subprocess import PIPE, Popen
from threading import Thread

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

_ID = re.compile(r"\[([a-z2-7]{8})\]")


class Receivers:
    """Running receivers, and what arrived."""

    def __init__(self, process: "Popen[str]") -> None:
        self._process = process
        self.hook, self.mail = self._line().split()

    def arrived(self) -> dict[str, list[str]]:
        """The ids that arrived since the last call, by channel."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        found: dict[str, list[str]] = json.loads(self._line())
        return found

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextmanager
def receiving() -> Iterator[Receivers]:
    with Popen([sys.executable, "-m", "bench.receivers"], stdin=PIPE, stdout=PIPE, text=True) as process:
        try:
            yield Receivers(process)
        finally:
            process.kill()


def free_port() -> int:
    """A port that nobody listens on: aiosmtpd takes no 0."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Mails:
    def __init__(self, ids: list[str]) -> None:
        self._ids = ids

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        body = message_from_bytes(envelope.content, policy=policy.default).get_body(("html", "plain"))
        self._ids += _ID.findall(body.get_content()) if body else []
        return "250 OK"


def main() -> None:
    hooked: list[str] = []
    mailed: list[str] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            hooked.extend(_ID.findall(told["message"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it overrides
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    Thread(target=server.serve_forever, daemon=True).start()
    port = free_port()
    Controller(Mails(mailed), hostname="127.0.0.1", port=port).start()
    hook = f"json://127.0.0.1:{server.server_address[1]}/"
    print(hook, f"mailto://127.0.0.1:{port}?from=a@example.com&to=b@example.com&smtp=127.0.0.1", flush=True)
    while sys.stdin.readline():
        told = {"hook": hooked[:], "mail": mailed[:]}
        hooked.clear()
        mailed.clear()
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
