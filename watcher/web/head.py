"""What every page begins with: how it stands with the watcher itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import PurePath

from watcher.core.market import Market


@dataclass(frozen=True, slots=True)
class Upstream:
    """How it stands with upstream as a whole."""

    word: str
    """`answers`, `failing`, `down` or `not asked yet`."""
    since: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class LastCycle:
    """What the last cycle came to."""

    ended: datetime
    symbols: int
    troubled: int
    """Symbols without a usable answer."""
    waiting: int
    """Symbols that were due and not asked for, because upstream was to be left alone."""


@dataclass(frozen=True, slots=True)
class MarketHours:
    """One market: what there is of it, and when there is more."""

    market: Market
    newest: date | None
    """Trade date of the newest row of any symbol."""
    next_due: datetime | None
    """When the next session's rows are to be expected; None where no calendar says."""


@dataclass(frozen=True, slots=True)
class RulesFile:
    """The file the rules are in, and whether it may be trusted."""

    file: str
    """Its path, or that of the directory."""
    valid: bool
    """False while it has errors, and the last good rules are in force."""
    taken_up: bool
    """True if what is in force is what the file says now."""
    problem: str | None
    """The first error, with its position."""
    rules: int
    """In force, as are the symbols."""
    symbols: int
    loaded_at: datetime | None

    @property
    def name(self) -> str:
        """The last part of its path."""
        return PurePath(self.file).name


@dataclass(frozen=True, slots=True)
class Head:
    """What every page begins with."""

    now: datetime
    upstream: Upstream
    cycle: LastCycle | None
    next_look: datetime | None
    """When the watcher will next have something to do, as far as it is known."""
    markets: tuple[MarketHours, ...]
    outbox: Mapping[str, int]
    """How many notifications are in each status that is not an end: pending, held, claimed, dead."""
    rules: RulesFile
    troubles: tuple[str, ...] = ()
    """Why not all is well with the watcher itself; nothing where all is."""
