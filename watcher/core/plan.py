"""Which symbols to ask for now, in which order, and when to look again: from the calendar and from what is stored.

Pure, and worked out anew at every look: a restart, a reload or an edited rule changes nothing of it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from watcher.core.answer import DataState
from watcher.core.circuit import TROUBLED, Circuit, jittered
from watcher.core.market import Market, Symbol
from watcher.core.sessions import Due, Timetable, Timetables
from watcher.core.watched import Gaps, Watched

FIRST_ROWS, ROWS, MOST_ROWS = 90, 30, 90
"""Rows asked for: of a symbol without history, at least of any, and as many as upstream gives."""
_SETTLED = 21
"""Rows beyond a gap that are asked for as well: one revised day touches twenty averages."""

_EVER = datetime.min.replace(tzinfo=UTC)
_RARELY = timedelta(days=7)
_FAULTY = frozenset({DataState.INVALID, DataState.UNSUPPORTED})
_FIRST_RETRY, _LONGEST_RETRY = timedelta(minutes=1), timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Request:
    """One symbol, to be asked for now."""

    symbol: Symbol
    count: int
    since: datetime
    """From when on it was to be asked for."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be asked for now, in this order, and when to look again if nothing else happens."""

    requests: tuple[Request, ...]
    wake: datetime | None
    waiting: int = 0
    """Symbols that would be asked for now, were upstream not to be left alone."""


@dataclass(frozen=True, slots=True)
class _Turn:
    watched: Watched
    at: datetime
    due: Due | None = None
    """The session whose row it is asked for."""


def plan(
    watched: Sequence[Watched],
    timetables: Timetables,
    circuit: Circuit,
    gaps: Gaps,
    lookback: int,
    now: datetime,
) -> Plan:
    """Return what is to be asked for now: markets whose session is due first, loud symbols before quiet ones.

    `lookback` is the number of rows that the rules look at, at most.
    """
    turns = [
        turn
        for market in Market
        for turn in _turns([each for each in watched if each.symbol.market is market], timetables[market], gaps, now)
    ]
    if circuit.back is not None:
        turns = [_brought_forward(turn, circuit.back, now) for turn in turns]
    ready = sorted((turn for turn in turns if turn.at <= now), key=_rank)
    later = [turn.at for turn in turns if turn.at > now]
    later += [moment for each in timetables.values() if (moment := each.next_due(now)) is not None]

    def request(turn: _Turn) -> Request:
        count = _count(turn.watched, timetables[turn.watched.symbol.market], lookback, now)
        return Request(turn.watched.symbol, count, turn.at)

    free_at = circuit.free_at(now)
    if free_at > now:
        return Plan((), min([free_at, *later]), len(ready))
    if circuit.open:
        # with nothing to ask for, what failed is left alone, unless people were told that upstream is down
        probe = _probe(watched, ready, circuit, now) if ready or circuit.down else None
        return Plan((request(probe),) if probe else (), min(later, default=None), len(ready))
    return Plan(tuple(request(turn) for turn in ready), min(later, default=None))


def _turns(members: Sequence[Watched], timetable: Timetable, gaps: Gaps, now: datetime) -> Iterator[_Turn]:
    """Yield when each symbol of one market is to be asked for; those that need not be are left out."""
    due = timetable.due(now)
    newest = max((each.judged for each in members if each.judged), default=None)
    lately = [each for each in members if each.judged and each.judged == newest and _ordinary(each)]
    swept = due
    if due is not None and newest is not None and newest < due.trade_date and lately:
        # nobody has a row of the session that is due: one symbol finds out, the rest is asked for what there is
        swept = timetable.up_to(newest)
        if (sentinel := _sentinel(members, lately, due, gaps, now)) is not None:
            yield sentinel
    for each in members:
        at = _moment(each, due, swept, timetable, gaps, now)
        if at is not None:
            of_session = each.state is not None and each.state.state not in _FAULTY | TROUBLED
            yield _Turn(each, at, swept if of_session else None)


