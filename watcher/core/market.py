"""Markets, symbols and what upstream publishes of them: rows and positions."""

import re
from datetime import date
from enum import StrEnum
from typing import NamedTuple, Self, TypeAlias

_CODE = {"HK": re.compile(r"[0-9]{5}"), "US": re.compile(r"[A-Z0-9][A-Z0-9.\-]{0,14}")}


class Market(StrEnum):
    """A market whose short selling is published; its value is the prefix of its symbols."""

    HK = "HK"
    US = "US"

    @property
    def zone(self) -> str:
        """IANA name of the time zone in which the market's trade dates are days."""
        return {"HK": "Asia/Hong_Kong", "US": "America/New_York"}[self.value]


class Symbol(str):
    """A security as upstream writes it, `MARKET.CODE`, split at the first dot: HK.00700, US.BRK.B."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the symbol written in `text`.

        Raises:
            ValueError: not `MARKET.CODE`, another market, or a code not of its market's form; says which.
        """
        market, dot, code = text.partition(".")
        if not dot or not market or not code:
            raise ValueError(f"{text!r} is not a symbol: it is written MARKET.CODE, for example HK.00700 or US.AAPL")
        if market not in _CODE:
            raise ValueError(f"{text!r} is of another market: HK and US are supported, in capitals")
        if not _CODE[market].fullmatch(code):
            form = "five digits, HK.00700" if market == "HK" else "capitals, digits, dot and dash, US.BRK.B"
            raise ValueError(f"{text!r} is not a symbol of {market}: its code is {form}")
        return cls(text)

    @property
    def market(self) -> Market:
        """The market, the part before the first dot."""
        return Market(self[:2])


class HkRow(NamedTuple):
    """One session of a Hong Kong symbol as published; money is HKD for most counters, ratios are in percent.

    A named tuple and not a dataclass: thirty of them are made and compared for every answer, at a tenth of the cost.
    """

    trade_date: date
    shares_traded: float | None = None
    turnover: float | None = None
    short_sell_shares_traded: float | None = None
    short_sell_turnover: float | None = None
    open_price: float | None = None
    close_price: float | None = None
    last_close_price: float | None = None
    daily_trade_avg_ratio: float | None = None


class UsRow(NamedTuple):
    """One session of a US symbol as published; counts are shares, `short_percent` and the ratio are in percent."""

    trade_date: date
    total_shares_short: float | None = None
    nasdaq_shares_short: float | None = None
    nyse_shares_short: float | None = None
    short_percent: float | None = None
    volume: float | None = None
    close_price: float | None = None
    last_close_price: float | None = None
    daily_trade_avg_ratio: float | None = None


Row: TypeAlias = HkRow | UsRow


class Position(NamedTuple):
    """Aggregated reportable short positions of a Hong Kong symbol, one to two weeks older than the row beside them."""

    as_of: date
    """The day the positions were held, from `new_time`."""
    trade_date: date
    """Trade date of the row they first came with: from it on they hold, until the next."""
    aggregated_short: float | None = None
    """Shares."""
    aggregated_short_ratio: float | None = None
    """Percent of the float."""
