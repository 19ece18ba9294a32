"""Timetables of plain weekdays, and the moments in them that tests speak of."""

from datetime import UTC, date, datetime, time, timedelta

from tests.builders import day, sessions
from watcher.core.market import Market
from watcher.core.sessions import Session, Timetable

_HOURS = {Market.HK: (time(1, 30), time(8, 0)), Market.US: (time(14, 30), time(21, 0))}
"""In UTC, in winter."""


def at(text: str) -> datetime:
    """Return the moment written `01-14 08:30`, in UTC, of 2026."""
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


def timetable(
    market: Market = Market.HK, n: int = 30, start: date | str = "2026-01-05", ready_after: timedelta | None = None
) -> Timetable:
    """Return n weekdays from `start` on; rows are to be expected half an hour after the close."""
    opens, closes = _HOURS[market]
    found = tuple(
        Session(when, datetime.combine(when, opens, UTC), datetime.combine(when, closes, UTC))
        for when in sessions(n, day(start))
    )
    return Timetable(market, found, timedelta(minutes=30) if ready_after is None else ready_after)
