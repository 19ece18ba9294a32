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
