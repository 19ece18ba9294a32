"""What an expression says of itself: how far it looks back, what it reads, what a message quotes of it."""

import pytest

from tests.builders import expression, us_window
from watcher.core.expression import Comparison


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("volume > 1", 1),
        ("1 > 0", 1),
        ("not (volume > 1 and -volume < abs(volume) + 3)", 1),
        ("prev(volume) > 1", 2),
        ("prev(volume, 5) > 1", 6),
        ("change(volume, 5) > 1", 6),
        ("pct_change(volume) > 1", 2),
        ("mean(volume, 20) > 1", 20),
        ("stdev(volume, 250) > 1", 250),
        ("rank(volume, 60) > 1", 60),
        ("zscore(volume, 20) > 1", 21),
        ("crosses_above(volume, 1)", 2),
        ("crosses_below(volume, mean(volume, 50))", 51),
        ("streak(volume > 1) > 1", 90),
        ("prev(streak(volume > 1)) > 1", 91),
        ("streak(crosses_above(volume, mean(volume, 10))) > 1", 100),
        ("mean(mean(volume, 5), 5) > 1", 9),
        ("mean(volume, 5) > max(volume, 20) or prev(volume, 30) > 1", 31),
    ],
)
def test_lookback_is_the_rows_one_verdict_takes(text: str, rows: int) -> None:
    assert expression(text).lookback == rows


@pytest.mark.parametrize(
    "text",
    [
        "prev(volume, 4) > 1",
        "change(volume, 4) > -9",
        "mean(volume, 5) > 1",
        "zscore(volume, 4) > -9",
        "mean(prev(volume, 2), 3) > 0 and median(mean(volume, 3), 3) > 0",
    ],
)
def test_fewer_rows_than_lookback_are_not_enough(text: str) -> None:
    judged = expression(text)
    n = judged.lookback
    window = us_window(volume=[float(1 + i % 3) for i in range(n)])
    assert judged(window, n - 1) is not None
    assert [judged(window, index) for index in range(n - 1)] == [None] * (n - 1)


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        pytest.param("volume > 1", "volume > 1", id="a comparison as written"),
        pytest.param("1 <= volume", "volume >= 1", id="a number on the left is the limit"),
        pytest.param("10 < volume < 20", "volume > 10", id="the first of a chain"),
        pytest.param("volume > prev(volume)", "volume > prev(volume)", id="the right side is the limit"),
        pytest.param("not (volume == 3 or close_price > 5)", "volume == 3", id="the first in reading order"),
        pytest.param("streak(volume > 60) >= 4", "streak(volume > 60) >= 4", id="the outer of two within each other"),
        pytest.param("crosses_above(volume, 3) and volume > 1", "volume crosses above 3", id="a crossing counts"),
        pytest.param("crosses_below(volume, 3)", "volume crosses below 3", id="downwards too"),
        pytest.param(
            "crosses_above(streak(volume > 60), 3)",
            "streak(volume > 60) crosses above 3",
            id="a crossing comes before what it compares",
        ),
        pytest.param("mean(volume,\n  3) > 1", "mean(volume, 3) > 1", id="on one line"),
        pytest.param("volume > 2 * (3 + 4)", "volume > 2 * (3 + 4)", id="a calculated limit, as written"),
    ],
)
def test_the_first_comparison_is_what_messages_quote(text: str, quoted: str) -> None:
    judged = expression(text)
    first = judged.first_comparison
    assert f"{judged.source(first.value)} {first.operator} {judged.source(first.limit)}" == quoted


@pytest.mark.parametrize(
    ("text", "metric", "operator", "number"),
    [
        ("volume > 1", "volume", ">", 1),
        ("1 != volume", "volume", "!=", 1),
        ("(volume) <= -(2 + 3)", "volume", "<=", -5),
        ("short_percent == 3 * 5", "short_percent", "==", 15),
        ("volume >= 4 / 2 - 1", "volume", ">=", 1),
    ],
)
def test_one_metric_compared_with_one_number_has_a_limit(text: str, metric: str, operator: str, number: float) -> None:
    limit = expression(text).limit
    assert isinstance(limit, Comparison)
    assert limit.value.metrics == {metric}
    assert limit.operator == operator
    assert limit.limit.constant == number


@pytest.mark.parametrize(
    "text",
    [
        "volume > 1 and volume < 2",
        "not volume > 1",
        "1 < volume < 2",
        "volume > volume",
        "-volume > 1",
        "abs(volume) > 1",
        "volume + 1 > 1",
        "crosses_above(volume, 1)",
        "streak(volume > 1) > 3",
        "1 > 0",
    ],
)
def test_anything_else_has_none(text: str) -> None:
    assert expression(text).limit is None


@pytest.mark.parametrize(
    ("text", "alone"),
    [
        ("aggregated_short > 1", True),
        ("pct_change(aggregated_short, 4) > 20 or aggregated_short_ratio > 1", True),
        ("aggregated_short > 1 and turnover > 1", False),
        ("turnover > 1", False),
        ("1 > 0", False),
    ],
)
def test_only_positions_are_read(text: str, alone: bool) -> None:
    assert expression(text).reads_positions_only is alone


def test_the_metrics_of_an_expression_are_those_it_names() -> None:
    text = "mean(volume, 3) > 1 and not (short_ratio < 2 or 1 < -close_price) and streak(price_change > 1) > 1"
    assert expression(text).metrics == {"volume", "short_ratio", "close_price", "price_change"}
    assert expression("1 > 0").metrics == frozenset()


def test_every_part_knows_its_place_and_its_value() -> None:
    """What `why` prints."""
    judged = expression("not (mean(volume, 2) > 1 + 2)")
    window = us_window(volume=[3, 5])
    seen = []
    parts = [judged.root]
    while parts:
        part = parts.pop(0)
        seen.append((judged.source(part), part.evaluate(window, 1)))
        parts += part.parts
    assert seen == [
        ("not (mean(volume, 2) > 1 + 2)", False),
        ("mean(volume, 2) > 1 + 2", True),
        ("mean(volume, 2)", 4),
        ("1 + 2", 3),
        ("volume", 5),
    ]


def test_texts_that_are_equal_are_equal_expressions() -> None:
    assert expression("volume > 1") == expression("volume > 1")
    assert expression("volume > 1") != expression("volume > 2")
    assert repr(expression("volume > 1")) == "Expression(text='volume > 1')"
