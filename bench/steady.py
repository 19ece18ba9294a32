"""The steady state: a whole cycle beside a bare httpx loop that asks the same server for the same rows.

30 rows are asked for, one of them is new, ten rules judge it, and all of it is committed. The bare loop has the same
concurrency and the same cures (few connections, no compression, sniffio), and throws away what it gets.

`python -m bench.steady SYMBOLS ROUNDS` prints one JSON object: it is run in a process of its own, for its memory.
"""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from bench.server import Server, ordinary, serving
from watcher.core.book import RuleBook
from watcher.core.market import Symbol
from watcher.jobs.poll import BATCH, CONCURRENCY, ROWS, poll
from watcher.jobs.record import record
from watcher.jobs.take_up import take_up
from watcher.rulebook import read
from watcher.settings import Settings, UpstreamSettings
from watcher.upstream.server import PATH
from watcher.wiring import Live, live

FAST = "1000/0.5s"
"""Faster than can be asked; the slots of a larger number would take memory until all were taken once."""
PACED = "30/0.1s"
"""The default, three hundred times as fast: what keeps the watcher from asking is its pacing, never the machine."""
RULES = (
    "daily_trade_avg_ratio > 30",
    "short_ratio > 40",
    "price_change > 5",
    "traded_shares > 100_000_000",
    "short_vs_average > 2",
    "short_ratio > 1.5 * mean(short_ratio, 20)",
    "crosses_above(short_ratio, 25)",
    "close_price > max(prev(close_price), 20)",
    "zscore(traded_shares, 20) > 3",
    "change(daily_trade_avg_ratio, 5) > 3 and price_change > 0",
)


def rules_text(symbols: Iterable[Symbol]) -> str:
    """A rules file with ten rules, each on all symbols."""
    names = ", ".join(f'"{symbol}"' for symbol in symbols)
    return f"[lists]\nall = [{names}]\n" + "".join(
        f'[[rule]]\nname = "rule-{n}"\nsymbols = ["all"]\nwhen = "{when}"\n' for n, when in enumerate(RULES)
    )


def book(symbols: Iterable[Symbol]) -> RuleBook:
    loaded = read({"bench.toml": rules_text(symbols).encode()})
    assert loaded.book is not None, loaded.problems
    return loaded.book


class Measured:
    """Wall and CPU seconds of some work."""

    def __init__(self, wall: float, cpu: float) -> None:
        self.wall = wall
        self.cpu = cpu

    @classmethod
    async def of(cls, work: Callable[[], Awaitable[None]]) -> "Measured":
        wall, cpu = time.perf_counter(), time.process_time()
        await work()
        return cls(time.perf_counter() - wall, time.process_time() - cpu)


async def each(symbols: Sequence[Symbol], ask: Callable[[Symbol], Awaitable[object]]) -> None:
    """Ask for all symbols, as many at once as the watcher does."""
    waiting = list(reversed(symbols))

    async def work() -> None:
        while waiting:
            await ask(waiting.pop())

    await asyncio.gather(*(work() for _ in range(CONCURRENCY)))


def bare_client(url: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=CONCURRENCY, max_keepalive_connections=CONCURRENCY)
    return httpx.AsyncClient(base_url=url, limits=limits, trust_env=False, headers={"accept-encoding": "identity"})


async def bare(client: httpx.AsyncClient, symbols: Sequence[Symbol]) -> None:
    async def ask(symbol: Symbol) -> None:
        response = await client.get(PATH.format(symbol=symbol), params={"count": ROWS})
        assert response.status_code == 200

    await each(symbols, ask)


async def cycle(parts: Live, symbols: Sequence[Symbol]) -> None:
    done = await poll(symbols, parts.current_book, parts.upstream, parts.store, parts.writer, parts.clock)
    assert not done.troubled
    assert len(done.states) == len(symbols)


