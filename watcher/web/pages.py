"""What the pages show: frozen values, figures already in words, and the port that they come from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, Protocol, TypeVar

from watcher.core.alert import Phase
from watcher.core.answer import SymbolState
from watcher.core.market import Symbol
from watcher.core.rule import Severity
from watcher.web.head import Head
from watcher.web.lines import Chart, Line, Session
from watcher.web.told import Episode
from watcher.web.wanted import EpisodesWanted, OverviewWanted

_T = TypeVar("_T")
_U = TypeVar("_U")


@dataclass(frozen=True, slots=True)
class Part(Generic[_T]):
    """One page of a long list."""

    shown: tuple[_T, ...]
    total: int
    """Of all that fit the filter."""
    number: int = 1
    pages: int = 1

    def showing(self, shown: tuple[_U, ...]) -> "Part[_U]":
        """Return the same page with what is made of its elements."""
        return Part(shown, self.total, self.number, self.pages)


@dataclass(frozen=True, slots=True)
class Overview:
    """All alerts, the worst first."""

    head: Head
    lines: Part[Line]
    counts: Mapping[str, int]
    """Alerts by phase, and `troubled`: those of symbols whose data is not as it should be; whatever the filter."""
    rules: Sequence[str]
    """To choose from; empty where they are too many for that."""


@dataclass(frozen=True, slots=True)
class Revised:
    """A value that was published otherwise before."""

    on_date: date
    seen_at: datetime
    number: int
    changes: tuple[tuple[str, str, str], ...]
    """Field, old and new value."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """A quarantined row."""

    on_date: date
    kind: str
    content: str
    reason: str
    seen_at: datetime
    released_at: datetime | None
    why: str | None


@dataclass(frozen=True, slots=True)
class SymbolView:
    """Everything about one symbol."""

    head: Head
    symbol: Symbol
    state: SymbolState | None
    lines: Part[Line]
    """Its alerts."""
    rule: str | None
    """The one that is drawn."""
    condition: str | None
    positions_only: bool
    """True if the sessions are as-of dates of positions."""
    charts: tuple[Chart, ...]
    columns: tuple[tuple[str, str], ...]
    """Name and unit of the table's figures."""
    sessions: tuple[Session, ...]
    """Newest first."""
    revisions: Part[Revised]
    set_aside: Part[SetAside]
    episodes: Part[Episode]


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule in force, where it is written, and what it says now."""

    name: str
    place: str | None
    """File and line; None where the rules in force are in no file any more."""
    text: str
    """As it is written there."""
    enabled: bool
    severity: Severity
    notify: tuple[str, ...]
    symbols: int
    counts: Mapping[Phase, int]
    loud: Part[tuple[Symbol, Phase, date | None]]
    """The symbols on which it is not quiet."""


@dataclass(frozen=True, slots=True)
class RulesView:
    """The rules in force, and what is wrong with their file."""

    head: Head
    rules: Part[RuleView]
    problems: Part[tuple[str, str]]
    """Severity and print, with position and source line."""


@dataclass(frozen=True, slots=True)
class EpisodesView:
    """Episodes, the newest first."""

    head: Head
    episodes: Part[Episode]


class Pages(Protocol):
    """Where the pages come from; each raises StoreError where the state cannot be read now."""

    async def overview(self, wanted: OverviewWanted) -> Overview: ...  # noqa: D102

    async def symbol(self, symbol: Symbol, rule: str | None) -> SymbolView | None:
        """Return everything about a symbol, drawn by the rule of that name; None if nothing is known of it."""
        ...

    async def rules(self, text: str, page: int) -> RulesView: ...  # noqa: D102

    async def episodes(self, wanted: EpisodesWanted) -> EpisodesView: ...  # noqa: D102
