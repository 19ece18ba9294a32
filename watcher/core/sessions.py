"""Sessions of a market, as values: when they are, when they close."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Session:
    """One trading day of a market."""

    trade_date: date
    closes: datetime
    """In UTC; earlier on half days."""
