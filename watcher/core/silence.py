"""Silences and acks: what a person does not want to be told for a while; they never touch the state of an alert."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Self

from watcher.core.market import Symbol
from watcher.core.notification import Notification, short_id
from watcher.core.rule import Severity

LONGEST = timedelta(days=30)
"""A silence that is forgotten ends by itself."""


@dataclass(frozen=True, slots=True)
class Silence:
    """What is not told from `starts` until `ends`, and why; of what it names of each kind, one has to fit."""

    symbols: tuple[str, ...]
    """As in rules: a symbol, `HK.*`, `US.*` or `*`; any symbol if there is none."""
    rules: tuple[str, ...]
    severities: tuple[Severity, ...]
    starts: datetime
    ends: datetime
    """Excluded."""
    why: str

    @classmethod
    def asked(
        cls,
        symbols: Sequence[str],
        rules: Sequence[str],
        severities: Sequence[Severity],
        lasts: timedelta,
        why: str,
        now: datetime,
    ) -> Self:
        """Return the silence a person asks for.

        Raises:
            ValueError: it names nothing, gives no reason, is too long or no symbol is written so; says which.
        """
        if not symbols and not rules and not severities:
            raise ValueError("what is to be silent? Name a symbol, a rule or a severity")
        if not why.strip():
            raise ValueError("say why: whoever finds the silence wants to know")
        if lasts > LONGEST:
            raise ValueError(f"a silence lasts {LONGEST.days} days at most")
        for symbol in symbols:
            if symbol not in ("*", "HK.*", "US.*"):
                Symbol.parse(symbol)
        return cls(tuple(symbols), tuple(rules), tuple(severities), now, now + lasts, why.strip())

    @property
    def id(self) -> str:
        """Eight base32 characters of the hash of the natural key: all but its end, which may be moved."""
        return short_id(
            ",".join(self.symbols), ",".join(self.rules), ",".join(self.severities), self.starts.isoformat(), self.why
        )

    def covers(self, notification: Notification) -> bool:
        """Return whether a notification is of what the silence names."""
        return (
            (not self.symbols or any(_fits(notification.symbol, symbol) for symbol in self.symbols))
            and (not self.rules or notification.rule in self.rules)
            and (not self.severities or notification.severity in self.severities)
        )


@dataclass(frozen=True, slots=True)
class Ack:
    """A person knows of an episode: nothing but its end is told of it any more."""

    symbol: Symbol
    rule: str
    episode: date
    at: datetime


def _fits(symbol: Symbol, pattern: str) -> bool:
    return pattern in ("*", symbol) or (pattern.endswith(".*") and symbol.startswith(pattern[:-1]))
