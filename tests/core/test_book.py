"""The rule book: rules by symbol, and channels' quiet hours."""

from datetime import UTC, datetime, time

import pytest

from tests.builders import book, rule
from watcher.core.book import CONSOLE, QuietHours, RuleBook
from watcher.core.market import Symbol

NIGHT = QuietHours(time(22), time(7), "Asia/Hong_Kong")
NOON = QuietHours(time(12), time(13, 30), "Asia/Hong_Kong")


def hong_kong(hour: int, minute: int = 0, second: int = 0) -> datetime:
    """Return the instant of a wall-clock time in Hong Kong, in UTC."""
    return datetime(2026, 6, 5 if hour >= 8 else 4, (hour - 8) % 24, minute, second, tzinfo=UTC)


@pytest.mark.parametrize(
    ("quiet", "now", "expected"),
    [
        pytest.param(NIGHT, hong_kong(21, 59, 59), False, id="just before the night"),
        pytest.param(NIGHT, hong_kong(22), True, id="at its start"),
        pytest.param(NIGHT, hong_kong(0), True, id="at midnight"),
        pytest.param(NIGHT, hong_kong(6, 59, 59), True, id="just before its end"),
        pytest.param(NIGHT, hong_kong(7), False, id="at its end"),
        pytest.param(NIGHT, hong_kong(12), False, id="at noon"),
        pytest.param(NOON, hong_kong(11, 59), False, id="before lunch"),
        pytest.param(NOON, hong_kong(12), True, id="at lunch"),
        pytest.param(NOON, hong_kong(13, 30), False, id="after lunch"),
        pytest.param(NOON, hong_kong(0), False, id="lunch is not at midnight"),
        pytest.param(QuietHours(time(9), time(9), "UTC"), hong_kong(17), False, id="no hours at all"),
    ],
)
def test_quiet_hours(quiet: QuietHours, now: datetime, expected: bool) -> None:
    assert quiet.hold(now) is expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(datetime(2026, 1, 15, 12, 30, tzinfo=UTC), True, id="07:30 in winter"),
        pytest.param(datetime(2026, 7, 15, 12, 30, tzinfo=UTC), False, id="08:30 in summer"),
        pytest.param(datetime(2026, 7, 15, 11, 30, tzinfo=UTC), True, id="07:30 in summer"),
    ],
)
def test_quiet_hours_follow_the_wall_clock_of_new_york(now: datetime, expected: bool) -> None:
    assert QuietHours(time(22), time(8), "America/New_York").hold(now) is expected


def test_rules_by_symbol_in_order_of_first_mention() -> None:
    one = rule("one", symbols=["US.XRT", "US.GME"])
    resting = rule("resting", symbols=["US.AAPL", "US.XRT"], enabled=False)
    two = rule("two", symbols=["HK.00700", "US.GME"])
    by_symbol = book(one, resting, two).by_symbol
    assert list(by_symbol) == ["US.XRT", "US.GME", "US.AAPL", "HK.00700"]
    assert by_symbol[Symbol("US.GME")] == (one, two)
    assert by_symbol[Symbol("US.XRT")] == (one,)
    assert by_symbol[Symbol("US.AAPL")] == ()


def test_rules_by_name_rest_included() -> None:
    resting = rule("resting", enabled=False)
    assert book(resting).by_name == {"resting": resting}


def test_lookback_is_that_of_the_farthest_rule() -> None:
    assert book().lookback == 1
    assert book(rule("a"), rule("b", when="volume > mean(volume, 20)")).lookback == 20


def test_the_console_always_exists() -> None:
    assert list(RuleBook().channels) == [CONSOLE]
    assert RuleBook().operator == (CONSOLE,)


def utc(text: str) -> datetime:
    """Return the instant written `2026-03-08 06:30`, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "now", "over"),
    [
        pytest.param(NIGHT, "2026-06-05 14:00", "2026-06-05 23:00", id="before midnight in Hong Kong"),
        pytest.param(NIGHT, "2026-06-05 22:59:30", "2026-06-05 23:00", id="in the last minute"),
        pytest.param(NOON, "2026-06-05 04:10", "2026-06-05 05:30", id="hours within a day"),
        pytest.param(("22:00", "07:00"), "2026-03-08 04:00", "2026-03-08 11:00", id="New York's short night"),
        pytest.param(("22:00", "07:00"), "2026-11-01 03:00", "2026-11-01 12:00", id="New York's long night"),
        pytest.param(("22:00", "02:30"), "2026-03-08 06:00", "2026-03-08 07:00", id="an end that spring leaves out"),
        pytest.param(("22:00", "01:30"), "2026-11-01 04:00", "2026-11-01 05:30", id="an end that autumn has twice"),
        pytest.param(("22:00", "01:30"), "2026-11-01 06:10", "2026-11-01 06:30", id="the second of them"),
    ],
)
def test_when_quiet_hours_are_over(hours: QuietHours | tuple[str, str], now: str, over: str) -> None:
    if isinstance(hours, tuple):
        start, end = map(time.fromisoformat, hours)
        hours = QuietHours(start, end, "America/New_York")
    assert hours.hold(utc(now))
    assert hours.over(utc(now)) == utc(over)
    assert not hours.hold(utc(over))
