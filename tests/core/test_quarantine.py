"""What is set aside, what a release lets through, and when a symbol's newest session is withheld."""

from datetime import date

import pytest

from tests.builders import day, hk_row, position, us_row
from tests.conftest import NOW
from watcher.core.answer import Answered
from watcher.core.market import Symbol
from watcher.core.quarantine import Held, Quarantined, chosen
from watcher.errors import WatcherError

HK, US = Symbol("HK.00700"), Symbol("US.XRT")
TODAY = day("2026-03-02")


def bad(when: str, volume: float = -1) -> Quarantined:
    return Quarantined(us_row(when, volume=volume), f"volume is {volume}")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param(us_row("2026-01-05", volume=5), us_row("2026-01-05", volume=5.0), True, id="an int and a float"),
        pytest.param(us_row("2026-01-05", volume=5), us_row("2026-01-05", volume=6), False, id="another value"),
        pytest.param(us_row("2026-01-05", volume=5), us_row("2026-01-06", volume=5), False, id="another date"),
        pytest.param(
            us_row("2026-01-05", volume=5), us_row("2026-01-05", close_price=5), False, id="the value of another field"
        ),
        pytest.param(
            position("2026-01-02", "2026-01-05", -5),
            position("2026-01-02", "2026-01-06", -5),
            True,
            id="a position that came with another row",
        ),
    ],
)
def test_the_content_is_what_is_published(one: object, other: object, same: bool) -> None:
    contents = {Quarantined(row, "odd").content for row in (one, other)}  # type: ignore[arg-type]  # rows, or positions
    assert (len(contents) == 1) is same


def test_a_released_row_is_a_row_like_any_other() -> None:
    rows = us_row("2026-01-05", volume=1), us_row("2026-01-07", volume=3)
    released, stays = bad("2026-01-06"), bad("2026-01-08")
    answer = Answered(US, rows, None, (released, stays)).admitting({released.content})
    assert answer == Answered(US, (rows[0], released.row, rows[1]), None, (stays,))  # type: ignore[arg-type]  # it is a row


def test_a_released_row_goes_before_another_of_its_date() -> None:
    released = bad("2026-01-05")
    answer = Answered(US, (us_row("2026-01-05", volume=1),), None, (released,)).admitting({released.content})
    assert answer.rows == (released.row,)


def test_a_released_position_is_the_answers() -> None:
    row, held = hk_row("2026-01-20", turnover=1), position("2026-01-09", "2026-01-20", 5, 101)
    odd = Quarantined(held, "aggregated_short_ratio is 101 %")
    assert Answered(HK, (row,), None, (odd,)).admitting({odd.content}) == Answered(HK, (row,), held)


def test_without_a_release_nothing_changes() -> None:
    answer = Answered(US, (us_row("2026-01-05", volume=1),), None, (bad("2026-01-06"),))
    assert answer.admitting(set()) is answer


@pytest.mark.parametrize(
    ("quarantined", "withheld"),
    [
        pytest.param((), None, id="nothing is refused"),
        pytest.param((bad("2026-01-06"),), "2026-01-06", id="the row of the newest session"),
        pytest.param((bad("2026-01-06"), bad("2026-01-07"), bad("2026-01-02")), "2026-01-07", id="several newer ones"),
        pytest.param((bad("2026-01-05"),), None, id="one of the newest that counts, too"),
        pytest.param((bad("2026-01-02"),), None, id="an older one"),
        pytest.param((bad("2026-03-03"),), None, id="a day to come is no session yet"),
        pytest.param((Quarantined(position("2026-01-06", "2026-01-06"), "odd"),), None, id="a position"),
    ],
)
def test_a_session_is_withheld_while_its_row_is_refused_and_none_newer_counts(
    quarantined: tuple[Quarantined, ...], withheld: str | None
) -> None:
    found = Answered(US, (us_row("2026-01-05", volume=1),), None, quarantined).withheld(TODAY)
    assert (found.on_date.isoformat() if found else None) == withheld


def test_without_any_row_the_newest_refused_one_is_withheld() -> None:
    assert Answered(US, (), None, (bad("2026-01-06"),)).withheld(TODAY) == bad("2026-01-06")


def held(quarantined: Quarantined, *, released: bool = False) -> Held:
    return Held(US, quarantined, NOW, NOW if released else None, "it is so" if released else None)


FIRST, SECOND = bad("2026-01-06", -1), bad("2026-01-06", -2)


@pytest.mark.parametrize(
    ("entries", "content", "expected"),
    [
        pytest.param([held(FIRST)], None, held(FIRST), id="the only one"),
        pytest.param([held(bad("2026-01-05")), held(FIRST)], None, held(FIRST), id="the one of the date"),
        pytest.param([held(FIRST), held(SECOND)], SECOND.content, held(SECOND), id="the one of the content"),
        pytest.param([held(FIRST, released=True), held(SECOND)], None, held(SECOND), id="held before released"),
        pytest.param([held(FIRST, released=True)], None, held(FIRST, released=True), id="released already"),
    ],
)
def test_who_names_a_date_means_one(entries: list[Held], content: str | None, expected: Held) -> None:
    assert chosen(US, entries, day("2026-01-06"), content, TODAY) == expected


@pytest.mark.parametrize(
    ("entries", "on_date", "content", "cause"),
    [
        pytest.param([], "2026-01-06", None, "nothing of US.XRT of 2026-01-06 is quarantined", id="none at all"),
        pytest.param([], "2026-01-06", "abc", "nothing of US.XRT of 2026-01-06 is quarantined", id="none to name"),
        pytest.param([held(FIRST)], "2026-01-06", "abc", "2026-01-06 with content abc", id="another content"),
        pytest.param([held(FIRST), held(SECOND)], "2026-01-06", None, FIRST.content, id="several"),
        pytest.param([held(bad("2026-03-03"))], "2026-03-03", None, "a day to come", id="of the future"),
    ],
)
def test_who_means_none_or_several_is_told_what_to_do(
    entries: list[Held], on_date: str, content: str | None, cause: str
) -> None:
    with pytest.raises(WatcherError, match=cause):
        chosen(US, entries, date.fromisoformat(on_date), content, TODAY)
