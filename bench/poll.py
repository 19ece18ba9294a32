"""Polling: the watcher's whole cycle beside a bare httpx loop that asks the same server for the same rows.

Steady state: 30 rows are asked for, one of them is new, ten rules judge it, and all of it is committed. The bare loop
has the same concurrency and the same cures (few connections, no compression, sniffio), and throws away what it gets.
"""

import asyncio
import statistics
import time
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from bench.server import Server, ordinary, serving
from watcher.core.book import RuleBook
from watcher.core.market import Symbol
from watcher.jobs.poll import CONCURRENCY, ROWS, poll
from watcher.jobs.take_up import take_up
from watcher.rulebook import read
from watcher.settings import Settings, UpstreamSettings
from watcher.upstream.server import PATH
from watcher.wiring import Live, live

ROUNDS = 5
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


def book(symbols: Sequence[Symbol]) -> RuleBook:
    names = ", ".join(f'"{symbol}"' for symbol in symbols)
    text = f"[lists]\nall = [{names}]\n" + "".join(
        f'[[rule]]\nname = "rule-{n}"\nsymbols = ["all"]\nwhen = "{when}"\n' for n, when in enumerate(RULES)
    )
    loaded = read({"bench.toml": text.encode()})
    assert loaded.book is not None, loaded.problems
    return loaded.book


async def bare(url: str, symbols: Sequence[Symbol], count: int) -> float:
    """Seconds for asking for all symbols and doing nothing with the answers."""
    waiting = list(symbols)
    limits = httpx.Limits(max_connections=CONCURRENCY, max_keepalive_connections=CONCURRENCY)
    headers = {"accept-encoding": "identity"}
    async with httpx.AsyncClient(base_url=url, limits=limits, trust_env=False, headers=headers) as client:

        async def work() -> None:
            while waiting:
                symbol = waiting.pop()
                response = await client.get(PATH.format(symbol=symbol), params={"count": count})
                assert response.status_code == 200

        began = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(CONCURRENCY)))
        return time.perf_counter() - began


async def ours(parts: Live, symbols: Sequence[Symbol]) -> float:
    """Seconds for a whole cycle."""
    began = time.perf_counter()
    cycle = await poll(symbols, parts.current_book, parts.upstream, parts.store, parts.writer, parts.clock)
    seconds = time.perf_counter() - began
    assert not cycle.troubled
    assert len(cycle.states) == len(symbols)
    return seconds


async def measure(server: Server, count: int, rounds: int = ROUNDS) -> tuple[float, float, float]:
    """Median seconds of the bare loop and of ours, and the median of the ratios of each round."""
    symbols = ordinary(count)
    rules = book(symbols)
    with TemporaryDirectory(prefix="watcher-bench-") as state:
        settings = Settings.model_construct(
            state=Path(state), upstream=UpstreamSettings(url=server.url, rate="100000/1s")
        )
        async with live(settings, rules, StringIO()) as parts:
            await parts.writer(lambda: take_up(parts.store, rules, parts.clock.now()))
            await ours(parts, symbols)
            seconds = []
            for _ in range(rounds):
                server.advance()
                await bare(server.url, symbols, ROWS)  # so that the server has made every body, for both
                seconds.append((await bare(server.url, symbols, ROWS), await ours(parts, symbols)))
    ratios = [theirs / mine for theirs, mine in seconds]
    return (
        statistics.median(theirs for theirs, _ in seconds),
        statistics.median(mine for _, mine in seconds),
        statistics.median(ratios),
    )


def main(count: int = 1000) -> None:
    with serving(count) as server:
        theirs, mine, ratio = asyncio.run(measure(server, count))
    print(f"poll: {count} symbols, {ROWS} rows asked for, one new, {len(RULES)} rules, {ROUNDS} rounds (medians)")
    print(f"  bare httpx loop  {count / theirs:8.0f} symbols/s")
    print(f"  watcher          {count / mine:8.0f} symbols/s")
    print(f"  ratio            {ratio:8.2f}   (aim: 0.6 or more)")
