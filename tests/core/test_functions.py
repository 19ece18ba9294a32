"""What each function of the language says of a handful of rows, holes included."""

import math

import pytest

from tests.builders import expression, us_window, values, verdicts
from watcher.core.functions import FUNCTIONS
from watcher.core.language import parse
from watcher.core.windowed import MAX_STREAK

NO = None
"""A hole."""
Figures = list[float | None]


@pytest.mark.parametrize(
    ("text", "volume", "expected"),
    [
        pytest.param("prev(volume)", [1, 2, NO, 4], [NO, 1, 2, NO], id="prev is the row before, which may be a hole"),
        pytest.param("prev(volume, 3)", [1, 2, 3, 4], [NO, NO, NO, 1], id="prev of three rows earlier"),
        pytest.param("prev(prev(volume))", [1, 2, 3], [NO, NO, 1], id="prev of prev is two rows earlier"),
        pytest.param("change(volume)", [1, 4, NO, 5, 5], [NO, 3, NO, NO, 0], id="change needs both rows"),
        pytest.param("change(volume, 2)", [1, NO, 4, 5], [NO, NO, 3, NO], id="change over a hole"),
        pytest.param("pct_change(volume)", [10, 15, 12], [NO, 50, -20], id="pct_change is in percent of the older"),
        pytest.param("pct_change(volume)", [0, 5, 0, NO], [NO, NO, -100, NO], id="pct_change of zero is unknown"),
        pytest.param("mean(volume, 2)", [1, 3, NO, 5, 7], [NO, 2, NO, NO, 6], id="a mean with a hole is unknown"),
        pytest.param("mean(volume, 1)", [1, NO, 3], [1, NO, 3], id="the mean of one row is the row"),
        pytest.param("mean(volume, 5)", [1, 2, 3, 4], [NO, NO, NO, NO], id="a window never full is never known"),
        pytest.param("median(volume, 3)", [9, 1, 5, 5], [NO, NO, 5, 5], id="the median of three"),
        pytest.param("median(volume, 4)", [1, 100, 3, 2], [NO, NO, NO, 2.5], id="the median of four"),
        pytest.param("stdev(volume, 2)", [1, 3, 3], [NO, math.sqrt(2), 0], id="stdev is the sample one"),
        pytest.param("stdev(volume, 1)", [1, 3], [NO, NO], id="one row has no sample deviation"),
        pytest.param("stdev(volume, 4)", [2, 4, 4, 6], [NO, NO, NO, math.sqrt(8 / 3)], id="stdev of four"),
        pytest.param("min(volume, 2)", [3, 1, 2, NO], [NO, 1, 1, NO], id="min includes this row"),
        pytest.param("max(volume, 2)", [3, 1, 2, NO], [NO, 3, 2, NO], id="max includes this row"),
        pytest.param(
            "zscore(volume, 3)", [2, 4, 6, 8, 8], [NO, NO, NO, 2, 1], id="zscore leaves this row out of its mean"
        ),
        pytest.param(
            "zscore(volume, 2)", [5, 5, 9, 9], [NO, NO, NO, math.sqrt(0.5)], id="zscore is unknown if stdev is 0"
        ),
        pytest.param(
            "zscore(volume, 2)", [1, NO, 3, 4, 5], [NO, NO, NO, NO, 1.5 / math.sqrt(0.5)], id="zscore and a hole"
        ),
        pytest.param("zscore(volume, 2)", [1, 3, NO], [NO, NO, NO], id="zscore of a hole"),
        pytest.param("rank(volume, 4)", [1, 2, 3, 2], [NO, NO, NO, 75], id="rank counts ties and itself"),
        pytest.param("rank(volume, 2)", [5, 5, 4, 6], [NO, 100, 50, 100], id="rank of the least is itself alone"),
        pytest.param("rank(volume, 2)", [5, NO, 4, 6], [NO, NO, NO, 100], id="rank with a hole is unknown"),
        pytest.param("abs(volume - 3)", [1, NO, 5], [2, NO, 2], id="abs takes the sign"),
        pytest.param("-volume", [1, NO, 0], [-1, NO, 0], id="minus"),
        pytest.param("volume - 1 + 2 * volume / 4", [2, NO, 4], [2, NO, 5], id="arithmetic binds as usual"),
        pytest.param("6 / volume", [0, 2, NO], [NO, 3, NO], id="a division by zero is unknown"),
        pytest.param("volume / 0", [0, 2], [NO, NO], id="also where it is written"),
        pytest.param("1e300 * volume", [1, 1e10], [1e300, NO], id="what is too large is unknown"),
        pytest.param("mean(1e300 * volume, 2)", [1e8, 1e8], [NO, NO], id="so is a sum that is"),
        pytest.param("median(1e300 * volume, 2)", [1e8, 1e8], [NO, NO], id="and a median"),
        pytest.param("stdev(1e300 * volume, 2)", [1, 2], [NO, NO], id="and a deviation"),
        pytest.param("change(1e300 * volume)", [-1e8, 1e8], [NO, NO], id="and a difference"),
        pytest.param("pct_change(volume)", [1e-300, 1e300], [NO, NO], id="and a quotient"),
    ],
)
def test_numbers(text: str, volume: Figures, expected: Figures) -> None:
    close = [value if value is None else pytest.approx(value, rel=1e-12) for value in expected]
    assert values(text, us_window(volume=volume)) == close


