"""Markets and symbols."""

from zoneinfo import ZoneInfo

import pytest

from tests.builders import hk_row
from watcher.core.market import Market, Symbol


@pytest.mark.parametrize(
    ("text", "market"),
    [
        ("HK.00700", Market.HK),
        ("HK.80700", Market.HK),
        ("US.AAPL", Market.US),
        ("US.BRK.B", Market.US),
        ("US.BF-B", Market.US),
        ("US.A", Market.US),
        ("US.3M", Market.US),
    ],
)
def test_a_symbol_is_market_and_code(text: str, market: Market) -> None:
    symbol = Symbol.parse(text)
    assert symbol == text
    assert symbol.market is market
    assert isinstance(symbol, str)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not a symbol: it is written MARKET.CODE"),
        ("AAPL", "is not a symbol: it is written MARKET.CODE"),
        (".AAPL", "is not a symbol: it is written MARKET.CODE"),
        ("US.", "is not a symbol: it is written MARKET.CODE"),
        ("SH.600000", "is of another market: HK and US are supported"),
        ("us.AAPL", "is of another market: HK and US are supported, in capitals"),
        ("HK.700", "is not a symbol of HK: its code is five digits"),
        ("HK.007000", "is not a symbol of HK"),
        ("HK.0070A", "is not a symbol of HK"),
        ("HK.٠٠٧٠٠", "is not a symbol of HK"),
        ("HK.00700\n", "is not a symbol of HK"),
        ("US.aapl", "is not a symbol of US: its code is capitals"),
        ("US.AA PL", "is not a symbol of US"),
        ("US..AAPL", "is not a symbol of US"),
        ("US.AAPL/../x", "is not a symbol of US"),
        ("US.ABCDEFGHIJKLMNOP", "is not a symbol of US"),
        ("US.ＡＡＰＬ", "is not a symbol of US"),
    ],
)
def test_what_is_no_symbol_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refused:
        Symbol.parse(text)
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize("market", Market)
def test_a_market_has_a_time_zone(market: Market) -> None:
    assert ZoneInfo(market.zone).key == market.zone


def test_rows_are_values() -> None:
    assert hk_row(turnover=1) == hk_row(turnover=1)
    assert hk_row(turnover=1) != hk_row(turnover=2)
