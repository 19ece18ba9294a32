"""Poll: one complete cycle: ask upstream for symbols, record what it says, deliver what is due."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from watcher.core.answer import Answer, DataState, SymbolState
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
_TROUBLE = frozenset({DataState.ERROR, DataState.DENIED})
FIRST_ROWS, ROWS, MOST_ROWS = 90, 30, 90
"""Rows asked for: of a symbol without history, at least of any, and as many as upstream gives."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """What a cycle found and enqueued."""

    started: datetime
    ended: datetime
    states: tuple[SymbolState, ...]
    notifications: tuple[Notification, ...]

    @property
    def troubled(self) -> tuple[SymbolState, ...]:
        """The symbols that upstream gave no usable answer for, by its fault or by ours."""
        return tuple(state for state in self.states if state.state in _TROUBLE)


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
    asked = asyncio.Event()
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
            asked.set()
            answers.put_nowait(None)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(fetch())
        async for batch in _batches(answers, asked):
            recorded = await writer(lambda batch=batch: record(store, book(), batch, clock.now()))  # type: ignore[misc]  # mypy cannot infer a lambda with a default
            states += recorded[0]
            notifications += recorded[1]
    return Cycle(started, clock.now(), tuple(states), tuple(notifications))


async def _batches(answers: asyncio.Queue[Answer | None], asked: asyncio.Event) -> AsyncIterator[list[Answer]]:
    """Yield answers as they come in, in batches, until the None that follows the last."""
    while (first := await answers.get()) is not None:
        batch = [first]
        if answers.qsize() < BATCH:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asked.wait(), LINGER)
        while len(batch) < BATCH and not answers.empty():
            answer = answers.get_nowait()
            if answer is None:
                answers.put_nowait(None)
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