def _sentinel(
    members: Sequence[Watched], lately: Sequence[Watched], due: Due, gaps: Gaps, now: datetime
) -> _Turn | None:
    """Return the next probe for the session, of each symbol that had a row lately in its turn; None if it is over."""
    probes = [ask for each in members if _ordinary(each) and (ask := each.asked_since(due.at, now))]
    at = due.at
    if probes:
        at = max(ask.at for ask in probes) + _gap(gaps.probes, sum(ask.misses for ask in probes))
        if max(at, now) >= due.until:
            return None
    first = due.trade_date.toordinal() % len(lately)
    in_turn = [*lately[first:], *lately[:first]]
    asked = {ask.symbol: ask.at for ask in probes}
    return _Turn(min(in_turn, key=lambda each: asked.get(each.symbol, _EVER)), at, due)


def _moment(
    each: Watched, due: Due | None, swept: Due | None, timetable: Timetable, gaps: Gaps, now: datetime
) -> datetime | None:
    """Return when a symbol is to be asked for its row of the session `swept`, or for what else is wanted of it."""
    if each.state is None:
        return now
    state, judged = each.state.state, each.state.judged
    if state in _FAULTY:
        return each.ask.at + _RARELY if each.ask is not None and each.ask.at <= now else now
    if due is not None and judged is not None and judged >= due.trade_date:
        return None
    if state in TROUBLED:
        return _retry(each, swept, now)
    if swept is None or (judged is not None and judged >= swept.trade_date):
        return None
    ask = each.asked_since(swept.at, now)
    if ask is None:
        return swept.at
    if state is DataState.NO_DATA:
        return None
    again = timetable.on_session_day(ask.at + _gap(gaps.stragglers, ask.misses))
    return again if max(again, now) < swept.until else None


def _retry(each: Watched, swept: Due | None, now: datetime) -> datetime:
    """Return when to ask again for a symbol without a usable answer: 1, 2, 4 … minutes later, and for each session."""
    ask = each.ask
    if ask is None or ask.at > now:
        return now
    if swept is not None and ask.at < swept.at:
        return swept.at
    gap = min(_FIRST_RETRY * 2 ** min(ask.misses - 1, 10), _LONGEST_RETRY)
    return ask.at + jittered(gap, each.symbol, ask.at)


def _brought_forward(turn: _Turn, back: datetime, now: datetime) -> _Turn:
    """Return the turn of a symbol at once if it failed while upstream was down, and that is back now."""
    state, ask = turn.watched.state, turn.watched.ask
    if state is None or ask is None or state.state not in TROUBLED or not ask.at <= back <= now:
        return turn
    return _Turn(turn.watched, min(turn.at, back), turn.due)


def _probe(watched: Sequence[Watched], ready: Sequence[_Turn], circuit: Circuit, now: datetime) -> _Turn | None:
    """Return whom to ask whether upstream answers again: a symbol that is not known to fail, if there is one.

    Of another market than those that fail, if possible: who has no right to one market may have it to the other.
    """
    waiting = {turn.watched.symbol for turn in ready}
    others = [_Turn(each, now) for each in watched if each.symbol not in waiting]
    markets = {symbol.market for symbol in circuit.failing}

    def doubt(turn: _Turn) -> tuple[bool, bool, bool, datetime]:
        each = turn.watched
        failing = each.symbol in circuit.failing or (each.state is not None and each.state.state in TROUBLED)
        asked = each.ask.at if failing and each.ask else _EVER
        return failing, each.symbol.market in markets, each.symbol not in waiting, asked

    return min([*ready, *others], key=doubt, default=None)


def _ordinary(each: Watched) -> bool:
    return each.state is not None and each.state.state in {DataState.OK, DataState.QUARANTINED}


def _gap(gaps: Sequence[timedelta], number: int) -> timedelta:
    return gaps[min(number, len(gaps)) - 1]


def _count(each: Watched, timetable: Timetable, lookback: int, now: datetime) -> int:
    """A window that covers the gap since the newest row, what the rules look back on, and what may be revised."""
    if each.judged is None:
        return FIRST_ROWS
    return min(max(ROWS, lookback, timetable.count_after(each.judged, now) + _SETTLED), MOST_ROWS)


def _rank(turn: _Turn) -> tuple[bool, datetime, bool]:
    return turn.due is None, turn.due.at if turn.due else turn.at, not turn.watched.loud