@pytest.mark.parametrize(
    ("text", "volume", "expected"),
    [
        pytest.param("streak(volume > 1)", [2, 2, 1, 2], [1, 2, 0, 1], id="a false row ends it, and is 0"),
        pytest.param("streak(volume > 1)", [2, NO, 2, 2], [1, NO, 1, 2], id="an earlier unknown ends it too"),
        pytest.param("streak(volume > 1)", [NO, NO], [NO, NO], id="unknown on this row is unknown"),
        pytest.param("streak(change(volume) > 0)", [1, 2, 3, 3], [NO, 1, 2, 0], id="of a condition that looks back"),
        pytest.param("streak(streak(volume > 1) > 1)", [2, 2, 2, 1, 2], [0, 1, 2, 0, 0], id="a streak of a streak"),
        pytest.param("prev(streak(volume > 1))", [2, 2, 1], [NO, 1, 2], id="a streak as of the row before"),
        pytest.param("mean(streak(volume > 1), 2)", [2, 2, 2], [NO, 1.5, 2.5], id="a mean of streaks"),
        pytest.param(
            "streak(volume > 1 or prev(volume) > 0)", [NO, 2, NO, 0], [NO, 1, 2, NO], id="unknown or true is true"
        ),
    ],
)
def test_streaks(text: str, volume: Figures, expected: Figures) -> None:
    assert values(text, us_window(volume=volume)) == expected


def test_a_streak_looks_back_ninety_rows_at_most() -> None:
    counted = values("streak(volume > 1)", us_window(volume=[2.0] * (MAX_STREAK + 20)))
    assert counted == [*range(1, 91), *[90] * 20]
    assert MAX_STREAK == 90


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("crosses_above(volume, 3)", [NO, False, True, False, False, True, False], id="above a number"),
        pytest.param("crosses_below(volume, 3)", [False, False, False, False, True, False, False], id="below a number"),
        pytest.param("crosses_above(3, volume)", [False, False, False, False, True, False, False], id="as the mirror"),
    ],
)
def test_crossing_a_number(text: str, expected: list[bool | None]) -> None:
    """Touching the limit is neither side of it, so coming from it is a crossing."""
    volume = [4, 3, 4, 5, 2, 4, 3]
    assert verdicts(text, us_window(volume=volume)) == expected


