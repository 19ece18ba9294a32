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
"""No whole number above is exact in a float, and nothing upstream counts comes near."""

_NUMERIC = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?")


def _number(value: object) -> int | float:
    """Return the number a numeric string stands for; a ValueError for anything else."""
    if not isinstance(value, str) or not _NUMERIC.fullmatch(value):
        raise ValueError("not a number")
    number = float(value) if any(c in value for c in ".eE") else int(value)
    if not -_EXACT <= number <= _EXACT:
        raise ValueError("too large")
    return number


# Upstream writes counts as ints here, as strings on the sibling endpoint and as floats in the SDK. Strict, because
# the lax mode takes true and "nan" for numbers. Null and absent are the same.
_Whole: TypeAlias = Annotated[int, Field(strict=True, ge=-_EXACT, le=_EXACT)]
_Float: TypeAlias = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=-_EXACT, lt=_EXACT)]
_Written: TypeAlias = Annotated[float, PlainValidator(_number)]

Count: TypeAlias = Annotated[_Whole | _Float | _Written | None, Field(default=None, union_mode="left_to_right")]
"""Stays an int if it was sent as one."""
Amount: TypeAlias = Annotated[_Float | _Written | None, Field(default=None, union_mode="left_to_right")]
"""Money, a price or a ratio: not tried as an int first, which costs a tenth of the whole reading."""
_Text: TypeAlias = Annotated[str | None, Field(default=None)]
_Date: TypeAlias = Annotated[date, Field(strict=True)]


class HkItem(TypedDict):
    """One of the HK items fields."""

    timestamp: Count
    timestamp_str: _Date
    shares_traded: Count
    turnover: Amount
    short_sell_shares_traded: Count
    short_sell_turnover: Amount
    open_price: Amount
    close_price: Amount
    last_close_price: Amount
    daily_trade_avg_ratio: Amount


class UsItem(TypedDict):
    """One of the US items fields."""

    timestamp: Count
    timestamp_str: _Date
    total_shares_short: Count
    nasdaq_shares_short: Count
    nyse_shares_short: Count
    short_percent: Amount
    volume: Count
    close_price: Amount
    last_close_price: Amount
    daily_trade_avg_ratio: Amount


class HkContent(TypedDict):
    """`data` with the HK data-level additional fields."""

    market: _Text
    aggregated_short: Count
    aggregated_short_ratio: Amount
    new_time: _Text
    # null is how some servers write an empty list; a list that is not there at all is a broken answer
    items: Annotated[list[HkItem], Field(fail_fast=True)] | None


class UsContent(TypedDict):
    """`data` of a US symbol, without any fields of its own; a `market` is read only to see that it is no other."""

    market: _Text
    items: Annotated[list[UsItem], Field(fail_fast=True)] | None


class _HkSuccess(TypedDict):
    ret_code: Count
    code: Annotated[object, Field(default=None)]
    data: HkContent


class _UsSuccess(TypedDict):
    ret_code: Count
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
