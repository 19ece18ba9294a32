"""Answers as upstream writes them, of which a test changes what matters to it."""

import json
from datetime import UTC, datetime

from watcher.core.market import Symbol

NOW = datetime(2026, 6, 6, 12, tzinfo=UTC)
HK, US = Symbol("HK.00700"), Symbol("US.AAPL")

# the example of the endpoint's page, to the letter
PAGE = """{
  "ret_code": 0,
  "ret_msg": "success",
  "data": {
    "market": "HK",
    "aggregated_short": 46242547,
    "aggregated_short_ratio": 0.5,
    "new_time": "29/05/2026",
    "items": [
      {
        "timestamp": 1780588800000,
        "timestamp_str": "2026-06-05",
        "shares_traded": 31649780,
        "turnover": 14465428854.749,
        "short_sell_shares_traded": 4660100,
        "short_sell_turnover": 2135963680,
        "open_price": 461.6,
        "close_price": 453.2,
        "last_close_price": 459,
        "daily_trade_avg_ratio": 10.51
      }
    ]
  }
}"""

# the one real US row that is known, with the fields that are not
US_ITEM = {
    "timestamp": 1780632000000,
    "timestamp_str": "2026-06-05",
    "total_shares_short": 5328185,
    "nasdaq_shares_short": 2930501,
    "nyse_shares_short": 2397684,
    "short_percent": 13.785,
    "volume": 38649398,
    "close_price": 271.5,
    "last_close_price": 270,
    "daily_trade_avg_ratio": 14.02,
}


def hk(content: dict[str, object] | None = None, **fields: object) -> bytes:
    """Return the page's example; `content` changes fields of `data`, `fields` those of its row."""
    answer = json.loads(PAGE)
    answer["data"]["items"][0].update(fields)
    answer["data"].update(content or {})
    return json.dumps(answer).encode()


def us(*items: dict[str, object], **fields: object) -> bytes:
    """Return an answer with the items given, or else with one row, of which `fields` change some."""
    return json.dumps(
        {"ret_code": 0, "ret_msg": "success", "data": {"items": list(items) or [US_ITEM | fields]}}
    ).encode()


def refusal(ret_code: object, code: str = "", message: str = "") -> bytes:
    """Return a refusal as the vendor's gateway writes it."""
    error = {"code": code, "message": message}
    return json.dumps({"ret_code": ret_code, "ret_msg": message, "error": error}).encode()
