"""Trading sessions of Hong Kong and New York: weekends, holidays, half days, daylight saving."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from holidays import HolidayBase, financial_holidays

from watcher.core.market import Market
from watcher.core.sessions import Session

_EXCHANGES = {Market.HK: "XHKG", Market.US: "XNYS"}
_CLOSES = {Market.HK: time(16, 0), Market.US: time(16, 0)}
_HALF_DAY_CLOSES = {Market.HK: time(12, 0), Market.US: time(13, 0)}


def sessions(market: Market, first: date, last: date, closed: Iterable[date] = ()) -> tuple[Session, ...]:
    """Return the sessions from `first` to `last`, both included; `closed` are further closed days (a typhoon, say)."""
    years = range(first.year, last.year + 1)
    holidays: HolidayBase = financial_holidays(_EXCHANGES[market], years=years, categories=("public",))
    half_days: HolidayBase = financial_holidays(_EXCHANGES[market], years=years, categories=("half_day",))
    shut = set(closed)
    zone = ZoneInfo(market.zone)
    found = []
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        day = date.fromordinal(ordinal)
        if day.weekday() >= 5 or day in holidays or day in shut:
            continue
        close = _HALF_DAY_CLOSES[market] if day in half_days else _CLOSES[market]
        found.append(Session(day, datetime.combine(day, close, zone).astimezone(UTC)))
    return tuple(found)


def latest_sessions(market: Market, count: int, last: date) -> tuple[Session, ...]:
    """Return the newest `count` sessions up to `last`, oldest first."""
    found = sessions(market, last - timedelta(days=count * 2 + 30), last)
    return found[-count:]
