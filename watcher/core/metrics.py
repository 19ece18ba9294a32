"""METRICS: every quantity a rule can name, its unit, its markets and how to read it from a row.

Published metrics are fields of the endpoint's answer; derived ones are computed from fields of the same row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from watcher.core.arithmetic import finite
from watcher.core.market import HkRow, Market, Row, UsRow

Read: TypeAlias = Callable[[Row], float | None]


@dataclass(frozen=True, slots=True)
class Metric:
    """A named quantity of one session."""

    name: str
    unit: str
    """`%`, `shares`, `money` (of the counter's currency), `price` or `×`."""
    meaning: str
    readers: Mapping[Market, Read]
    """How to read it, for each market that has it; empty for what comes with positions instead of rows."""
    derived: bool = False

    @property
    def of_positions(self) -> bool:
        """True if it is published with its own as-of date, not with the row."""
        return not self.readers

    @property
    def markets(self) -> frozenset[Market]:
        """The markets that have it."""
        return frozenset(self.readers) if self.readers else frozenset({Market.HK})


def _field(name: str) -> dict[Market, Read]:
    readers: dict[Market, Read] = {}
    for market, row_type in ROW_TYPES.items():
        if name in row_type._fields:
            readers[market] = _reader(row_type._fields.index(name))
    return readers


def _reader(index: int) -> Read:
    def read(row: Row) -> float | None:
        value = row[index]
        return None if value is None else float(value)  # type: ignore[arg-type]  # index 0, the date, is no metric

    return read


def _quotient(numerator: Read, denominator: Read, scale: float) -> Read:
    def read(row: Row) -> float | None:
        above, below = numerator(row), denominator(row)
        return None if above is None or not below else finite(above / below * scale)

    return read


def _quotients(
    numerator: Mapping[Market, Read], denominator: Mapping[Market, Read], scale: float = 1.0
) -> dict[Market, Read]:
    return {
        market: _quotient(numerator[market], denominator[market], scale)
        for market in numerator
        if market in denominator
    }


def _relative_change(new: Read, old: Read) -> Read:
    def read(row: Row) -> float | None:
        after, before = new(row), old(row)
        return None if after is None or not before else finite((after - before) / before * 100)

    return read


ROW_TYPES: dict[Market, type[HkRow] | type[UsRow]] = {Market.HK: HkRow, Market.US: UsRow}

_SHORT = _field("short_sell_shares_traded") | _field("total_shares_short")
_TRADED = _field("shares_traded") | _field("volume")
_AVERAGE = _field("daily_trade_avg_ratio")
_SHORT_RATIO = _quotients(_SHORT, _TRADED, 100.0)
_CLOSE, _LAST_CLOSE = _field("close_price"), _field("last_close_price")
_PRICE_CHANGE = {market: _relative_change(_CLOSE[market], _LAST_CLOSE[market]) for market in Market}

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("daily_trade_avg_ratio", "%", "average of the short ratio over 20 sessions, as published", _AVERAGE),
        Metric("close_price", "price", "close", _CLOSE),
        Metric("last_close_price", "price", "close of the session before", _LAST_CLOSE),
        Metric("shares_traded", "shares", "shares traded", _field("shares_traded")),
        Metric("turnover", "money", "turnover", _field("turnover")),
        Metric("short_sell_shares_traded", "shares", "shares sold short", _field("short_sell_shares_traded")),
        Metric("short_sell_turnover", "money", "turnover of short selling", _field("short_sell_turnover")),
        Metric("open_price", "price", "open", _field("open_price")),
        Metric("aggregated_short", "shares", "reportable short positions, as of one to two weeks earlier", {}),
        Metric("aggregated_short_ratio", "%", "the same in percent of the float", {}),
        Metric("total_shares_short", "shares", "shares sold short", _field("total_shares_short")),
        Metric("nasdaq_shares_short", "shares", "shares sold short on Nasdaq", _field("nasdaq_shares_short")),
        Metric("nyse_shares_short", "shares", "shares sold short on NYSE", _field("nyse_shares_short")),
        Metric(
            "short_percent", "%", "shares sold short in percent of the volume, as published", _field("short_percent")
        ),
        Metric("volume", "shares", "shares traded", _field("volume")),
        Metric("short_shares", "shares", "shares sold short, in both markets", _SHORT, derived=True),
        Metric("traded_shares", "shares", "shares traded, in both markets", _TRADED, derived=True),
        Metric("short_ratio", "%", "short_shares / traded_shares × 100", _SHORT_RATIO, derived=True),
        Metric(
            "short_turnover_ratio",
            "%",
            "short_sell_turnover / turnover × 100",
            _quotients(_field("short_sell_turnover"), _field("turnover"), 100.0),
            derived=True,
        ),
        Metric(
            "short_vs_average",
            "×",
            "short_ratio / daily_trade_avg_ratio",
            _quotients(_SHORT_RATIO, _AVERAGE),
            derived=True,
        ),
        Metric("price_change", "%", "close against last close", _PRICE_CHANGE, derived=True),
    )
}
