"""The calendar against another one's, kept in calendars.toml, and its closes against the clocks of both cities."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import tomli

from watcher.calendar import latest_sessions, sessions, timetable
from watcher.core.market import Market

ORACLE = tomli.loads((Path(__file__).parent / "calendars.toml").read_text())
"""Closed weekdays and half days by market and year, as exchange_calendars has them."""
DIFFERENCES: dict[Market, set[date]] = {Market.HK: set(), Market.US: set()}
"""Where the two calendars differ, and which one is right: there is none, in 2026, 2027 and 2028."""
_FULL_DAY = {Market.HK: timedelta(hours=6.5), Market.US: timedelta(hours=6.5)}


@pytest.mark.parametrize("year", [2026, 2027, 2028])
@pytest.mark.parametrize("market", Market)
def test_closed_days_and_half_days_are_those_of_another_calendar(market: Market, year: int) -> None:
    found = sessions(market, date(year, 1, 1), date(year, 12, 31))
    days = [date(year, 1, 1) + timedelta(days=n) for n in range(366)]
    closed = {day for day in days if day.year == year and day.weekday() < 5} - {each.trade_date for each in found}
    half = {each.trade_date for each in found if each.closes - each.opens < _FULL_DAY[market]}
    theirs = ORACLE[market][str(year)]
    assert closed ^ set(theirs["closed"]) <= DIFFERENCES[market]
    assert half ^ set(theirs["half"]) <= DIFFERENCES[market]


@pytest.mark.parametrize(
    ("market", "day", "opens", "closes"),
    [
        pytest.param(Market.HK, "2026-06-05", "01:30", "08:00", id="Hong Kong has no daylight saving"),
        pytest.param(Market.HK, "2026-12-24", "01:30", "04:00", id="Hong Kong at Christmas Eve"),
        pytest.param(Market.HK, "2026-02-16", "01:30", "04:00", id="Hong Kong at Lunar New Year's Eve"),
        pytest.param(Market.US, "2026-03-06", "14:30", "21:00", id="New York in winter"),
        pytest.param(Market.US, "2026-03-09", "13:30", "20:00", id="New York after the change in spring"),
        pytest.param(Market.US, "2026-10-30", "13:30", "20:00", id="New York in summer"),
        pytest.param(Market.US, "2026-11-02", "14:30", "21:00", id="New York after the change in autumn"),
        pytest.param(Market.US, "2026-11-27", "14:30", "18:00", id="New York after Thanksgiving"),
        pytest.param(Market.US, "2028-07-03", "13:30", "17:00", id="New York before a fourth of July on a Tuesday"),
    ],
)
def test_when_a_session_opens_and_closes(market: Market, day: str, opens: str, closes: str) -> None:
    (session,) = sessions(market, date.fromisoformat(day), date.fromisoformat(day))
    assert (f"{session.opens:%H:%M}", f"{session.closes:%H:%M}") == (opens, closes)


@pytest.mark.parametrize(
    ("market", "day"),
    [
        pytest.param(Market.US, "2026-07-03", id="the fourth of July is a Saturday, Friday is closed instead"),
        pytest.param(Market.US, "2027-12-24", id="Christmas is a Saturday, Christmas Eve is no half day but closed"),
        pytest.param(Market.HK, "2027-12-27", id="Christmas is a Saturday, Monday is closed instead"),
        pytest.param(Market.HK, "2026-06-06", id="a Saturday"),
    ],
)
def test_when_there_is_no_session(market: Market, day: str) -> None:
    assert sessions(market, date.fromisoformat(day), date.fromisoformat(day)) == ()


def test_new_year_on_a_saturday_closes_no_friday() -> None:
    """The year's last session is one, in New York, also where its holiday falls on the Saturday after."""
    assert sessions(Market.US, date(2027, 12, 31), date(2027, 12, 31))


def test_further_closed_days_are_no_sessions() -> None:
    typhoon = date(2026, 9, 8)
    week = (date(2026, 9, 7), date(2026, 9, 11))
    assert [each.trade_date.day for each in sessions(Market.HK, *week, closed=[typhoon])] == [7, 9, 10, 11]
    found = timetable(Market.HK, datetime(2026, 9, 8, 12, 0, tzinfo=UTC), timedelta(minutes=30), [typhoon])
    assert typhoon not in {each.trade_date for each in found.sessions}


def test_a_timetable_reaches_over_any_holidays_and_back_over_two_years() -> None:
    now = datetime(2026, 2, 16, 20, 0, tzinfo=UTC)
    found = timetable(Market.HK, now, timedelta(minutes=30))
    due = found.due(now)
    assert due is not None
    assert due.trade_date == date(2026, 2, 16)
    assert found.next_due(now) == datetime(2026, 2, 20, 8, 30, tzinfo=UTC)
    assert found.sessions[0].trade_date < date(2024, 2, 20)


def test_the_newest_sessions_up_to_a_day() -> None:
    found = latest_sessions(Market.US, 3, date(2026, 1, 3))
    assert [each.trade_date.isoformat() for each in found] == ["2025-12-30", "2025-12-31", "2026-01-02"]
