"""Judging row by row, with no more than `lookback` rows at hand, is judging the whole history at once."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import expression, quiet_alert, sessions
from tests.core.strategies import conditions, histories
from watcher.core.alert import replay
from watcher.core.market import Market, Position, Row, Symbol
from watcher.core.rule import Rule
from watcher.core.window import Window

SYMBOL = {Market.HK: Symbol("HK.00700"), Market.US: Symbol("US.XRT")}


@st.composite
def rules(draw: st.DrawFn, market: Market) -> Rule:
    count = st.integers(1, 3)
    until = draw(st.none() | conditions(market, 1))
    return Rule(
        "r",
        (SYMBOL[market],),
        expression(draw(conditions(market, 1))),
        None if until is None else expression(until),
        for_=draw(count),
        until_for=draw(count),
        remind=draw(st.integers(0, 2)),
    )


def assert_the_same_in_steps(rule: Rule, market: Market, rows: list[Row], positions: list[Position]) -> None:
    at_once = list(replay(rule, quiet_alert(rule), Window.of_rows(market, rows, positions), 0))
    alert = quiet_alert(rule)
    for index, expected, change in at_once:
        loaded = rows[max(0, index - rule.lookback + 1) : index + 1]
        came = [position for position in positions if position.trade_date <= rows[index].trade_date]
        ((_, alert, now),) = replay(rule, alert, Window.of_rows(market, loaded, came), len(loaded) - 1)
        assert (alert, now) == (expected, change), index


@settings(max_examples=250, deadline=None)
@given(data=st.data(), market=st.sampled_from(Market))
def test_rows_one_by_one_give_the_alerts_and_transitions_of_one_replay(data: st.DataObject, market: Market) -> None:
    rule = data.draw(rules(market), "rule")
    rows, positions = data.draw(histories(market), "rows")
    assert_the_same_in_steps(rule, market, rows, positions)


@settings(max_examples=25, deadline=None)
@given(data=st.data(), repeats=st.integers(8, 14))
def test_also_where_a_streak_reaches_its_ninety_rows(data: st.DataObject, repeats: int) -> None:
    limit = data.draw(st.sampled_from([3, 89, 90, 91]), "limit")
    condition = data.draw(conditions(Market.US, 0), "condition")
    rule = Rule(
        "r",
        (SYMBOL[Market.US],),
        expression(f"streak({condition} or volume >= 0) >= {limit} or prev(streak({condition})) == {limit}"),
        expression(f"mean(streak({condition}), 5) < {limit} - 1"),
    )
    pattern, _ = data.draw(histories(Market.US), "rows")
    rows = _repeated(pattern, repeats)
    assert_the_same_in_steps(rule, Market.US, rows, [])


def _repeated(pattern: list[Row], times: int) -> list[Row]:
    rows = [row for _ in range(times) for row in pattern]
    return [row._replace(trade_date=when) for row, when in zip(rows, sessions(len(rows)), strict=True)]
