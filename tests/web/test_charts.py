"""Curves are well-formed SVG, whatever the values are."""

import math
import re
from datetime import date, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import sessions
from watcher.core.alert import Phase
from watcher.web.charts import chart, sparkline, ticks
from watcher.web.lines import Chart, Curve, Trend

values = st.lists(st.none() | st.floats(), max_size=90)
NAME = '"><script>alert(1)</script>&\x3c'


def trend(*shown: float | None, limit: float | None = 15.0, words: str = "words") -> Trend:
    return Trend(date(2026, 1, 5), shown, tuple(limit for _ in shown), words)


def drawn(*curves: Curve, shaded: tuple[tuple[int, int], ...] = (), dates: int | None = None) -> Chart:
    count = len(curves[0].values) if curves else 0
    return Chart("title", "words", tuple(sessions(count if dates is None else dates)), curves, shaded)


def paths(svg: str, role: str) -> list[str]:
    return re.findall(rf'<path class="{role}" d="([^"]*)"', svg)


@given(values, st.none() | st.floats())
def test_any_values_make_a_picture(shown: list[float | None], limit: float | None) -> None:
    svg = sparkline(trend(*shown, limit=limit), Phase.FIRING)
    ET.fromstring(svg)  # noqa: S314 - it is ours
    assert "nan" not in svg
    assert "inf" not in svg
    ET.fromstring(chart(drawn(Curve("x", "value", tuple(shown), "%"), shaded=((0, 1),))))  # noqa: S314


@given(values)
def test_nothing_is_drawn_outside_of_the_picture(shown: list[float | None]) -> None:
    for x, y in re.findall(r"[ML](\S+?) (-?\d+)", "".join(paths(sparkline(trend(*shown), Phase.QUIET), "value"))):
        assert 0 <= float(x) <= 240
        assert 0 <= float(y) <= 60


@pytest.mark.parametrize(
    ("shown", "path"),
    [
        pytest.param((1.0, 2.0, 3.0), "M8 52L120 30L232 8", id="a line"),
        pytest.param((1.0, None, 3.0), "M8 52h0M232 8h0", id="a value that stands alone is a dot"),
        pytest.param((1.0, 3.0, None), "M8 52L120 8", id="a line ends where nothing is known"),
        pytest.param((1.0, math.inf, math.nan), "M8 30h0", id="what is no number is not known"),
    ],
)
def test_a_line_is_broken_where_a_value_is_unknown(shown: tuple[float | None, ...], path: str) -> None:
    assert paths(sparkline(trend(*shown, limit=None), Phase.QUIET), "value") == [path]


def test_the_limit_is_a_line_and_the_newest_value_a_dot_of_its_phase() -> None:
    svg = sparkline(trend(10.0, 20.0, limit=15.0), Phase.RECOVERING)
    assert paths(svg, "limit") == ["M8 30L232 30"]
    assert '<circle class="recovering" cx="232" cy="8" r="6"/>' in svg
    assert "<circle" not in sparkline(trend(10.0, None), Phase.QUIET)


def test_texts_are_texts() -> None:
    svg = sparkline(trend(1.0, words=NAME), Phase.QUIET)
    assert ET.fromstring(svg).findtext("title") == NAME  # noqa: S314
    whole = chart(Chart(NAME, NAME, tuple(sessions(2)), (Curve(NAME, "value", (1.0, 2.0), NAME),)))
    assert "<script>" not in svg + whole
    assert ET.fromstring(whole).findtext("title") == NAME  # noqa: S314


def test_episodes_are_shaded_to_the_edges_of_their_sessions() -> None:
    svg = chart(drawn(Curve("x", "value", (1.0,) * 10), shaded=((0, 2), (9, 9))))
    assert re.findall(r'<rect class="episode" x="(\S+)" y="0" width="(\S+)"', svg) == [("0", "404"), ("1353", "87")]


def test_months_are_written_where_there_is_room_for_them() -> None:
    svg = chart(drawn(Curve("x", "value", tuple(map(float, range(90))))))
    assert re.findall(r'class="month"[^>]*>([^<]+)<', svg) == ["2026-02", "2026-03", "2026-04", "2026-05"]
    weekly = tuple(date(2024, 1, 5) + timedelta(weeks=n) for n in range(90))
    svg = chart(Chart("t", "w", weekly, (Curve("x", "value", tuple(map(float, range(90)))),)))
    assert re.findall(r'class="month"[^>]*>([^<]+)<', svg) == ["2024-07", "2025-01", "2025-07"]


def test_close_prices_stand_beside_the_rest_half_as_wide() -> None:
    assert 'viewBox="0 0 720 520"' in chart(drawn(Curve("close_price", "price", (1.0, 2.0))))
    assert 'viewBox="0 0 1440 520"' in chart(drawn(Curve("x", "value", (1.0, 2.0))))


@pytest.mark.parametrize(
    ("low", "high", "written"),
    [
        pytest.param(0, 10, ["0.0", "2.5", "5.0", "7.5", "10.0"], id="quarters of ten"),
        pytest.param(13.2, 35.1, ["20", "30"], id="percent"),
        pytest.param(-0.2, 0.21, ["-0.2", "0.0", "0.2"], id="around zero"),
        pytest.param(0.0012, 0.0048, ["0.002", "0.003", "0.004"], id="small numbers"),
        pytest.param(1_000_000, 46_000_000, ["20M", "40M"], id="shares"),
        pytest.param(5, 5, [], id="no span"),
        pytest.param(0, 5e-324, [], id="the smallest number"),
        pytest.param(-1e308, 1e308, ["-1e+308", "-5e+307", "0", "5e+307", "1e+308"], id="the largest numbers"),
    ],
)
def test_figures_of_the_grid_are_round(low: float, high: float, written: list[str]) -> None:
    assert [text for _, text in ticks(low, high)] == written
    assert all(low <= value <= high for value, _ in ticks(low, high))
