"""Poll: one complete cycle: ask upstream for symbols, record what it says, deliver what is due."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from watcher.core.answer import Answer, Answered, SymbolState
from watcher.core.book import RuleBook
from watcher.core.circuit import TROUBLED, Circuit
from watcher.core.market import Symbol
from watcher.core.notification import Enqueued, Notification
from watcher.core.plan import FIRST_ROWS, MOST_ROWS, ROWS, Request
from watcher.jobs.asked import Dues
from watcher.jobs.ports import Clock, Store, Upstream, Writer
from watcher.jobs.record import record

BATCH = 64
"""Answers recorded in one transaction."""
UNRECORDED = BATCH
"""Answers that may wait to be recorded: where the disk is slower than upstream, upstream waits, and not the memory."""
LINGER = 0.05
"""Seconds that an answer waits for others to share its transaction."""
CONCURRENCY = 8
"""Requests under way at once; more is slower, for every request looks through all connections."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """What a cycle found and enqueued."""

    started: datetime
    ended: datetime
    states: tuple[SymbolState, ...]
    notifications: tuple[Enqueued, ...]

    @property
    def troubled(self) -> tuple[SymbolState, ...]:
        """The symbols that upstream gave no usable answer for, by its fault or by ours."""
        return tuple(state for state in self.states if state.state in TROUBLED)


async def poll(
    symbols: Sequence[Symbol],
    book: Callable[[], RuleBook],
    upstream: Upstream,
    store: Store,
    writer: Writer,
    clock: Clock,
    *,
    away: bool = False,
) -> Cycle:
    """Ask upstream for each symbol, whatever the calendar says, and record the answers as they come in.

    `book` returns the rules in force; it is asked in the writer's thread, for each batch anew, so that a reload in
    the middle of a long cycle counts from the next batch on. `away` as in `record`.
    """
    requests, judged = await writer(lambda: _requests(store, book(), symbols, clock.now()))
    return await ask(requests, book, _Reaching(upstream, judged), store, writer, clock, away=away)


async def ask(  # noqa: PLR0913 - all that a cycle works with, and what it is told by the plan
    requests: Sequence[Request],
    book: Callable[[], RuleBook],
    upstream: Upstream,
    store: Store,
    writer: Writer,
    clock: Clock,
    *,
    away: bool = False,
    dues: Dues | None = None,
    circuit: Circuit | None = None,
) -> Cycle:
    """Make the requests, in this order, and record the answers as they come in, batch by batch.

    With a `circuit`, the rest is left unasked as soon as upstream is found to answer nobody. `away` and `dues` as in
    `record`.
    """
    started = clock.now()
    watched = len(book().by_symbol)
    answers: asyncio.Queue[Answer | None] = asyncio.Queue(UNRECORDED)
    states: list[SymbolState] = []
    notifications: list[Enqueued] = []

    async def ask_all(waiting: list[Request]) -> None:
        nonlocal circuit
        while waiting:
            request = waiting.pop()
            answer = await upstream.ask(request.symbol, request.count)
            await answers.put(answer)
            if circuit is not None:
                circuit = circuit.after(answer, watched, clock.now())
                if circuit.blocks(clock.now()):
                    waiting.clear()

    async def fetch() -> None:
        waiting = list(reversed(requests))
        async with asyncio.TaskGroup() as asking:
            for _ in range(CONCURRENCY):
                asking.create_task(ask_all(waiting))
        await answers.put(None)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(fetch())
        async for batch in _batches(answers):
            committed = partial(_recorded, store, book, batch, clock, away=away, dues=dues)
            of_batch, told = await writer(committed)
            states += of_batch
            notifications += map(Enqueued.of, told)
    return Cycle(started, clock.now(), tuple(states), tuple(notifications))


async def _batches(answers: asyncio.Queue[Answer | None]) -> AsyncIterator[list[Answer]]:
    """Yield answers as they come in, in batches, until the None that follows the last."""
    answer = await answers.get()
    while answer is not None:
        batch = [answer]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER):  # `wait_for` can swallow a cancellation
                while len(batch) < BATCH and (answer := await answers.get()) is not None:
                    batch.append(answer)
        yield batch
        if answer is not None:
            answer = await answers.get()


def _recorded(
    store: Store, book: Callable[[], RuleBook], batch: Sequence[Answer], clock: Clock, *, away: bool, dues: Dues | None
) -> tuple[tuple[SymbolState, ...], tuple[Notification, ...]]:
    return record(store, book(), batch, clock.now(), away=away, dues=dues)


@dataclass(frozen=True, slots=True)
class _Reaching:
    """Upstream, asked once more for all there is where an answer does not reach back to the newest row that is known.

    Without a calendar nobody can tell before how many sessions were missed; each is to be judged.
    """

    upstream: Upstream
    judged: Mapping[Symbol, date]

    async def ask(self, symbol: Symbol, count: int) -> Answer:
        answer = await self.upstream.ask(symbol, count)
        known = self.judged.get(symbol)
        if known is None or count >= MOST_ROWS or not isinstance(answer, Answered) or not answer.rows:
            return answer
        return await self.upstream.ask(symbol, MOST_ROWS) if answer.rows[0].trade_date > known else answer


def _requests(
    store: Store, book: RuleBook, symbols: Sequence[Symbol], now: datetime
) -> tuple[list[Request], dict[Symbol, date]]:
    """Return the request for each symbol, a window that covers what the rules look back on; and the newest rows."""
    window = min(max(ROWS, book.lookback), MOST_ROWS)
    requests: list[Request] = []
    judged: dict[Symbol, date] = {}
    with store.read() as tx:
        for begin in range(0, len(symbols), BATCH):
            batch = symbols[begin : begin + BATCH]
            judged |= {symbol: state.judged for symbol, state in tx.rows.states(batch).items() if state.judged}
            requests += [Request(symbol, window if symbol in judged else FIRST_ROWS, now) for symbol in batch]
    return requests, judged
