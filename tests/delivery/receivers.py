"""Real receivers on 127.0.0.1: web hooks and mail servers, well-behaved or not."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from typing import Any, TypeAlias

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.canary import CANARY

Answer: TypeAlias = Callable[[BaseHTTPRequestHandler], None]


class Webhook:
    """An HTTP server; gives the answers in turn, the last one ever after."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.bodies: list[dict[str, Any]] = []  # Any: JSON
        self.paths: list[str] = []
        self.released = threading.Event()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.paths.append(self.path)
                hook.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                answer = hook.answers.pop(0) if len(hook.answers) > 1 else hook.answers[0]
                answer(self)

            def do_GET(self) -> None:
                hook.paths.append(f"GET {self.path}")
                status(200)(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it overrides
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.port: int = self.server.server_address[1]

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.port}/{CANARY}/"

    def hang(self, _handler: BaseHTTPRequestHandler) -> None:
        """Take the request and never answer."""
        self.released.wait(60)

    def __enter__(self) -> "Webhook":
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


def status(code: int, text: str = "", **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text.encode())

    return answer


def cut_in_body(handler: BaseHTTPRequestHandler) -> None:
    """Answer 200, promise a hundred bytes, send five, and cut the connection."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b"begin")
    handler.close_connection = True


def cut_without_answer(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    with suppress(OSError):
        handler.connection.shutdown(socket.SHUT_RDWR)


class Mailbox:
    """Takes mail, and does with it what a test wants."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.refused_recipients: dict[str, str] = {}
        self.answer = "250 OK"
        self.has_one = threading.Event()
        self.released = threading.Event()
        self.hang = False

    async def handle_RCPT(  # noqa: N802 - the name aiosmtpd calls
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refused_recipients:
            return self.refused_recipients[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.has_one.set()
        if self.hang:
            await server.loop.run_in_executor(None, self.released.wait, 60)
        if self.answer.startswith("250"):
            self.envelopes.append(envelope)
        return self.answer


class Mailserver(Controller):
    """A mail server that takes the password `right`; without encryption unless it is given a `starttls` context."""

    def __init__(self, mailbox: Mailbox, port: int, *, starttls: SSLContext | None, tls: SSLContext | None) -> None:
        self._starttls = starttls
        super().__init__(mailbox, hostname="127.0.0.1", port=port, ssl_context=tls)

    def factory(self) -> SMTP:
        starttls = self._starttls
        return SMTP(
            self.handler,
            authenticator=_authenticate,
            auth_require_tls=False,
            tls_context=starttls,
            require_starttls=starttls is not None,
        )

    def url(self, *recipients: str, **options: str) -> str:
        to = ",".join(recipients or ("trader@example.com",))
        more = "".join(f"&{name}={value}" for name, value in options.items())
        return f"mailto://127.0.0.1:{self.port}?from=watcher@example.com&to={to}&smtp=127.0.0.1{more}"


@contextmanager
def mailserver(
    mailbox: Mailbox, *, starttls: SSLContext | None = None, tls: SSLContext | None = None
) -> Iterator[Mailserver]:
    """Serve mail: in the clear, upgraded by STARTTLS, which is required then, or encrypted from the first byte."""
    server = Mailserver(mailbox, _free_port(), starttls=starttls, tls=tls)
    server.start()
    try:
        yield server
    finally:
        mailbox.released.set()
        server.stop()


Dialogue: TypeAlias = Callable[[socket.socket], None]


class Speaking:
    """A server that says to each connection what a test wants, and closes it."""

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._speak, args=(connection,), daemon=True).start()

    def _speak(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(20)
            self._dialogue(connection)

    def __enter__(self) -> "Speaking":
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def reset(connection: socket.socket) -> None:
    """Cut the connection with RST in place of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@contextmanager
def listening(*, accept: bool) -> Iterator[int]:
    """A port that is listened on by somebody who never answers, or never even accepts."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1 if accept else 0)
        port = listener.getsockname()[1]
        waiting = [] if accept else _fill(port)
        try:
            yield port
        finally:
            for connection in waiting:
                connection.close()


def _fill(port: int) -> list[socket.socket]:
    """Connect until the queue of the listener is full, so that the next connection is not even accepted."""
    connections = []
    for _ in range(8):
        connection = socket.socket()
        connection.settimeout(0.2)
        connections.append(connection)
        try:
            connection.connect(("127.0.0.1", port))
        except TimeoutError:
            break
    return connections


def closed_port() -> int:
    return _free_port()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, login: object) -> AuthResult:
    right = isinstance(login, LoginPassword) and login.password == b"right"
    return AuthResult(success=right, handled=False)