@pytest.mark.parametrize(
    ("function", "volume", "expected"),
    [
        pytest.param("crosses_above", [1, NO, 5], [False, NO, NO], id="a hole before is unknown, if this row is above"),
        pytest.param("crosses_above", [1, NO, 1], [False, NO, False], id="a hole before does not matter if it is not"),
        pytest.param("crosses_above", [5, NO], [NO, False], id="a hole now does not matter if it was above before"),
        pytest.param("crosses_above", [1, NO], [False, NO], id="a hole now is unknown if it was below before"),
        pytest.param("crosses_below", [5, NO, 1], [False, NO, NO], id="the same holds for the mirror image: now below"),
        pytest.param("crosses_below", [1, NO], [NO, False], id="the same holds for the mirror image: below before"),
    ],
)
def test_crossings_follow_three_valued_logic(function: str, volume: Figures, expected: Figures) -> None:
    assert verdicts(f"{function}(volume, 3)", us_window(volume=volume)) == expected


def test_two_moving_values_cross() -> None:
    window = us_window(short_percent=[1, 5, 5, 1, 3], daily_trade_avg_ratio=[3, 3, 6, 3, 3])
    assert verdicts("crosses_above(short_percent, daily_trade_avg_ratio)", window) == [False, True, False, False, False]
    assert verdicts("crosses_below(short_percent, daily_trade_avg_ratio)", window) == [NO, False, True, False, False]


TRUE, FALSE, UNKNOWN = "volume > 0", "volume < 0", "nasdaq_shares_short > 0"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{TRUE} and {TRUE}", True),
        (f"{TRUE} and {FALSE}", False),
        (f"{TRUE} and {UNKNOWN}", None),
        (f"{UNKNOWN} and {TRUE}", None),
        (f"{UNKNOWN} and {FALSE}", False),
        (f"{FALSE} and {UNKNOWN}", False),
        (f"{UNKNOWN} and {UNKNOWN}", None),
        (f"{TRUE} and {UNKNOWN} and {FALSE}", False),
        (f"{FALSE} or {FALSE}", False),
        (f"{FALSE} or {TRUE}", True),
        (f"{FALSE} or {UNKNOWN}", None),
        (f"{UNKNOWN} or {FALSE}", None),
        (f"{UNKNOWN} or {TRUE}", True),
        (f"{TRUE} or {UNKNOWN}", True),
        (f"{UNKNOWN} or {UNKNOWN}", None),
        (f"{FALSE} or {UNKNOWN} or {TRUE}", True),
        (f"not {TRUE}", False),
        (f"not {FALSE}", True),
        (f"not {UNKNOWN}", None),
        (f"not ({FALSE} and {UNKNOWN})", True),
        (f"{FALSE} and {FALSE} or {TRUE}", True),
        (f"not {FALSE} or {TRUE} and {FALSE}", True),
    ],
)
def test_and_or_not_follow_three_valued_logic(text: str, expected: bool | None) -> None:
    assert verdicts(text, us_window(volume=[1.0], nasdaq_shares_short=[None])) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("1 < volume < 3", [False, True, False, None], id="between"),
        pytest.param("3 > volume > 1", [False, True, False, None], id="between, the other way round"),
        pytest.param("1 < volume > 1.5 > 0", [False, True, True, None], id="up and down"),
        pytest.param("0 == volume - 1 == 0", [True, False, False, None], id="equal to both"),
        pytest.param("5 < 3 < volume", [False, False, False, False], id="false and unknown is false"),
        pytest.param("3 < 5 < volume", [False, False, False, None], id="true and unknown is unknown"),
    ],
)
def test_chained_comparisons_mean_all_of_them(text: str, expected: list[bool | None]) -> None:
    assert verdicts(text, us_window(volume=[1, 2, 3, None])) == expected


JUST = 0.1 * 3  # 0.30000000000000004
ON_PAPER = {"<": False, "<=": True, ">": False, ">=": True, "==": True, "!=": False}


