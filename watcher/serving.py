"""Runs an ASGI application on a loopback socket, inside an event loop that belongs to somebody else."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from starlette.applications import Starlette


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept connections."""
        await super().startup(sockets)
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the program: uvicorn would raise each again, and one signal must count once."""
        yield


@contextlib.asynccontextmanager
async def served(app: Starlette, host: str, port: int) -> AsyncIterator[str]:
    """Serve `app` and yield its base URL; port 0 takes a free one."""
    listener = socket.create_server((host, port), backlog=128)
    # head and body are two writes: the second would wait 40 ms for the other side to acknowledge the first
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = _Server(
        uvicorn.Config(app, log_level="critical", access_log=False, lifespan="off", timeout_graceful_shutdown=1)
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await server.ready.wait()
        yield f"http://{host}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
        listener.close()
