"""Sessions of a market, as values: which one is due, and which rows are late, missing or never to come."""

from bisect import bisect_left, bisect_right
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

from watcher.core.answer import DataState, SymbolState
from watcher.core.market import Market

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Session:
    """One trading day of a market."""

    trade_date: date
    opens: datetime
    """In UTC."""
    closes: datetime
    """In UTC; earlier on half days."""


@dataclass(frozen=True, slots=True)
class Due:
    """A session whose rows are to be expected."""

    trade_date: date
    at: datetime
    """From when on."""
    until: datetime
    """Until when a row is late; from then on it is missing: the next session opened without it."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """The sessions of one market around now."""

    market: Market
    sessions: tuple[Session, ...]
    """Ascending: from before the oldest row that could be asked for, to the next one at least."""
    ready_after: timedelta
    """From the close until the first row is to be expected."""

    def due(self, now: datetime) -> Due | None:
        """Return the newest session that is due, if there is one."""
        return self._due(bisect_right(self.sessions, now, key=self._ready) - 1)

    def next_due(self, now: datetime) -> datetime | None:
        """Return when the next session will be due, as far as the timetable goes."""
        index = bisect_right(self.sessions, now, key=self._ready)
        return self._ready(self.sessions[index]) if index < len(self.sessions) else None

    def up_to(self, trade_date: date) -> Due | None:
        """Return the session of `trade_date`, or the newest before it."""
        return self._due(bisect_right(self.sessions, trade_date, key=_trade_date) - 1)

    def due_after(self, trade_date: date, now: datetime) -> tuple[Due, ...]:
        """Return the sessions after `trade_date` that are due, oldest first."""
        first = bisect_right(self.sessions, trade_date, key=_trade_date)
        last = bisect_right(self.sessions, now, key=self._ready)
        return tuple(due for index in range(first, last) if (due := self._due(index)) is not None)

    def count_after(self, trade_date: date, now: datetime) -> int:
        """Return how many sessions after `trade_date` have closed."""
        closed = bisect_right(self.sessions, now, key=_closes)
        return max(closed - bisect_right(self.sessions, trade_date, key=_trade_date), 0)

    def on_session_day(self, moment: datetime) -> datetime:
        """Return `moment`, or, if no session is on its day in the market's zone, the start of the next day with one."""
        zone = ZoneInfo(self.market.zone)
        index = bisect_left(self.sessions, moment.astimezone(zone).date(), key=_trade_date)
        if index == len(self.sessions):
            return moment
        return max(moment, datetime.combine(self.sessions[index].trade_date, time(), zone).astimezone(UTC))

    def _due(self, index: int) -> Due | None:
        if index < 0:
            return None
        session, at = self.sessions[index], self._ready(self.sessions[index])
        if index + 1 == len(self.sessions):
            return Due(session.trade_date, at, _NEVER)
        following = self.sessions[index + 1]
        # rows that are to be expected only after the next session opened are late until that one's are
        until = following.opens if following.opens > at else self._ready(following)
        return Due(session.trade_date, at, until)

    def _ready(self, session: Session) -> datetime:
        return session.closes + self.ready_after


Timetables: TypeAlias = Mapping[Market, Timetable]


def shown(
    state: SymbolState, timetable: Timetable, newest: date | None, held: Container[date], now: datetime
) -> SymbolState:
    """Return how it stands with a symbol's data now: as stored, which only answers change, or late, or missing.

    `newest` is the trade date of the newest row of any symbol of the market; `held` tells of the sessions before it
    whether any symbol has a row of them: one that none has was cancelled, and is missed by nobody. Sessions before a
    symbol's own newest row are not looked at: what an answer skipped was no row.
    """
    if state.state is not DataState.OK or state.judged is None:
        return state
    expected = [
        due
        for due in timetable.due_after(state.judged, now)
        if newest is None or due.trade_date >= newest or due.trade_date in held
    ]
    if not expected:
        return state
    first = expected[0]
    if first.until <= now:
        reason = f"{state.symbol}: the row of {first.trade_date} is not here, and the next session has opened"
        return replace(state, state=DataState.MISSING, since=first.until, reason=reason)
    reason = f"{state.symbol}: the row of {first.trade_date} is due, and not here"
    return replace(state, state=DataState.LATE, since=first.at, reason=reason)


def _trade_date(session: Session) -> date:
    return session.trade_date


def _closes(session: Session) -> datetime:
    return session.closes
