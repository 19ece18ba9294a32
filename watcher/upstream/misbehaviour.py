"""Sends an answer as a scenario's fault has it: late, broken, byte by byte, or not to its end."""

import asyncio
import gzip
import re
from typing import NamedTuple

from starlette.types import Receive, Send

from watcher.upstream.refusal import RetCode
from watcher.upstream.scenario import Broken, Fault
from watcher.upstream.wire import refusal_body

_LARGE = 10_000_000
_DEEP = 100_000
_FIGURE = re.compile(rb'("close_price":)[^,}]+')


class Reply(NamedTuple):
    """An answer as it goes out."""

    code: RetCode
    body: bytes
    status: int = 200
    headers: tuple[tuple[bytes, bytes], ...] = ()


def spoilt(reply: Reply, fault: Fault) -> Reply:
    """Return the reply as `fault` makes it."""
    code, body, headers = reply.code, reply.body, [(b"content-type", b"application/json")]
    if fault.ret_code is not None:
        known = fault.ret_code in set(RetCode)
        code = RetCode(fault.ret_code) if known else code
        body = refusal_body(fault.ret_code, code.code if known else "unknown", fault.message)
    elif fault.body is not None:
        body = fault.body.encode()
    elif fault.broken is not None:
        body = broken(body, fault.broken)
        headers += [(b"content-encoding", b"gzip")] if fault.broken is Broken.GZIP else []
    elif fault.status is not None and fault.status >= 300:
        body = b""
    own = {name.lower().encode("latin-1"): value.encode("latin-1") for name, value in fault.headers.items()}
    kept = [(name, value) for name, value in headers if name not in own]
    return Reply(code, body, fault.status or reply.status, (*kept, *own.items()))


def broken(body: bytes, how: Broken) -> bytes:
    """Return the body, broken."""
    match how:
        case Broken.EMPTY:
            return b""
        case Broken.HTML:
            return b"<html><body><h1>502 Bad Gateway</h1></body></html>"
        case Broken.CUT:
            return body[: len(body) // 2]
        case Broken.NAN:
            return _FIGURE.sub(rb"\1NaN", body, count=1)
        case Broken.NESTED:
            return b'{"data":' * _DEEP
        case Broken.LARGE:
            return body + b" " * _LARGE
        case Broken.GZIP:
            return gzip.compress(bytes(_LARGE))
    return body


async def send_as(fault: Fault, reply: Reply, receive: Receive, send: Send) -> None:
    """Send a reply that is spoilt already, with the delay, the drip or the early end of `fault`; until nobody hears."""
    gone = asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait({gone}, timeout=fault.delay)
        length = (b"content-length", b"%d" % len(reply.body))
        await send({"type": "http.response.start", "status": reply.status, "headers": [*reply.headers, length]})
        body = reply.body
        if fault.broken is Broken.HANG_UP:
            # the server closes a connection whose answer is not complete
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            return
        while fault.drip and body and not gone.done():
            await send({"type": "http.response.body", "body": body[:1], "more_body": True})
            await asyncio.wait({gone}, timeout=fault.drip)
            body = body[1:]
        await send({"type": "http.response.body", "body": body})
    finally:
        gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
