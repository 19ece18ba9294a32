"""A simulated market of many symbols in a process of its own; each line on standard input publishes a session."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from subprocess import PIPE, Popen

from watcher.core.answer import Answered
from watcher.core.market import Market, Symbol
from watcher.serving import served
from watcher.simulation import simulated
from watcher.upstream.listing import more
from watcher.upstream.refusal import RetCode
from watcher.upstream.scenario import read
from watcher.upstream.server import create_app
from watcher.upstream.simulator import SimulatedArchive

BEGIN, END = date(2025, 6, 30), date(2026, 6, 30)
ORIGINALS = 200


class Copies:
    """A market in which a few hundred securities trade under thousands of symbols: a history of each takes too long."""

    def __init__(self, original: SimulatedArchive, symbols: int) -> None:
        self.original = original
        self.copied: dict[Symbol, Symbol] = {}
        of_market = {
            market: [each for each in original.symbols[-ORIGINALS:] if each.market is market] for market in Market
        }
        for index, one in enumerate(more(symbols, 0)):
            originals = of_market[one.symbol.market]
            self.copied[one.symbol] = originals[index % len(originals)]

    @property
    def as_of(self) -> date:
        return self.original.as_of

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        return tuple(self.copied)

    def answer(self, symbol: Symbol, count: int) -> Answered | RetCode:
        answer = self.original.answer(self.copied.get(symbol, symbol), count)
        return replace(answer, symbol=symbol) if isinstance(answer, Answered) else answer

    def advance(self) -> date | None:
        return self.original.advance()


def market(symbols: int, as_of: date = BEGIN) -> SimulatedArchive | Copies:
    """A market whose sessions up to `as_of` are published."""
    last = max(as_of, END)
    if symbols <= ORIGINALS:
        return simulated(7, as_of, last, extra=symbols)
    return Copies(simulated(7, as_of, last, extra=ORIGINALS), symbols)


def ordinary(symbols: int) -> list[Symbol]:
    """Symbols with a row every session."""
    if symbols > ORIGINALS:
        return [one.symbol for one in more(symbols, 0)]
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
def serving(symbols: int, *scenario: Path, as_of: date = BEGIN) -> Iterator[Server]:
    command = [sys.executable, "-m", "bench.server", str(symbols), str(as_of), *map(str, scenario)]
    with Popen(command, stdin=PIPE, stdout=PIPE, text=True) as process:
        try:
            yield Server(process)
        finally:
            process.kill()


async def main(symbols: int, as_of: date, *scenario: str) -> None:
    archive = market(symbols, as_of)
    wrong = read(Path(scenario[0])) if scenario else None
    async with served(create_app(archive, None, wrong), "127.0.0.1", 0) as url:
        print(url, flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print(archive.advance(), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), date.fromisoformat(sys.argv[2]), *sys.argv[3:]))
