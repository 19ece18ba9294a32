"""The tables of the endpoint's page as types: pydantic reads an answer's bytes into them, strictly."""

import re
from datetime import date
from typing import Annotated, TypeAlias

from pydantic import Field, PlainValidator, TypeAdapter
from typing_extensions import TypedDict  # the one that pydantic wants before Python 3.12

from watcher.core.market import Market

PATH = "/v1/quote/{symbol}/short-selling/daily-short-volume"
DEFAULT_COUNT = 30
MAX_COUNT = 90

_EXACT = 2**53
"""From here on a float may not be the whole number that was sent, and nothing upstream counts comes near."""

_NUMERIC = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?")


def _number(value: object) -> float:
    """Return the number a numeric string stands for; a ValueError for anything else."""
    if not isinstance(value, str) or not _NUMERIC.fullmatch(value):
        raise ValueError("not a number")
    number = float(value)
    if not -_EXACT < number < _EXACT:
        raise ValueError("too large")
    return number


# Upstream writes counts as ints here, as strings on the sibling endpoint and as floats in the SDK. Strict, because
# the lax mode takes true and "nan" for numbers. Null and absent are the same.
_Whole: TypeAlias = Annotated[int, Field(strict=True, gt=-_EXACT, lt=_EXACT)]
_Float: TypeAlias = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=-_EXACT, lt=_EXACT)]
_Written: TypeAlias = Annotated[float, PlainValidator(_number)]

Figure: TypeAlias = Annotated[_Float | _Written | None, Field(default=None, union_mode="left_to_right")]
"""A count, an amount, a price or a ratio: a float however it was sent, as everything after it is."""
Number: TypeAlias = Annotated[_Whole | _Float | _Written | None, Field(default=None, union_mode="left_to_right")]
"""What is no figure, a code or a stamp: stays an int if it was sent as one."""
_Text: TypeAlias = Annotated[str | None, Field(default=None)]
_Date: TypeAlias = Annotated[date, Field(strict=True)]


class HkItem(TypedDict):
    """One of the HK items fields."""

    timestamp: Number
    timestamp_str: _Date
    shares_traded: Figure
    turnover: Figure
    short_sell_shares_traded: Figure
    short_sell_turnover: Figure
    open_price: Figure
    close_price: Figure
    last_close_price: Figure
    daily_trade_avg_ratio: Figure


class UsItem(TypedDict):
    """One of the US items fields."""

    timestamp: Number
    timestamp_str: _Date
    total_shares_short: Figure
    nasdaq_shares_short: Figure
    nyse_shares_short: Figure
    short_percent: Figure
    volume: Figure
    close_price: Figure
    last_close_price: Figure
    daily_trade_avg_ratio: Figure


class HkContent(TypedDict):
    """`data` with the HK data-level additional fields."""

    market: _Text
    aggregated_short: Figure
    aggregated_short_ratio: Figure
    new_time: _Text
    # null is how some servers write an empty list; a list that is not there at all is a broken answer
    items: Annotated[list[HkItem], Field(fail_fast=True)] | None


class UsContent(TypedDict):
    """`data` of a US symbol, without any fields of its own; a `market` is read only to see that it is no other."""

    market: _Text
    items: Annotated[list[UsItem], Field(fail_fast=True)] | None


class _HkSuccess(TypedDict):
    ret_code: Number
    code: Annotated[object, Field(default=None)]
    data: HkContent


class _UsSuccess(TypedDict):
    ret_code: Number
    code: Annotated[object, Field(default=None)]
    data: UsContent


SUCCESS: dict[Market, TypeAdapter[_HkSuccess] | TypeAdapter[_UsSuccess]] = {
    Market.HK: TypeAdapter(_HkSuccess),
    Market.US: TypeAdapter(_UsSuccess),
}
"""Reads the bytes of a success."""

FIELDS = frozenset(
    field for table in (HkItem, UsItem, HkContent, UsContent, _HkSuccess, _UsSuccess) for field in table.__annotations__
)
"""Every name on the page."""
