"""Numbers: units, digits, distance, change, and the line of the last sessions."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.delivery.builders import facts
from watcher.delivery.figures import change, comparison, distance, figure, short_change, sparkline

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        pytest.param(15.42, "%", "15.42 %", id="percent has two digits"),
        pytest.param(1.5, "×", "1.50 ×", id="a multiple has two digits"),
        pytest.param(46_242_547, "shares", "46,242,547 shares", id="shares are whole, in thousands"),
        pytest.param(14_465_428_854.749, "money", "14,465,428,855", id="money is whole, in thousands"),
        pytest.param(453.2, "price", "453.20", id="a price has two digits"),
        pytest.param(0.255, "price", "0.255", id="a small price has three"),
        pytest.param(2.345, "", "2.35", id="a score has two digits"),
        pytest.param(-0.001, "%", "0.00 %", id="nothing is never negative"),
        pytest.param(0.0, "shares", "0 shares", id="none of the shares"),
        pytest.param(None, "%", "unknown", id="unknown is not 0"),
        pytest.param(math.nan, "%", "unknown", id="not a number is unknown"),
        pytest.param(math.inf, "", "unknown", id="infinity is unknown"),
    ],
)
def test_a_figure_is_written_as_its_unit_wants(value: float | None, unit: str, text: str) -> None:
    assert figure(value, unit) == text


@pytest.mark.parametrize(
    ("value", "limit", "unit", "text"),
    [
        pytest.param(15.42, 15, "%", "15.42 % > 15", id="the limit as the rule writes it"),
        pytest.param(15.0, 12.5, "%", "15.00 % > 12.5", id="a limit with a fraction"),
        pytest.param(15.0, 0.125, "×", "15.00 × > 0.125", id="a limit with more digits than its unit"),
        pytest.param(13.0, 12.345678901, "%", "13.00 % > 12.35", id="a limit that was computed"),
        pytest.param(15.0004, 15, "%", "15.0004 % > 15", id="as many digits as tell them apart"),
        pytest.param(15.0, 15.0, "%", "15.00 %, limit > 15", id="equal is shown as equal, and not as above"),
        pytest.param(14.2, 15, "%", "14.20 %, limit > 15", id="back below the limit, while the alert goes on"),
        pytest.param(51e6, 5e7, "shares", "51,000,000 shares > 50,000,000", id="shares"),
        pytest.param(None, 15, "%", "unknown > 15", id="an unknown value"),
        pytest.param(15.42, None, "%", "15.42 % > unknown", id="an unknown limit"),
    ],
)
def test_a_value_is_held_against_its_limit(value: float | None, limit: float | None, unit: str, text: str) -> None:
    assert comparison(facts(value, limit, unit=unit)) == text


@pytest.mark.parametrize(
    ("value", "limit", "unit", "text"),
    [
        pytest.param(15.42, 15, "%", "0.42 points over", id="percent differ by points"),
        pytest.param(12.9, 15, "%", "2.10 points under", id="under"),
        pytest.param(15.0004, 15, "%", "0.0004 points over", id="hardly over"),
        pytest.param(15, 15, "%", "at the limit", id="equal"),
        pytest.param(51e6, 5e7, "shares", "1,000,000 shares over (2.0 %)", id="counts also relatively"),
        pytest.param(1, 0, "shares", "1 shares over", id="nothing is relative to 0"),
        pytest.param(None, 15, "%", None, id="unknown"),
    ],
)
def test_the_distance_from_the_limit(value: float | None, limit: float, unit: str, text: str | None) -> None:
    assert distance(facts(value, limit, unit=unit)) == text


@pytest.mark.parametrize(
    ("value", "previous", "long", "short"),
    [
        pytest.param(15.42, 14.31, "+1.11 points from 14.31 %", "+1.11", id="up"),
        pytest.param(13.0, 14.31, "-1.31 points from 14.31 %", "-1.31", id="down"),
        pytest.param(14.31, 14.31, "unchanged from 14.31 %", "0", id="unchanged"),
        pytest.param(14.3101, 14.31, "+0.0001 points from 14.31 %", "+0.0001", id="hardly changed"),
        pytest.param(15.42, None, None, "", id="the row before is unknown"),
        pytest.param(None, 14.31, None, "", id="this row is unknown"),
    ],
)
def test_the_change_since_the_row_before(
    value: float | None, previous: float | None, long: str | None, short: str
) -> None:
    told = facts(value, previous=previous)
    assert (change(told), short_change(told)) == (long, short)


@pytest.mark.parametrize(
    ("trend", "line"),
    [
        pytest.param((1, 2, 3, 4, 5, 6, 7, 8), "▁▂▃▄▅▆▇█", id="from the lowest to the highest"),
        pytest.param((1, None, 8), "▁ █", id="a gap is a space"),
        pytest.param((None, 1, 8), "▁█", id="what was before the first value is no gap"),
        pytest.param((5, 5), "▄▄", id="no change"),
        pytest.param((5, math.nan, 5), "▄ ▄", id="not a number is a gap"),
        pytest.param((None,), "", id="nothing known"),
        pytest.param((), "", id="nothing at all"),
    ],
)
def test_the_last_sessions_are_a_line_of_bars(trend: tuple[float | None, ...], line: str) -> None:
    assert sparkline(trend) == line


@given(
    NUMBERS | st.none(), NUMBERS | st.none(), NUMBERS | st.none(), st.sampled_from(["%", "×", "shares", "money", ""])
)
def test_no_number_breaks_a_message(
    value: float | None, limit: float | None, previous: float | None, unit: str
) -> None:
    told = facts(value, limit, unit=unit, previous=previous, trend=(previous, value))
    texts = [comparison(told), distance(told) or "", change(told) or "", short_change(told), figure(value, unit)]
    assert not any(text.startswith("-0.00 ") or "nan" in text or "inf" in text for text in texts)
    assert len(sparkline(told.trend)) <= 2
