"""Real servers on 127.0.0.1: an ASGI application in a thread, and raw sockets that misbehave exactly as told."""

import asyncio
import json
import socket
import struct
import threading
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette

Reply = Callable[[asyncio.StreamWriter], Awaitable[None]]


@contextmanager
def serving(app: Starlette) -> Iterator[str]:
    """Serve `app` in a thread; yield its base URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def get(url: str) -> tuple[int, bytes]:
    """Return status and body."""
    with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - of our own server
        return response.status, response.read()


class Raw:
    """A server that reads each request, answers it with the next of its replies, and remembers what it was asked."""

    def __init__(self, *replies: Reply | bytes) -> None:
        self.replies = list(replies)
        self.requests: list[str] = []
        self.connections = 0
        self.url = ""
        self._writers: list[asyncio.StreamWriter] = []

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head.decode())
                # the last reply serves for all further requests
                reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
                if isinstance(reply, bytes):
                    writer.write(reply)
                    await writer.drain()
                else:
                    await reply(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Raw"]:
        """Listen, until the block ends."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for writer in self._writers:
                writer.transport.abort()
            await asyncio.sleep(0)


def http(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    """Return a complete response; a header may be changed by its name in lower case, with `_` for the dash."""
    lines = {"content-type": "application/json", "content-length": str(len(body))}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def us_body(volume: object = 1000, trade_date: str = "2026-06-05", stamp: int = 1780632000000) -> bytes:
    """Return a success with one row of US.AAPL, as the server writes it."""
    item = {"timestamp": stamp, "timestamp_str": trade_date, "volume": volume}
    return json.dumps({"ret_code": 0, "ret_msg": "success", "data": {"items": [item]}}).encode()


async def reset(writer: asyncio.StreamWriter) -> None:
    """Cut the connection so that the other side sees a reset."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close the connection."""
    writer.close()
    raise ConnectionError
