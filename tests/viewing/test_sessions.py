"""How a rule sees the sessions of a symbol: curves, what stands beside them, and what is shaded."""

import pytest

from tests.builders import FIRST, hk_window, position, rule, sessions, us_window
from watcher.core.window import Window
from watcher.viewing.sessions import SHOWN, Drawn, drawn

COUNT = 120
RATIOS = [10.0 + n % 7 for n in range(COUNT)]


def us(**more: list[float | None]) -> Window:
    """Return sessions of a US symbol with all that is usually published."""
    return us_window(
        short_percent=RATIOS,
        volume=[1000.0] * COUNT,
        total_shares_short=[ratio * 10 for ratio in RATIOS],
        close_price=[50.0] * COUNT,
        daily_trade_avg_ratio=[13.0] * COUNT,
        **more,
    )


def curves(of: Drawn) -> list[list[tuple[str, str]]]:
    return [[(curve.name, curve.role) for curve in chart.curves] for chart in of.charts]


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        pytest.param(
            "short_percent > 15",
            [("short_percent", "value"), ("daily_trade_avg_ratio", "average"), ("limit 15", "limit")],
            id="a ratio is seen beside its average",
        ),
        pytest.param(
            "daily_trade_avg_ratio > 12",
            [("daily_trade_avg_ratio", "value"), ("short_ratio", "average"), ("limit 12", "limit")],
            id="an average is seen beside the ratio",
        ),
        pytest.param(
            "volume > 1.5 * mean(volume, 5)",
            [("volume", "value"), ("mean of 20", "average"), ("1.5 * mean(volume, 5)", "limit")],
            id="anything else is seen beside its own mean",
        ),
        pytest.param(
            "streak(short_percent > 12) >= 3",
            [("streak(short_percent > 12)", "value"), ("mean of 20", "average"), ("limit 3", "limit")],
            id="a function too",
        ),
        pytest.param(
            "mean(mean(mean(volume, 250), 250), 250) > 1",
            [("mean(mean(mean(volume, 250), 250), 250)", "value"), ("limit 1", "limit")],
            id="of what is nowhere known there is no mean",
        ),
    ],
)
def test_a_value_is_drawn_with_its_limit_and_what_it_is_seen_beside(when: str, expected: list[tuple[str, str]]) -> None:
    found = drawn(rule(when=when), rule().symbols[0], us(), ())
    assert curves(found)[0] == expected
    assert curves(found)[1] == [("close_price", "price")]
    assert len(found.sessions) == SHOWN


def test_without_a_rule_the_ratio_and_its_average_are_drawn() -> None:
    found = drawn(None, rule().symbols[0], us(), ())
    assert curves(found)[0] == [("short_ratio", "value"), ("daily_trade_avg_ratio", "average")]
    assert {each.phase for each in found.sessions} == {None}
    assert [chart.shaded for chart in found.charts] == [(), ()]


def test_a_rule_about_the_price_has_it_in_one_chart_only() -> None:
    found = drawn(rule(when="close_price > 40"), rule().symbols[0], us(), ())
    assert curves(found) == [[("close_price", "value"), ("mean of 20", "average"), ("limit 40", "limit")]]


def test_a_limit_that_stays_is_no_column_and_one_that_moves_is() -> None:
    stays = drawn(rule(when="short_percent > 15"), rule().symbols[0], us(), ())
    moves = drawn(rule(when="short_percent > 1.2 * mean(short_percent, 3)"), rule().symbols[0], us(), ())
    assert ("limit 15", "%") not in stays.columns
    assert ("1.2 * mean(short_percent, 3)", "%") in moves.columns


def test_episodes_are_shaded_as_the_rule_fires_what_came_before_the_first_session_shown_included() -> None:
    percents: list[float | None] = [*[60.0] * 40, *[10.0] * 60, *[60.0] * 10, *[10.0] * 9, 60.0]
    window = us_window(short_percent=percents)
    heavy = rule(when="short_percent > 50", until="short_percent < 20", until_for=2)
    found = drawn(heavy, heavy.symbols[0], window, ())
    assert found.charts[0].shaded == ((0, 10), (70, 80), (89, 89))
    assert found.sessions[0].phase == "firing"
    assert "3 shaded: where the rule fires" in found.charts[0].words


def test_what_is_unknown_is_none_and_what_was_revised_is_marked() -> None:
    window = us_window(short_percent=[55.0, None])
    found = drawn(rule(), rule().symbols[0], window, {FIRST})
    assert [(each.trade_date, each.figures, each.revised) for each in found.sessions] == [
        (sessions(2)[1], (None,), False),
        (FIRST, ("55.00",), True),
    ]


def test_a_rule_about_positions_has_nothing_beside_it() -> None:
    of = rule(when="aggregated_short_ratio > 1", symbols=["HK.00700"])
    held = [position("2026-01-02", "2026-01-09", 5, 1.5), position("2026-01-09", "2026-01-16", 5, 2)]
    found = drawn(of, of.symbols[0], Window.of_positions(held), ())
    assert curves(found) == [[("aggregated_short_ratio", "value"), ("limit 1", "limit")]]
    assert [each.figures for each in found.sessions] == [("2.00",), ("1.50",)]


def test_without_a_row_there_is_nothing() -> None:
    assert drawn(rule(), rule().symbols[0], hk_window(), ()) == Drawn()
