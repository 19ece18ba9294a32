"""Asked: what answers say of asking itself, kept with what they bring: misses, upstream as a whole, outages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from watcher.core.answer import Answer, Answered, SymbolState
from watcher.core.book import RuleBook
from watcher.core.circuit import TROUBLED, Circuit
from watcher.core.market import Market, Symbol
from watcher.core.notification import Notification
from watcher.core.outage import Began, Ended, outages
from watcher.core.sessions import Due
from watcher.core.watched import Ask, missed
from watcher.jobs.notices import announce_recovery, announce_trouble
from watcher.jobs.ports import Transaction

_CIRCUIT = "upstream"

Dues = Mapping[Market, Due | None]
"""The newest session of each market that is due."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What changes in asking by a batch of answers; nothing, as it comes."""

    circuit: Circuit | None = None
    asks: tuple[Ask, ...] = ()
    outages: tuple[Began | Ended, ...] = ()

    def __bool__(self) -> bool:
        """True if there is anything to be written."""
        return self != Asked()

    def put(self, tx: Transaction, book: RuleBook, now: datetime) -> tuple[Notification, ...]:
        """Write it, and return the notices that were enqueued."""
        if self.circuit is not None:
            tx.keep(_CIRCUIT, self.circuit.to_text())
        tx.asking.put(self.asks)
        notices: list[Notification] = []
        for each in self.outages:
            announce = announce_trouble if isinstance(each, Began) else announce_recovery
            notices += announce(tx, book, each.topic, each.text, now)
        return tuple(notices)


def circuit(tx: Transaction) -> Circuit:
    """Return how it stands with upstream as a whole."""
    return Circuit.of_text(tx.note(_CIRCUIT))


def asked(
    answers: Sequence[Answer],
    states: Sequence[tuple[SymbolState | None, SymbolState]],
    asks: Mapping[Symbol, Ask],
    before: Circuit,
    watched: int,
    dues: Dues | None,
    now: datetime,
) -> Asked:
    """Return what a batch of answers changes; `states` are those of the answers' symbols before and after.

    Without `dues`, when everything is asked for whatever the calendar says, misses matter to nobody and are not kept.
    """
    after = before
    misses: list[Ask] = []
    for answer, (_, state) in zip(answers, states, strict=True):
        after = after.after(answer, watched, now)
        if dues is None:
            continue
        usable = state if isinstance(answer, Answered) or answer.state not in TROUBLED else None
        miss = missed(answer.symbol, usable, asks.get(answer.symbol), dues.get(answer.symbol.market), now)
        if miss is not None:
            misses.append(miss)
    changed = after if after != before else None
    return Asked(changed, tuple(misses), tuple(outages(list(states), before, after, now)))
