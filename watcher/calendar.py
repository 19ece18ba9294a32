"""Trading sessions of Hong Kong and New York: weekends, holidays, half days, daylight saving.

Checked against another calendar, for this year and the next two, in tests/test_calendar.py.
"""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from watcher.core.market import Market
from watcher.core.sessions import Session, Timetable

_EXCHANGES = {Market.HK: "XHKG", Market.US: "XNYS"}
_OPENS = {Market.HK: time(9, 30), Market.US: time(9, 30)}
_CLOSES = {Market.HK: time(16, 0), Market.US: time(16, 0)}
_HALF_DAY_CLOSES = {Market.HK: time(12, 0), Market.US: time(13, 0)}
NIGHT = timedelta(hours=17, minutes=30)
"""From a close to the next opening, at least: no clock is changed in a night between two sessions."""
_BEHIND, _AHEAD = timedelta(days=731), timedelta(days=21)
"""Around now: back to where a symbol suspended the longest had its last row, and the next one after any holidays."""


def sessions(market: Market, first: date, last: date, closed: Collection[date] = ()) -> tuple[Session, ...]:
    """Return the sessions from `first` to `last`, both included; `closed` are further closed days (a typhoon, say)."""
    return tuple(
        session
        for year in range(first.year, last.year + 1)
        for session in _of_year(market, year)
        if first <= session.trade_date <= last and session.trade_date not in closed
    )


def latest_sessions(market: Market, count: int, last: date) -> tuple[Session, ...]:
    """Return the newest `count` sessions up to `last`, oldest first."""
    found = sessions(market, last - timedelta(days=count * 2 + 30), last)
    return found[-count:]


def timetable(market: Market, now: datetime, ready_after: timedelta, closed: Collection[date] = ()) -> Timetable:
    """Return the sessions of a market around `now`."""
    today = now.astimezone(ZoneInfo(market.zone)).date()
    return Timetable(market, sessions(market, today - _BEHIND, today + _AHEAD, closed), ready_after)


@cache
def _of_year(market: Market, year: int) -> tuple[Session, ...]:
    from holidays import financial_holidays  # all countries of the world come with it: 0.2 s

    exchange, zone = _EXCHANGES[market], ZoneInfo(market.zone)
    closed = financial_holidays(exchange, years=year, categories=("public",))
    half_days = financial_holidays(exchange, years=year, categories=("half_day",))
    found = []
    for ordinal in range(date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal() + 1):
        day = date.fromordinal(ordinal)
        if day.weekday() >= 5 or day in closed:
            continue
        close = (_HALF_DAY_CLOSES if day in half_days else _CLOSES)[market]
        opens, closes = (datetime.combine(day, at, zone).astimezone(UTC) for at in (_OPENS[market], close))
        found.append(Session(day, opens, closes))
    return tuple(found)
