"""Alerts as a page shows them, and the pictures of their sessions."""

from dataclasses import dataclass
from datetime import date

from watcher.core.alert import Phase
from watcher.core.answer import SymbolState
from watcher.core.market import Symbol
from watcher.core.rule import Severity


@dataclass(frozen=True, slots=True)
class Trend:
    """The value of a rule's first comparison over the last sessions, oldest first, and its limit on each."""

    first: date | None
    values: tuple[float | None, ...]
    limits: tuple[float | None, ...]
    words: str
    """The same for who cannot see it."""


@dataclass(frozen=True, slots=True)
class Line:
    """One alert of the overview."""

    symbol: Symbol
    state: SymbolState | None
    """Of its data; None if it was never asked for."""
    rule: str | None
    """None where no rule watches it: all of them rest."""
    severity: Severity
    phase: Phase
    since: date | None
    """Trade date of the first session of the phase; None while quiet."""
    progress: str | None = None
    """How far it is on the way to the next phase, `1 of 2 sessions`."""
    trade_date: date | None = None
    """Of the row that the figures are of."""
    metric: str = ""
    value: str = ""
    limit: str = ""
    """With its operator, `> 15`."""
    distance: str | None = None
    condition: str | None = None
    """The whole of it, where it is more than that one comparison."""
    verdict: bool | None = None
    """Whether it holds on that row; None if that cannot be known."""
    until: str | None = None
    """What ends the episode that goes on, if that is not just the opposite."""
    trend: Trend | None = None

    @property
    def troubled(self) -> bool:
        """True if its data is not as it should be."""
        return self.state is None or self.state.state != "ok"


@dataclass(frozen=True, slots=True)
class Curve:
    """A line of a chart."""

    name: str
    role: str
    """`value`, `average`, `limit` or `price`: what it looks like."""
    values: tuple[float | None, ...]
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """Curves over the same sessions."""

    title: str
    words: str
    dates: tuple[date, ...]
    curves: tuple[Curve, ...]
    shaded: tuple[tuple[int, int], ...] = ()
    """Indices of the first and the last session of each episode."""


@dataclass(frozen=True, slots=True)
class Session:
    """A row of the table below the chart."""

    trade_date: date
    phase: Phase | None
    revised: bool
    figures: tuple[str | None, ...]
    """None where the value is not known."""
