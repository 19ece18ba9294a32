"""Work in a thread that nobody has to wait for: neither the event loop, nor whoever is cancelled, nor the exit.

`asyncio.to_thread` and every `ThreadPoolExecutor` are joined when the interpreter exits, so that one receiver that
never answers would hold up the stop of the daemon. A daemon thread of its own is left behind instead.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

_T = TypeVar("_T")


class Abandoned(Exception):
    """The work was not done in time; it may still be going on."""


async def unattended(work: Callable[[], _T], limit: float, name: str) -> _T:
    """Return what `work` returns, or raise what it raises.

    Raises:
        Abandoned: it took longer than `limit` seconds.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_T] = loop.create_future()

    def settle(call: Callable[[], None]) -> None:
        if not done.done():
            call()

    def run() -> None:
        try:
            call = partial(done.set_result, work())
        except BaseException as error:  # noqa: BLE001 - it is raised again, where it is awaited
            call = partial(done.set_exception, error)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is interested any more
            loop.call_soon_threadsafe(settle, call)

    threading.Thread(target=run, name=name, daemon=True).start()
    await asyncio.wait({done}, timeout=limit)
    if not done.done():
        done.cancel()
        raise Abandoned
    return done.result()
