"""The metrics: the contract's list, and how each is read from a row."""

import pytest

from tests.builders import hk_row, us_row
from watcher.core.market import HkRow, Market, UsRow
from watcher.core.metrics import METRICS
from watcher.core.window import Window

HK, US = Market.HK, Market.US


@pytest.mark.parametrize(
    ("names", "markets"),
    [
        ("daily_trade_avg_ratio close_price last_close_price short_shares traded_shares", {HK, US}),
        ("short_ratio short_vs_average price_change", {HK, US}),
        ("shares_traded turnover short_sell_shares_traded short_sell_turnover open_price", {HK}),
        ("aggregated_short aggregated_short_ratio short_turnover_ratio", {HK}),
        ("total_shares_short nasdaq_shares_short nyse_shares_short short_percent volume", {US}),
    ],
)
def test_each_metric_is_of_the_markets_of_the_contract(names: str, markets: set[Market]) -> None:
    assert {name: METRICS[name].markets for name in names.split()} == dict.fromkeys(names.split(), markets)


def test_there_are_no_others() -> None:
    assert len(METRICS) == 21
    assert all(name == metric.name for name, metric in METRICS.items())


def test_every_published_field_is_a_metric() -> None:
    assert {*HkRow._fields[1:], *UsRow._fields[1:]} <= set(METRICS)


@pytest.mark.parametrize(
    ("unit", "names"),
    [
        (
            "%",
            "daily_trade_avg_ratio short_percent short_ratio short_turnover_ratio price_change aggregated_short_ratio",
        ),
        ("price", "close_price last_close_price open_price"),
        ("money", "turnover short_sell_turnover"),
        ("×", "short_vs_average"),
        (
            "shares",
            """shares_traded short_sell_shares_traded aggregated_short total_shares_short nasdaq_shares_short
            nyse_shares_short volume short_shares traded_shares""",
        ),
    ],
)
def test_units(unit: str, names: str) -> None:
    assert {name for name, metric in METRICS.items() if metric.unit == unit} == set(names.split())


EXAMPLE = hk_row(
    "2026-06-05",
    shares_traded=31649780,
    turnover=14465428854.749,
    short_sell_shares_traded=4660100,
    short_sell_turnover=2135963680,
    open_price=461.6,
    close_price=453.2,
    last_close_price=459,
    daily_trade_avg_ratio=10.51,
)
XRT = us_row("2021-02-12", total_shares_short=5328185, volume=38649398, short_percent=13.785, daily_trade_avg_ratio=14)


@pytest.mark.parametrize(
    ("row", "name", "value"),
    [
        pytest.param(EXAMPLE, "turnover", 14465428854.749, id="a published field"),
        pytest.param(EXAMPLE, "short_shares", 4660100, id="short shares in Hong Kong"),
        pytest.param(EXAMPLE, "traded_shares", 31649780, id="traded shares in Hong Kong"),
        pytest.param(EXAMPLE, "short_ratio", 14.7239, id="the ratio by shares of the endpoint's own example"),
        pytest.param(EXAMPLE, "short_turnover_ratio", 14.7660, id="and by turnover"),
        pytest.param(EXAMPLE, "short_vs_average", 14.7239 / 10.51, id="against the average"),
        pytest.param(EXAMPLE, "price_change", -1.2636, id="the close against the last close"),
        pytest.param(XRT, "short_shares", 5328185, id="short shares in the US"),
        pytest.param(XRT, "traded_shares", 38649398, id="traded shares in the US"),
        pytest.param(XRT, "short_ratio", 13.7860, id="the ratio, not cut like short_percent"),
        pytest.param(XRT, "short_vs_average", 13.7860 / 14, id="against the average in the US"),
        pytest.param(XRT, "price_change", None, id="without a close"),
        pytest.param(hk_row(shares_traded=0, short_sell_shares_traded=0), "short_ratio", None, id="nothing traded"),
        pytest.param(hk_row(shares_traded=10), "short_ratio", None, id="short shares missing"),
        pytest.param(hk_row(short_sell_shares_traded=10), "short_ratio", None, id="shares missing"),
        pytest.param(hk_row(shares_traded=10, short_sell_shares_traded=0), "short_ratio", 0, id="none of them short"),
        pytest.param(us_row(volume=10, total_shares_short=5), "short_vs_average", None, id="average missing"),
        pytest.param(
            us_row(volume=10, total_shares_short=5, daily_trade_avg_ratio=0), "short_vs_average", None, id="average 0"
        ),
        pytest.param(us_row(close_price=5, last_close_price=0), "price_change", None, id="last close 0"),
        pytest.param(us_row(close_price=5), "price_change", None, id="last close missing"),
        pytest.param(us_row(last_close_price=5), "price_change", None, id="close missing"),
        pytest.param(us_row(volume=1e-300, total_shares_short=1e300), "short_ratio", None, id="too large a quotient"),
        pytest.param(us_row(close_price=1e300, last_close_price=1e-300), "price_change", None, id="too large a change"),
    ],
)
def test_values(row: HkRow | UsRow, name: str, value: float | None) -> None:
    market = HK if isinstance(row, HkRow) else US
    (read,) = Window.of_rows(market, [row]).columns[name]
    assert read == (value if value is None else pytest.approx(value, rel=1e-4))


def test_positions_are_not_read_from_rows() -> None:
    of_positions = {name for name, metric in METRICS.items() if metric.of_positions}
    assert of_positions == {"aggregated_short", "aggregated_short_ratio"}


def test_derived_metrics_say_so() -> None:
    derived = {name for name, metric in METRICS.items() if metric.derived}
    names = "short_shares traded_shares short_ratio short_turnover_ratio short_vs_average price_change"
    assert derived == set(names.split())
