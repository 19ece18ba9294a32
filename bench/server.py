"""A simulated market of many symbols in a process of its own; each line on standard input publishes a session."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from subprocess import PIPE, Popen

from watcher.core.market import Symbol
from watcher.serving import served
from watcher.simulation import simulated
from watcher.upstream.server import create_app
from watcher.upstream.simulator import SimulatedArchive

BEGIN, END = date(2025, 6, 30), date(2026, 6, 30)


def market(symbols: int) -> SimulatedArchive:
    return simulated(7, BEGIN, END, extra=symbols)


def ordinary(symbols: int) -> list[Symbol]:
    """Symbols with a row every session."""
    return list(market(symbols).symbols)[-symbols:]


class Server:
    """A running server and how to move it on."""

    def __init__(self, process: "Popen[str]") -> None:
        self._process = process
        self.url = self._line()

    def advance(self) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._line()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextmanager
def serving(symbols: int) -> Iterator[Server]:
    with Popen([sys.executable, "-m", "bench.server", str(symbols)], stdin=PIPE, stdout=PIPE, text=True) as process:
        try:
            yield Server(process)
        finally:
            process.kill()


async def main(symbols: int) -> None:
    archive = market(symbols)
    async with served(create_app(archive), "127.0.0.1", 0) as url:
        print(url, flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print(archive.advance(), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
