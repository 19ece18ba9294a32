"""Episodes as a page shows them, and what became of every notification."""

from dataclasses import dataclass
from datetime import date, datetime

from watcher.core.alert import Kind
from watcher.core.market import Symbol
from watcher.core.rule import Severity


@dataclass(frozen=True, slots=True)
class Telling:
    """What became of one notification."""

    id: str
    channel: str
    word: str
    """`sent`, `pending`, `held`, `dead`, `dropped` or `claimed`."""
    reason: str | None
    due: datetime | None
    attempts: int
    instead_of: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """A transition of an episode, and who was told of it."""

    kind: Kind
    trade_date: date
    at: datetime
    """When it was recorded."""
    value: str
    """Against its limit; what happened, in a notice of the watcher's own."""
    note: str | None
    tellings: tuple[Telling, ...]
    more: int = 0
    """Notifications that are not shown."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode, told or not."""

    symbol: Symbol
    rule: str
    severity: Severity
    episode: date
    events: tuple[Event, ...]
    """The first, and the newest."""
    left_out: int = 0
    """Transitions between the first and the next one that is shown."""

    @property
    def own(self) -> bool:
        """True for a trouble of the watcher itself: it has a topic where others have a rule, and no symbol."""
        return "." not in self.symbol

    @property
    def over(self) -> bool:
        """True once it has ended, or never was."""
        return self.events[-1].kind in (Kind.RESOLVED, Kind.RETRACTED)
