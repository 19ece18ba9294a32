"""Cycle: ask for what is due, by the calendar and the store, until nothing is; and say when to look again."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from watcher.core.answer import SymbolState
from watcher.core.book import RuleBook
from watcher.core.circuit import TROUBLED, Circuit
from watcher.core.market import Symbol
from watcher.core.notification import Enqueued, Notification
from watcher.core.outage import topic_of
from watcher.core.plan import Plan, plan
from watcher.core.sessions import Timetable, Timetables, shown
from watcher.core.watched import Gaps, Watched
from watcher.jobs.asked import Dues, circuit
from watcher.jobs.notices import announce_recovery
from watcher.jobs.poll import Cycle, ask
from watcher.jobs.ports import Clock, Store, Transaction, Upstream, Writer

PORTION = 120
"""Requests between two looks at what is due: two minutes of the documented rate."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When rows are to be expected, and how often what is not there yet is asked for."""

    timetables: Callable[[datetime], Timetables]
    gaps: Gaps
    overruled: bool = False
    """True if everything is asked for at an interval: then the calendar has nothing to say of rows that are late."""
    shortest: timedelta = timedelta()
    """No session comes due, and is over before its row came, within less: it need not be looked for, then."""

    def missed(self, last: datetime | None, now: datetime) -> bool:
        """Return whether a session came due after the `last` cycle, and the next one has opened since."""
        if last is None or now - last < self.shortest:
            return False
        sessions = (due for each in self.timetables(now).values() for due in each.due_after(date.min, now))
        return any(last < due.at and due.until <= now for due in sessions)


@dataclass(frozen=True, slots=True)
class Cycled:
    """What a cycle over what was due asked and enqueued, and how it stands after it."""

    cycle: Cycle
    watched: int
    troubled: int
    """Symbols without a usable answer, asked for in this cycle or not."""
    waiting: int
    """Symbols that are due and were not asked for, because upstream is to be left alone."""
    down: bool
    wake: datetime | None
    """When there will be something to do next, if nothing happens before."""


@dataclass(frozen=True, slots=True)
class _Look:
    plan: Plan
    dues: Dues
    circuit: Circuit
    watched: int
    troubled: int


async def cycle(
    book: Callable[[], RuleBook],
    upstream: Upstream,
    store: Store,
    writer: Writer,
    clock: Clock,
    schedule: Schedule,
    *,
    away: bool = False,
) -> Cycled:
    """Ask for what is due until nothing is, and record the answers; safe to be run twice, at any time.

    What is due is looked at anew every few requests: another market's close, a reload, an outage change it. `away` as
    in `record`.
    """
    started = clock.now()
    states: dict[Symbol, SymbolState] = {}
    notifications = [*map(Enqueued.of, await writer(lambda: _forget(store, book(), clock.now())))]
    while True:
        look = await writer(lambda: _look(store, book(), schedule, clock.now()))
        if not look.plan.requests:
            break
        portion = look.plan.requests[:PORTION]
        asked = await ask(
            portion, book, upstream, store, writer, clock, away=away, dues=look.dues, circuit=look.circuit
        )
        states |= {state.symbol: state for state in asked.states}
        notifications += asked.notifications
    of_cycle = Cycle(started, clock.now(), tuple(states.values()), tuple(notifications))
    plan = look.plan
    return Cycled(of_cycle, look.watched, look.troubled, plan.waiting, look.circuit.down, plan.wake)


def states_now(
    tx: Transaction, watched: Container[Symbol], schedule: Schedule, now: datetime
) -> Mapping[Symbol, SymbolState]:
    """Return how it stands with every symbol's data now: as stored, and late or missing where it is watched."""
    found = dict(tx.rows.states())
    if schedule.overruled:
        return found
    for market, timetable in schedule.timetables(now).items():
        members = [state for state in found.values() if state.symbol.market is market and state.symbol in watched]
        newest = max((state.judged for state in members if state.judged), default=None)
        held = _held(tx, timetable, members, newest, now)
        found |= {state.symbol: shown(state, timetable, newest, held, now) for state in members}
    return found


def _look(store: Store, book: RuleBook, schedule: Schedule, now: datetime) -> _Look:
    timetables = schedule.timetables(now)
    with store.read() as tx:
        states, asks, loud, upstream = tx.rows.states(), tx.asking.all(), tx.alerts.of(), circuit(tx)
    watched = [Watched(symbol, states.get(symbol), asks.get(symbol), symbol in loud) for symbol in book.by_symbol]
    found = plan(watched, timetables, upstream, schedule.gaps, book.lookback, now)
    troubled = sum(each.state is not None and each.state.state in TROUBLED for each in watched)
    dues = {market: each.due(now) for market, each in timetables.items()}
    return _Look(found, dues, upstream, len(watched), troubled)


def _forget(store: Store, book: RuleBook, now: datetime) -> Sequence[Notification]:
    """Forget how symbols were asked for that are watched no more: what comes back is asked for at once."""
    with store.read() as tx:
        gone = [symbol for symbol in tx.asking.all() if symbol not in book.by_symbol]
        states = tx.rows.states(gone)
    if not gone:
        return ()
    with store.write() as tx:
        tx.asking.forget(gone)
        return [
            notice
            for state in states.values()
            for notice in announce_recovery(tx, book, topic_of(state), f"{state.symbol}: no longer watched", now)
        ]


def _held(
    tx: Transaction, timetable: Timetable, members: Sequence[SymbolState], newest: date | None, now: datetime
) -> set[date]:
    """Return the sessions that decide: the first after each symbol's newest row that any symbol has a row of."""
    held: set[date] = set()
    for judged in sorted({state.judged for state in members if state.judged}):
        for due in timetable.due_after(judged, now):
            if newest is None or due.trade_date >= newest or due.trade_date in held:
                break
            if tx.asking.was_held(timetable.market, due.trade_date):
                held.add(due.trade_date)
                break
    return held