@pytest.mark.parametrize(("sign", "expected"), ON_PAPER.items())
@pytest.mark.parametrize(
    ("value", "limit"),
    [
        pytest.param(JUST, "0.3", id="a sum of three tenths is 0.3"),
        pytest.param(0.3, "0.1 * 3", id="and the other way round"),
        pytest.param(50_000_000 * (1 + 9e-10), "50_000_000", id="9e-10 relatively"),
        pytest.param(9e-13, "0", id="9e-13 absolutely"),
        pytest.param(-9e-13, "0", id="9e-13 below zero"),
    ],
)
def test_equal_on_paper_is_equal(value: float, limit: str, sign: str, expected: bool) -> None:
    assert verdicts(f"volume {sign} {limit}", us_window(volume=[value])) == [expected]
    assert verdicts(f"{limit} {sign} volume", us_window(volume=[value])) == [expected]
    assert verdicts(f"volume {sign} total_shares_short * 1", us_window(volume=[value], total_shares_short=[value])) == [
        expected
    ]


@pytest.mark.parametrize(
    ("value", "limit"),
    [
        pytest.param(50_000_000 * (1 + 2e-9), "50_000_000", id="2e-9 relatively"),
        pytest.param(2e-12, "0", id="2e-12 absolutely"),
    ],
)
def test_what_differs_on_paper_is_unequal(value: float, limit: str) -> None:
    window = us_window(volume=[value])
    assert [verdicts(f"volume {sign} {limit}", window)[0] for sign in ("<", "<=", "==")] == [False, False, False]
    assert [verdicts(f"volume {sign} {limit}", window)[0] for sign in (">", ">=", "!=")] == [True, True, True]


@pytest.mark.parametrize("n", [*range(2, 24), 60, 250])
@pytest.mark.parametrize("figure", [0.1, 0.7, 13.785, 1e-7, 38_649_398.0])
def test_equal_values_have_their_own_mean_and_no_deviation(figure: float, n: int) -> None:
    window = us_window(short_percent=[figure] * (n + 1))
    newest = n
    assert expression(f"short_percent > mean(short_percent, {n})")(window, newest) is False
    assert expression(f"short_percent < mean(short_percent, {n})")(window, newest) is False
    assert values(f"stdev(short_percent, {n})", window)[newest] == 0
    assert values(f"zscore(short_percent, {n})", window)[newest] is None
    assert values(f"rank(short_percent, {n})", window)[newest] == 100


def test_values_equal_on_paper_have_no_deviation_and_rank_alike() -> None:
    """0.1 three times added and 0.3 are the same figure: what is left of their difference is rounding."""
    window = us_window(short_percent=[JUST, 0.3, JUST, 0.3])
    assert values("stdev(short_percent, 3)", window)[3] == 0
    assert values("zscore(short_percent, 3)", window)[3] is None
    assert values("rank(short_percent, 4)", window)[3] == 100
    assert verdicts("crosses_above(short_percent, 0.3)", window) == [False] * 4
    assert verdicts("crosses_above(0.31, short_percent)", window)[1:] == [False] * 3


def test_one_figure_that_differs_on_paper_makes_a_deviation() -> None:
    """However long the window: the deviation of 1e-8 among 250 equal values is small, and not nothing."""
    window = us_window(short_percent=[50.0] * 249 + [50.0 * (1 + 1e-8), 50.0])
    (deviation,) = values("stdev(short_percent, 250)", window)[-1:]
    assert deviation == pytest.approx(50e-8 / math.sqrt(250), rel=1e-3)


def test_sums_are_exact() -> None:
    window = us_window(volume=[1e16, 1.0, 1.0, -1e16])
    assert values("mean(volume, 4)", window)[3] == 0.5


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda function: function.name)
def test_the_example_of_each_function_can_be_used(function: object) -> None:
    name, example, signature = (getattr(function, each) for each in ("name", "example", "signature"))
    text = example if any(sign in example for sign in "<>") or name.startswith("crosses") else f"{example} > 1"
    parsed, flaws = parse(text)
    assert parsed is not None, flaws
    assert flaws == ()
    assert f"{name}(" in text
    assert signature.startswith(f"{name}(")


def test_the_functions_are_those_of_the_contract() -> None:
    contract = "prev change pct_change mean median stdev min max zscore rank crosses_above crosses_below streak abs"
    assert list(FUNCTIONS) == contract.split()
