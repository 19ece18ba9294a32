"""Windows: published rows by index, and the position that held on each."""

import pytest

from tests.builders import hk_row, hk_window, position, us_row, values, verdicts
from watcher.core.market import Market, Position
from watcher.core.window import Window

DATES = ["2026-01-05", "2026-01-06", "2026-01-07", "2026-01-08"]


@pytest.mark.parametrize(
    ("positions", "held"),
    [
        pytest.param([], [None, None, None, None], id="none at all"),
        pytest.param([("2025-12-26", DATES[1], 5)], [None, 5, 5, 5], id="from the row it came with, until the next"),
        pytest.param([("2025-12-19", DATES[0], 4), ("2025-12-26", DATES[2], 5)], [4, 4, 5, 5], id="then the next"),
        pytest.param([("2025-12-19", "2025-12-29", 4)], [4, 4, 4, 4], id="from a row before the window"),
        pytest.param([("2025-12-26", DATES[1], None)], [None] * 4, id="a null is a hole"),
        pytest.param(
            [("2025-12-19", DATES[0], 4), ("2025-12-26", DATES[1], None), ("2026-01-02", DATES[2], 6)],
            [4, None, 6, 6],
            id="a null hides the position before",
        ),
        pytest.param(
            [("2025-12-19", DATES[3], 4), ("2025-12-26", DATES[1], 5)],
            [None, 5, 5, 4],
            id="an older as-of date that comes later holds from then on",
        ),
        pytest.param([("2025-12-19", DATES[1], 4), ("2025-12-26", DATES[1], 5)], [None, 5, 5, 5], id="two at once"),
        pytest.param([("2025-12-26", "2026-01-04", 4)], [4, 4, 4, 4], id="that came on a day without a row"),
    ],
)
def test_the_position_of_a_row_is_the_last_that_came(positions: list[tuple[str, str, int]], held: list[float]) -> None:
    window = hk_window(*(position(*each) for each in positions), turnover=[1, 1, 1, 1])
    assert window.columns["aggregated_short"] == held


def test_windows_run_over_published_rows_not_over_days() -> None:
    """A session without a row is no hole."""
    rows = [us_row("2026-01-05", volume=1), us_row("2026-02-10", volume=3), us_row("2026-02-11", volume=5)]
    window = Window.of_rows(Market.US, rows)
    assert values("mean(volume, 2)", window) == [None, 2, 4]
    assert values("prev(volume)", window) == [None, 1, 3]


def test_a_null_in_a_published_row_is_a_hole() -> None:
    rows = [us_row(volume=1), us_row("2026-01-06"), us_row("2026-01-07", volume=5), us_row("2026-01-08", volume=7)]
    assert values("mean(volume, 2)", Window.of_rows(Market.US, rows)) == [None, None, None, 6]


def test_a_metric_of_another_market_is_unknown() -> None:
    window = Window.of_rows(Market.US, [us_row(volume=1)])
    assert window.columns["turnover"] == [None]
    assert window.columns["aggregated_short"] == [None]


def test_a_window_over_positions_has_as_of_dates_and_nothing_else() -> None:
    held = [Position(hk_row(when).trade_date, hk_row(DATES[3]).trade_date, i, i / 2) for i, when in enumerate(DATES)]
    window = Window.of_positions(held)
    assert window.dates == [hk_row(when).trade_date for when in DATES]
    assert window.columns["aggregated_short"] == [0, 1, 2, 3]
    assert window.columns["aggregated_short_ratio"] == [0, 0.5, 1, 1.5]
    assert window.columns["turnover"] == [None] * 4
    assert verdicts("change(aggregated_short, 2) > 1", window) == [None, None, True, True]


def test_a_metric_is_read_once() -> None:
    window = hk_window(turnover=[1, 2])
    assert window.columns["turnover"] is window.columns["turnover"]


def test_rules_that_share_a_window_share_the_values_of_calls() -> None:
    window = hk_window(turnover=[1, 2, 3])
    verdicts("mean(turnover, 2) > 1", window)
    remembered = dict(window.memo)
    assert remembered == {("mean(turnover, 2)", 0): None, ("mean(turnover, 2)", 1): 1.5, ("mean(turnover, 2)", 2): 2.5}
    verdicts("mean( turnover,2 ) < 5", window)
    assert window.memo == remembered


def test_a_window_without_rows_is_empty() -> None:
    window = Window.of_rows(Market.HK, [])
    assert list(window.dates) == []
    assert window.columns["aggregated_short"] == []
