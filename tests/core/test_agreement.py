"""The compiled language agrees with a plain second reading of the contract, unknowns included."""

from collections.abc import Iterator

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.builders import expression, position, rows, sessions
from tests.core.plain import evaluate
from tests.core.strategies import conditions, histories
from watcher.core.expression import Part
from watcher.core.market import Market
from watcher.core.syntax import MAX_LENGTH
from watcher.core.window import Window


def parts_of(part: Part) -> Iterator[Part]:
    yield part
    for inner in part.parts:
        yield from parts_of(inner)


@settings(max_examples=600, deadline=None)
@given(data=st.data(), market=st.sampled_from(Market))
def test_any_expression_over_any_rows_agrees_with_the_plain_reading(data: st.DataObject, market: Market) -> None:
    text = data.draw(conditions(market), "when")
    assume(len(text) <= MAX_LENGTH)
    history, positions = data.draw(histories(market), "rows")
    when = expression(text)
    window = Window.of_rows(market, history, positions)

    for index in range(len(history)):
        assert when(window, index) is evaluate(text, history, positions, index), (text, index)
    newest = len(history) - 1
    for part in parts_of(when.root):
        assert part.evaluate(window, newest) == evaluate(when.source(part), history, positions, newest), part


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("streak(short_ratio > 10) >= 4 and prev(streak(short_ratio > 10)) < 90", id="streaks"),
        pytest.param("streak(change(short_ratio, 3) >= 0) == 90", id="a streak at its cap"),
        pytest.param("zscore(short_ratio, 20) > 1 or rank(short_ratio, 60) >= 95", id="long windows"),
        pytest.param("crosses_above(mean(short_ratio, 5), mean(short_ratio, 20))", id="two averages that cross"),
        pytest.param(
            "not (stdev(short_vs_average, 10) < 0.1) and short_ratio > 1.1 * mean(short_ratio, 20)", id="mixed"
        ),
        pytest.param("pct_change(aggregated_short, 5) > 10 or aggregated_short_ratio >= 0.5", id="positions"),
    ],
)
def test_a_long_history_with_holes_agrees_with_the_plain_reading(text: str) -> None:
    when = expression(text)
    n = 220
    dates = sessions(n)
    history = rows(
        Market.HK,
        shares_traded=[None if i % 41 == 40 and i < 90 else 1000 + i % 7 for i in range(n)],
        short_sell_shares_traded=[100 + 37 * i % 53 + (i // 100) * 60 for i in range(n)],
        daily_trade_avg_ratio=[10 + i % 5 for i in range(n)],
    )
    positions = [position(dates[i - 5], dates[i], 1000 * i if i % 3 else None, i / 100) for i in range(10, n, 5)]
    window = Window.of_rows(Market.HK, history, positions)

    verdicts = [when(window, index) for index in range(n)]

    assert verdicts == [evaluate(text, history, positions, index) for index in range(n)]
    assert len(set(verdicts)) > 1, "the example shows nothing"
