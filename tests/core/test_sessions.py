"""Sessions: which is due, until when its rows are late, and which rows are missing, skipped or never to come."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from tests.builders import day
from tests.core.timetables import at, timetable
from watcher.core.answer import DataState, SymbolState
from watcher.core.market import Market, Symbol
from watcher.core.sessions import Due, Timetable, shown

HK = Symbol("HK.00700")
# Monday 12th, Tuesday 13th, Wednesday 14th …
WEEKS = timetable()


@pytest.mark.parametrize(
    ("now", "due"),
    [
        pytest.param(at("01-05 08:29"), None, id="before the first there is none"),
        pytest.param(at("01-12 08:29"), "2026-01-09", id="a session is not due when it has only just closed"),
        pytest.param(at("01-12 08:30"), "2026-01-12", id="it is due a while after its close"),
        pytest.param(at("01-17 12:00"), "2026-01-16", id="on a Saturday it is Friday's"),
    ],
)
def test_the_newest_session_that_is_due(now: datetime, due: str | None) -> None:
    found = WEEKS.due(now)
    assert (found.trade_date if found else None) == (day(due) if due else None)


def test_a_session_is_due_from_its_close_and_a_while_until_the_next_opens() -> None:
    assert WEEKS.due(at("01-16 10:00")) == Due(day("2026-01-16"), at("01-16 08:30"), at("01-19 01:30"))


def test_rows_that_come_after_the_next_opening_are_late_until_that_ones_are_due() -> None:
    slow = timetable(ready_after=timedelta(hours=20))
    assert slow.due(at("01-13 12:00")) == Due(day("2026-01-12"), at("01-13 04:00"), at("01-14 04:00"))


def test_the_last_session_of_a_timetable_is_late_for_as_long_as_nobody_knows_better() -> None:
    last = timetable(n=1).due(at("12-31 00:00"))
    assert last is not None
    assert last.until > at("12-31 23:59")
    assert timetable(n=1).next_due(at("12-31 00:00")) is None


def test_the_next_session_to_be_due() -> None:
    assert WEEKS.next_due(at("01-16 08:30")) == at("01-19 08:30")
    assert WEEKS.next_due(at("01-16 08:29")) == at("01-16 08:30")


@pytest.mark.parametrize(
    ("judged", "now", "closed"),
    [
        pytest.param("2026-01-12", at("01-12 08:00"), 0, id="none since the newest row"),
        pytest.param("2026-01-12", at("01-13 07:59"), 0, id="one that is open does not count"),
        pytest.param("2026-01-12", at("01-13 08:00"), 1, id="one that is closed does"),
        pytest.param("2026-01-09", at("01-14 12:00"), 3, id="a weekend is no session"),
        pytest.param("2026-02-12", at("01-14 12:00"), 0, id="a row of the future leaves none"),
    ],
)
def test_how_many_sessions_have_closed_since_a_row(judged: str, now: datetime, closed: int) -> None:
    assert WEEKS.count_after(day(judged), now) == closed


def test_the_session_of_a_row_is_found_also_if_the_calendar_does_not_know_it() -> None:
    assert WEEKS.up_to(day("2026-01-18")) == WEEKS.due(at("01-16 12:00"))
    assert WEEKS.up_to(day("2026-01-04")) is None


@pytest.mark.parametrize(
    ("moment", "moved"),
    [
        pytest.param(at("01-16 15:59"), at("01-16 15:59"), id="late on a Friday in Hong Kong stays"),
        pytest.param(at("01-16 16:00"), at("01-18 16:00"), id="a Saturday there becomes Monday's first minute"),
        pytest.param(at("12-24 16:00"), at("12-24 16:00"), id="beyond the timetable nothing is known"),
    ],
)
def test_a_moment_of_a_closed_day_is_moved_to_the_next_session_day(moment: datetime, moved: datetime) -> None:
    assert WEEKS.on_session_day(moment) == moved


def _ok(judged: str | None, state: DataState = DataState.OK) -> SymbolState:
    return SymbolState(HK, state, at("01-05 09:00"), None, judged=day(judged) if judged else None)


@pytest.mark.parametrize(
    ("judged", "newest", "held", "now", "state", "since"),
    [
        pytest.param("2026-01-13", "2026-01-13", [], at("01-13 12:00"), "ok", None, id="the newest row is here"),
        pytest.param("2026-01-12", "2026-01-12", [], at("01-13 08:29"), "ok", None, id="the session is not due yet"),
        pytest.param("2026-01-12", "2026-01-12", [], at("01-13 09:00"), "late", at("01-13 08:30"), id="it is due"),
        pytest.param(
            "2026-01-12", "2026-01-13", [], at("01-13 12:00"), "late", at("01-13 08:30"), id="others have it already"
        ),
        pytest.param(
            "2026-01-12", "2026-01-13", [], at("01-14 01:30"), "missing", at("01-14 01:30"), id="the next one opened"
        ),
        pytest.param(
            "2026-01-12",
            "2026-01-14",
            ["2026-01-13"],
            at("01-14 12:00"),
            "missing",
            at("01-14 01:30"),
            id="missing since the first that it did not have",
        ),
        pytest.param(
            "2026-01-12",
            "2026-01-14",
            [],
            at("01-14 12:00"),
            "late",
            at("01-14 08:30"),
            id="a session that no symbol has was cancelled: the next one is late",
        ),
        pytest.param(
            "2026-01-14", "2026-01-14", [], at("01-14 12:00"), "ok", None, id="what a later answer skipped was no row"
        ),
        pytest.param(
            "2026-01-12",
            "2026-01-12",
            [],
            at("01-14 02:00"),
            "missing",
            at("01-14 01:30"),
            id="as long as no later one is there, a session that nobody has may still come",
        ),
        pytest.param(None, None, [], at("01-14 02:00"), "ok", None, id="without any row nothing is known"),
    ],
)
def test_how_it_stands_with_a_symbol(
    judged: str | None, newest: str | None, held: Sequence[str], now: datetime, state: str, since: datetime | None
) -> None:
    found = shown(_ok(judged), WEEKS, day(newest) if newest else None, [day(each) for each in held], now)
    assert found.state == state
    assert found.since == (since or at("01-05 09:00"))
    assert (found.reason is None) is (state == "ok")


@pytest.mark.parametrize("state", sorted(set(DataState) - {DataState.OK}))
def test_what_upstream_said_of_a_symbol_goes_before_what_the_calendar_says(state: DataState) -> None:
    before = _ok("2026-01-12", state)
    assert shown(before, WEEKS, day("2026-01-13"), [], at("01-14 02:00")) == before


def test_the_reason_names_symbol_and_session() -> None:
    found = shown(_ok("2026-01-12"), WEEKS, None, [], at("01-13 12:00"))
    assert found.reason == "HK.00700: the row of 2026-01-13 is due, and not here"
    found = shown(_ok("2026-01-12"), WEEKS, None, [], at("01-14 12:00"))
    assert found.reason == "HK.00700: the row of 2026-01-13 is not here, and the next session has opened"


def test_an_empty_timetable_knows_nothing() -> None:
    empty = Timetable(Market.HK, (), timedelta())
    assert empty.due(at("01-14 12:00")) is None
    assert empty.due_after(day("2026-01-01"), at("01-14 12:00")) == ()
