"""Poll: one complete cycle: ask upstream for symbols, record what it says, deliver what is due."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from watcher.core.answer import Answer, SymbolState
from watcher.core.book import RuleBook
from watcher.core.market import Symbol
from watcher.core.notification import Notification
from watcher.jobs.ports import Clock, Store, Upstream, Writer
from watcher.jobs.record import record

BATCH = 64
"""Answers recorded in one transaction."""
LINGER = 0.05
"""Seconds that an answer waits for others to share its transaction."""
CONCURRENCY = 8
"""Requests under way at once; more is slower, for every request looks through all connections."""
FIRST_ROWS, ROWS, MOST_ROWS = 90, 30, 90
"""Rows asked for: of a symbol without history, at least of any, and as many as upstream gives."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """What a cycle found and enqueued."""

    started: datetime
    ended: datetime
    states: tuple[SymbolState, ...]
    notifications: tuple[Notification, ...]


async def poll(
    symbols: Sequence[Symbol],
    book: Callable[[], RuleBook],
    upstream: Upstream,
    store: Store,
    writer: Writer,
    clock: Clock,
) -> Cycle:
    """Ask upstream for each symbol, and record the answers as they come in, batch by batch.

    `book` returns the rules in force; it is asked in the writer's thread, for each batch anew, so that a reload in
    the middle of a long cycle counts from the next batch on.
    """
    started = clock.now()
    counts = await writer(lambda: _counts(store, book(), symbols))
    answers: asyncio.Queue[Answer | None] = asyncio.Queue()
    states: list[SymbolState] = []
    notifications: list[Notification] = []

    async def ask_all(waiting: list[Symbol]) -> None:
        while waiting:
            symbol = waiting.pop()
            answers.put_nowait(await upstream.ask(symbol, counts[symbol]))

    async def fetch() -> None:
        waiting = list(reversed(symbols))
        try:
            async with asyncio.TaskGroup() as asking:
                for _ in range(CONCURRENCY):
                    asking.create_task(ask_all(waiting))
        finally:
            answers.put_nowait(None)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(fetch())
        async for batch in _batches(answers):
            recorded = await writer(lambda batch=batch: record(store, book(), batch, clock.now()))  # type: ignore[misc]  # mypy cannot infer a lambda with a default
            states += recorded[0]
            notifications += recorded[1]
    return Cycle(started, clock.now(), tuple(states), tuple(notifications))


async def _batches(answers: "asyncio.Queue[Answer | None]") -> AsyncIterator[list[Answer]]:
    """Yield what comes in, in batches; ends after None."""
    batch: list[Answer] = []
    more = True
    while more:
        first = await answers.get()
        if first is None:
            return
        batch = [first]
        if answers.empty():
            await asyncio.sleep(LINGER)
        while len(batch) < BATCH and not answers.empty():
            answer = answers.get_nowait()
            if answer is None:
                more = False
                break
            batch.append(answer)
        yield batch


def _counts(store: Store, book: RuleBook, symbols: Sequence[Symbol]) -> Mapping[Symbol, int]:
    """Return how many rows to ask for of each symbol: a window that covers what the rules look back on."""
    with store.read() as tx:
        states = tx.rows.states()
    window = min(max(ROWS, book.lookback), MOST_ROWS)
    return {
        symbol: window if symbol in states and states[symbol].judged is not None else FIRST_ROWS for symbol in symbols
    }
