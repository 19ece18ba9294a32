"""What is known of a symbol, as far as asking for it needs it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from watcher.core.answer import SymbolState
from watcher.core.market import Symbol
from watcher.core.sessions import Due


@dataclass(frozen=True, slots=True)
class Gaps:
    """Waits between requests for what is not there yet, growing; the last one goes on for ever."""

    probes: tuple[timedelta, ...]
    """While no symbol of the market has a row of the session."""
    stragglers: tuple[timedelta, ...]
    """For a symbol that has none, when others do."""


@dataclass(frozen=True, slots=True)
class Ask:
    """The last request for a symbol that did not bring the row that was due."""

    symbol: Symbol
    at: datetime
    misses: int
    """Such requests since that session was due."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What is known of a symbol, as far as asking for it needs it."""

    symbol: Symbol
    state: SymbolState | None = None
    """None if it was never asked for."""
    ask: Ask | None = None
    loud: bool = False
    """True if an alert on it is firing or pending."""

    @property
    def judged(self) -> date | None:
        """Trade date of its newest row."""
        return self.state.judged if self.state else None

    def asked_since(self, moment: datetime, now: datetime) -> Ask | None:
        """Return its last request in vain, if that was at `moment` or later."""
        # one of the future is of a clock that was set back since: it tells nothing
        return self.ask if self.ask is not None and moment <= self.ask.at <= now else None


def missed(
    symbol: Symbol, usable: SymbolState | None, before: Ask | None, due: Due | None, now: datetime
) -> Ask | None:
    """Return the request as it is to be remembered if it did not bring the row that is due, else None.

    `usable` is the symbol's state after the answer, None if there was no usable one.
    """
    judged = usable.judged if usable else None
    if judged is not None and (due is None or judged >= due.trade_date):
        return None
    goes_on = before is not None and before.at <= now and (due is None or before.at >= due.at)
    return Ask(symbol, now, 1 + (before.misses if goes_on and before else 0))
