"""Runs an ASGI application on a socket of its own, inside an event loop that belongs to somebody else."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from email.utils import format_datetime

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from watcher.clock import SystemClock

GRACE = 1
"""Seconds that requests under way may take at the end."""


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self.ending = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept connections."""
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        """Wait for the end: uvicorn's own loop wakes ten times a second, all day, to look whether it has come."""
        self.server_state.default_headers = self.config.encoded_headers
        await self.ending.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the program: uvicorn would raise each again, and one signal must count once."""
        yield


@contextlib.asynccontextmanager
async def served(
    app: Starlette, host: str, port: int, *, most: int | None = None, patience: float | None = None
) -> AsyncIterator[str]:
    """Serve `app` and yield its base URL; port 0 takes a free one.

    With `most`, so many connections at once are answered, and those beyond it with 503. With `patience`, one is cut
    that does not come to the end of a request and its answer within so many seconds.

    Raises:
        OSError: nobody can listen there: the port is in use, say, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=128)
    # head and body are two writes: the second would wait 40 ms for the other side to acknowledge the first
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = _Server(
        uvicorn.Config(
            _dated(app),
            http="h11" if patience is None else _impatient(patience),
            ws="none",
            lifespan="off",
            log_config=None,  # its default would replace what the program set up
            log_level="critical",
            access_log=False,
            proxy_headers=False,  # who asks is who connects
            server_header=False,
            date_header=False,
            limit_concurrency=None if most is None else most + 1,  # it refuses from that number on
            timeout_graceful_shutdown=GRACE,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await server.ready.wait()
        place = f"[{host}]" if family == socket.AF_INET6 else host
        yield f"http://{place}:{listener.getsockname()[1]}"
    finally:
        server.ending.set()
        await serving
        listener.close()


def _impatient(patience: float) -> type[asyncio.Protocol]:
    """Return how connections are kept where nobody may hold one for nothing: uvicorn waits for ever for a request."""

    class Impatient(H11Protocol):
        _cut: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
            super().connection_made(transport)
            self._wait()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            if self._cut is not None:
                self._cut.cancel()

        def _wait(self) -> None:
            if self._cut is not None:
                self._cut.cancel()
            # not closed: that would wait for who does not read
            self._cut = self.loop.call_later(patience, self.transport.abort)

    return Impatient


def _dated(app: ASGIApp) -> ASGIApp:
    """Return the application with the `Date` that RFC 9110 wants; uvicorn's own is as old as its last tick."""
    clock = SystemClock()

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                now = format_datetime(clock.now(), usegmt=True).encode()
                message["headers"] = [*message.get("headers", ()), (b"date", now)]
            await send(message)

        await app(scope, receive, dated)

    return answer
