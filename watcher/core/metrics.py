"""METRICS: every quantity a rule can name, its unit, its markets and how to read it.

Published metrics are fields of the endpoint's answer; derived ones are computed from others of the same row.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import TypeAlias

from watcher.core.market import HkRow, Market, UsRow

Column: TypeAlias = Sequence[float | None]
"""A metric on each row; None where it is not known."""
Formula: TypeAlias = Callable[[Mapping[str, Column]], Column]
"""A metric from other metrics, by name: whole columns at once, which takes a fifth of the time of row by row."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A named quantity of one session."""

    name: str
    unit: str
    """`%`, `shares`, `money` (of the counter's currency), `price` or `×`."""
    meaning: str
    markets: frozenset[Market]
    """The markets that have it."""
    fields: Mapping[Market, str] = field(default_factory=dict)
    """The field of a row that it is, by market; empty for what is computed, or comes with positions."""
    formula: Formula | None = None
    derived: bool = False

    @property
    def of_positions(self) -> bool:
        """True if it is published with its own as-of date, not with the row."""
        return not self.fields and self.formula is None


def _published(name: str, unit: str, meaning: str) -> Metric:
    fields = {market: name for market, row_type in ROW_TYPES.items() if name in row_type._fields}
    return Metric(name, unit, meaning, frozenset(fields), fields)


def _position(name: str, unit: str, meaning: str) -> Metric:
    return Metric(name, unit, meaning, frozenset({Market.HK}))


def _either(name: str, unit: str, meaning: str, hk: str, us: str) -> Metric:
    return Metric(name, unit, meaning, frozenset(Market), {Market.HK: hk, Market.US: us}, derived=True)


def _quotient(numerator: str, denominator: str, scale: float = 1.0) -> Formula:
    def formula(columns: Mapping[str, Column]) -> Column:
        return [
            value if below and above is not None and isfinite(value := above / below * scale) else None
            for above, below in zip(columns[numerator], columns[denominator], strict=True)
        ]

    return formula


def _relative_change(new: str, old: str) -> Formula:
    def formula(columns: Mapping[str, Column]) -> Column:
        return [
            value if before and after is not None and isfinite(value := (after - before) / before * 100) else None
            for after, before in zip(columns[new], columns[old], strict=True)
        ]

    return formula


def _computed(name: str, unit: str, meaning: str, formula: Formula, *markets: Market) -> Metric:
    return Metric(name, unit, meaning, frozenset(markets or Market), formula=formula, derived=True)


ROW_TYPES: dict[Market, type[HkRow] | type[UsRow]] = {Market.HK: HkRow, Market.US: UsRow}

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        _published("daily_trade_avg_ratio", "%", "average of the short ratio over 20 sessions, as published"),
        _published("close_price", "price", "close"),
        _published("last_close_price", "price", "close of the session before"),
        _published("shares_traded", "shares", "shares traded"),
        _published("turnover", "money", "turnover"),
        _published("short_sell_shares_traded", "shares", "shares sold short"),
        _published("short_sell_turnover", "money", "turnover of short selling"),
        _published("open_price", "price", "open"),
        _position("aggregated_short", "shares", "reportable short positions, as of one to two weeks earlier"),
        _position("aggregated_short_ratio", "%", "the same in percent of the float"),
        _published("total_shares_short", "shares", "shares sold short"),
        _published("nasdaq_shares_short", "shares", "shares sold short on Nasdaq"),
        _published("nyse_shares_short", "shares", "shares sold short on NYSE"),
        _published("short_percent", "%", "shares sold short in percent of the volume, as published"),
        _published("volume", "shares", "shares traded"),
        _either(
            "short_shares",
            "shares",
            "shares sold short, in both markets",
            "short_sell_shares_traded",
            "total_shares_short",
        ),
        _either("traded_shares", "shares", "shares traded, in both markets", "shares_traded", "volume"),
        _computed(
            "short_ratio",
            "%",
            "short_shares / traded_shares × 100",
            _quotient("short_shares", "traded_shares", 100.0),
        ),
        _computed(
            "short_turnover_ratio",
            "%",
            "short_sell_turnover / turnover × 100",
            _quotient("short_sell_turnover", "turnover", 100.0),
            Market.HK,
        ),
        _computed(
            "short_vs_average",
            "×",
            "short_ratio / daily_trade_avg_ratio",
            _quotient("short_ratio", "daily_trade_avg_ratio"),
        ),
        _computed("price_change", "%", "close against last close", _relative_change("close_price", "last_close_price")),
    )
}
