"""Rows that cannot be true: set aside one by one, with a reason, until a person says that they are as published."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from watcher.core.market import Position, Row, Symbol
from watcher.core.notification import short_id
from watcher.errors import WatcherError

MOST_HELD = 90
"""Contents held of one symbol, as many as the longest answer has rows: what upstream makes up must not fill a disk."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row, or a position, that is not judged."""

    row: Row | Position
    reason: str
    """A clause about the row, for a person to read."""

    @property
    def kind(self) -> str:
        """`row` or `position`."""
        return "position" if isinstance(self.row, Position) else "row"

    @property
    def on_date(self) -> date:
        """Trade date of a row, as-of date of a position."""
        return self.row[0]

    @property
    def content(self) -> str:
        """Eight base32 characters of the hash of the published values: the same for 5 and 5.0."""
        # a position is published again with every row, so which row it came with is none of its own
        figures = self.row[2:] if isinstance(self.row, Position) else self.row[1:]
        return short_id(
            self.kind, str(self.on_date), *("" if figure is None else f"{figure:.17g}" for figure in figures)
        )


@dataclass(frozen=True, slots=True)
class Held:
    """A quarantined content as it is stored."""

    symbol: Symbol
    quarantined: Quarantined
    seen_at: datetime
    """When it was first answered."""
    released_at: datetime | None = None
    """When a person said that it is as published; None while it is held."""
    why: str | None = None
    """What the person gave as the reason."""


def newest(quarantined: Iterable[Quarantined], today: date) -> Quarantined | None:
    """Return the refused row of the newest session; rows of days to come are of none."""
    of_sessions = [each for each in quarantined if each.kind == "row" and each.on_date <= today]
    return max(of_sessions, key=lambda each: each.on_date, default=None)


def parted(
    quarantined: Iterable[Quarantined], released: Container[str]
) -> tuple[tuple[Quarantined, ...], tuple[Quarantined, ...]]:
    """Return what stays quarantined, and what was released; `released` holds contents."""
    stays: list[Quarantined] = []
    passes: list[Quarantined] = []
    for each in quarantined:
        (passes if each.content in released else stays).append(each)
    return tuple(stays), tuple(passes)


def chosen(symbol: Symbol, entries: Sequence[Held], on_date: date, content: str | None, today: date) -> Held:
    """Return the one of a symbol's entries that a person who names a date, and perhaps a content, means.

    What is held goes before what was released already. `today` is the date in the symbol's market.

    Raises:
        WatcherError: there is none, there are several, or it cannot be released; says what to do.
    """
    of_date = [each for each in entries if each.quarantined.on_date == on_date]
    meant = [each for each in of_date if content in (None, each.quarantined.content)]
    meant = [each for each in meant if each.released_at is None] or meant
    if not meant:
        named = f" with content {content}" if content and of_date else ""
        raise WatcherError(
            f"nothing of {symbol} of {on_date}{named} is quarantined; `watcher quarantine list --all` shows what is"
        )
    if len(meant) > 1:
        contents = ", ".join(each.quarantined.content for each in meant)
        raise WatcherError(
            f"several rows of {symbol} of {on_date} are quarantined: say which with --content, one of {contents}"
        )
    if on_date > today:
        raise WatcherError(f"{on_date} is a day to come: what is published for it counts by itself once it is here")
    return meant[0]
