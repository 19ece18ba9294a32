"""Rules replayed over real figures: the retail fund in the squeeze of 2021.

The episodes were found by hand from FINRA's files; tests/recorded says where they come from.
"""

from datetime import date

import pytest

from tests.builders import episodes, recorded_rows, rule
from watcher.core.market import Market
from watcher.core.window import Window


@pytest.fixture(scope="module")
def xrt() -> Window:
    return Window.of_rows(Market.US, recorded_rows("US.XRT"))


def written(found: list[tuple[date, date | None]]) -> str:
    return ", ".join(f"{opened:%m-%d}..{ended:%m-%d}" if ended else f"{opened:%m-%d}.." for opened, ended in found)


@pytest.mark.parametrize(
    ("when", "until", "for_", "expected"),
    [
        pytest.param(
            "short_percent > 80",
            None,
            1,
            "02-12..02-16, 02-18..02-19, 03-26..03-29, 04-06..04-07, 04-13..04-15, 04-28..04-29, 07-01..07-02",
            id="a level",
        ),
        pytest.param(
            "daily_trade_avg_ratio > 67",
            "daily_trade_avg_ratio < 65",
            2,
            "02-16..03-15, 04-14..05-12",
            id="an average, with two sessions in a row, with hysteresis",
        ),
        pytest.param(
            "short_ratio > 1.25 * mean(short_ratio, 20)",
            None,
            1,
            "03-26..03-29, 04-06..04-07, 04-13..04-14, 07-01..07-02, 07-12..07-13",
            id="over its own average",
        ),
        pytest.param(
            "short_percent > 75",
            "short_percent < 65",
            1,
            "02-08..02-10, 02-12..02-19, 02-23..02-24, 03-10..03-11, 03-26..03-29, 04-06..04-09, 04-13..04-16, "
            "04-28..04-29, 07-01..07-02",
            id="a level, with hysteresis",
        ),
        pytest.param(
            "zscore(short_percent, 20) > 2",
            None,
            1,
            "02-12..02-16, 02-18..02-19, 03-26..03-29, 07-01..07-02",
            id="two deviations off",
        ),
        pytest.param("short_percent >= max(short_percent, 60)", None, 1, "04-13..04-14", id="the highest of sixty"),
        pytest.param(
            "streak(short_percent > 60) >= 4",
            "short_percent < 50",
            1,
            "01-19..02-26, 03-26..04-21, 04-28..05-24, 06-07..06-09",
            id="four sessions in a row",
        ),
        pytest.param(
            "rank(short_percent, 20) >= 100 and volume > mean(volume, 20)",
            None,
            1,
            "07-01..07-02",
            id="the highest of twenty, and a busy session",
        ),
    ],
)
def test_the_episodes_of_2021(xrt: Window, when: str, until: str | None, for_: int, expected: str) -> None:
    assert written(episodes(rule(when=when, until=until, for_=for_), xrt)) == expected


def test_crossings_after_a_run(xrt: Window) -> None:
    found = episodes(rule(when="crosses_above(short_percent, 70) and prev(streak(short_percent > 55)) >= 3"), xrt)
    assert len(found) == 13
    assert written([found[0], found[-1]]) == "01-20..01-21, 05-17..05-18"


def test_the_published_percentage_is_the_ratio_cut_to_three_decimals(xrt: Window) -> None:
    """So a rule may name either; `short_ratio` is there in both markets."""
    for published, computed in zip(xrt.columns["short_percent"], xrt.columns["short_ratio"], strict=True):
        assert published is not None
        assert computed is not None
        assert -1e-9 < computed - published < 1e-3 + 1e-9
