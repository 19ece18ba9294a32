"""Retain: once a day, delete what is older than the retention, in transactions so small that nobody waits for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from watcher.core.book import RuleBook
from watcher.core.market import Symbol
from watcher.core.report import TREND
from watcher.jobs.ports import Store, Writer

EVERY = timedelta(days=1)
KEPT_ROWS = 600
"""Newest rows of a symbol that stay, however old: two windows of 250, one in the other, and a streak of 90."""
SYMBOLS, TRANSITIONS = 20, 500
"""How much is deleted at once."""
_DONE = "retained"


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was deleted."""

    rows: int
    transitions: int


async def retain(store: Store, book: RuleBook, writer: Writer, now: datetime, retention: timedelta) -> Forgotten | None:
    """Delete what is older than `retention`; None if that was done within a day.

    Stopped at any moment, what is left is deleted the next time.
    """
    before = now - retention
    keep = max(KEPT_ROWS, book.lookback + TREND)

    def old_symbols() -> Sequence[Symbol] | None:
        with store.read() as tx:
            done = tx.note(_DONE)
            if done is not None and timedelta() <= now - datetime.fromisoformat(done) < EVERY:
                return None
            return tx.retention.of_old_rows(before.date(), keep)

    def forget_rows(of: Sequence[Symbol]) -> int:
        with store.write() as tx:
            return tx.retention.forget_rows(of, before.date(), keep, before)

    def forget_transitions() -> int:
        with store.read() as tx:
            old = tx.retention.old_transitions(before, TRANSITIONS)
        if old:
            with store.write() as tx:
                tx.retention.forget_transitions(old)
        return len(old)

    def note_done() -> None:
        with store.write() as tx:
            tx.retention.forget_wishes(before)
            tx.keep(_DONE, now.isoformat())

    symbols = await writer(old_symbols)
    if symbols is None:
        return None
    rows = transitions = 0
    for start in range(0, len(symbols), SYMBOLS):
        rows += await writer(lambda some=symbols[start : start + SYMBOLS]: forget_rows(some))  # type: ignore[misc]  # a lambda with a default
    while deleted := await writer(forget_transitions):
        transitions += deleted
    await writer(note_done)
    return Forgotten(rows, transitions)