async def fill(parts: Live, symbols: Sequence[Symbol]) -> None:
    """Store the rows that are known before: as many as are asked for; ninety of each would take three times as long."""
    for begin in range(0, len(symbols), BATCH):
        batch = symbols[begin : begin + BATCH]
        answers = await asyncio.gather(*(parts.upstream.ask(symbol, ROWS) for symbol in batch))
        await parts.writer(partial(record, parts.store, parts.book, answers, parts.clock.now()))


def peak() -> float:
    """The most memory this process ever had, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


async def measure(server: Server, count: int, rounds: int) -> dict[str, float]:
    rules = book(ordinary(count))
    symbols = tuple(rules.by_symbol)
    seconds: list[tuple[Measured, Measured]] = []
    with TemporaryDirectory(prefix="watcher-bench-") as state:
        upstream = UpstreamSettings(url=server.url, rate=FAST)
        settings = Settings.model_construct(state=Path(state), upstream=upstream)
        async with live(settings, rules, StringIO()) as parts, bare_client(server.url) as client:
            await parts.writer(lambda: take_up(parts.store, rules, parts.clock.now()))
            await fill(parts, symbols)
            await cycle(parts, symbols[:100])  # what is made at first use
            for _ in range(rounds):
                server.advance()
                await bare(client, symbols)  # so that the server has made every body, for both
                theirs = await Measured.of(lambda: bare(client, symbols))
                seconds.append((theirs, await Measured.of(lambda: cycle(parts, symbols))))
    return {
        "bare": statistics.median(theirs.wall for theirs, _ in seconds),
        "ours": statistics.median(mine.wall for _, mine in seconds),
        "ratio": statistics.median(theirs.wall / mine.wall for theirs, mine in seconds),
        "cpu": min(mine.cpu for _, mine in seconds),
        "cpu_ratio": statistics.median(theirs.cpu / mine.cpu for theirs, mine in seconds),
        "peak": peak(),
    }


async def failing(count: int, rounds: int, directory: Path) -> dict[str, float]:
    """Seconds until all symbols but the first are answered: with all well, and with the first failing for ever."""
    from watcher.clock import SystemClock
    from watcher.upstream.client import Client
    from watcher.upstream.pacing import Pacing, Rate

    clock = SystemClock()
    symbols = ordinary(count)
    seconds: dict[str, list[float]] = {"well": [], "failing": []}
    # both misbehave, for a server with a scenario makes every body anew; but nobody asks for the one symbol
    nobody, first = directory / "nobody.toml", directory / "first.toml"
    for path, symbol in ((nobody, "US.NOBODY"), (first, symbols[0])):
        path.write_text(f'[[fault]]\nsymbols = ["{symbol}"]\ndelay = "1m"\n')
    with serving(count, nobody) as well, serving(count, first) as wrong:
        clients = {
            name: Client(server.url, pacing=Pacing(Rate.parse(PACED), clock.monotonic), now=clock.now)
            for name, server in (("well", well), ("failing", wrong))
        }
        for turn in range(rounds + 1):
            for name, client in clients.items():
                answered: list[float] = []
                everybody = asyncio.Event()

                async def ask(symbol: Symbol) -> None:
                    await client.ask(symbol, ROWS)  # noqa: B023 - awaited in this turn of the loop
                    if symbol != symbols[0]:
                        answered.append(time.perf_counter())  # noqa: B023
                        if len(answered) == count - 1:  # noqa: B023
                            everybody.set()  # noqa: B023

                began = time.perf_counter()
                asking = asyncio.create_task(each(symbols, ask))
                await everybody.wait()
                if turn:  # the first makes the bodies
                    seconds[name].append(max(answered) - began)
                asking.cancel()
                with suppress(asyncio.CancelledError):
                    await asking
        for client in clients.values():
            await client.__aexit__(None, None, None)
    ratios = [wrong / well for well, wrong in zip(seconds["well"], seconds["failing"], strict=True)]
    return {name: statistics.median(times) for name, times in seconds.items()} | {"ratio": statistics.median(ratios)}


def main(count: int, rounds: int) -> None:
    with serving(count) as server:
        print(json.dumps(asyncio.run(measure(server, count, rounds))))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
