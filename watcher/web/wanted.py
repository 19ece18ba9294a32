"""What a visitor asks for: the parameters of a page, read and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeVar

from watcher.core.alert import Phase
from watcher.core.market import Market
from watcher.core.rule import Severity

_E = TypeVar("_E", bound=StrEnum)
_LONGEST = 80
_MOST_PAGES = 100_000
_NAMES = frozenset(
    ("data", "from", "market", "page", "phase", "refresh", "rule", "severity", "symbol", "text", "to", "told")
)
TROUBLED = "troubled"
"""Any state of a symbol's data but `ok`."""


class Told(StrEnum):
    """How it stands with a notification, as it is filtered by."""

    SENT = "sent"
    PENDING = "pending"
    HELD = "held"
    DEAD = "dead"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class OverviewWanted:
    """Which alerts are wanted; all of them, as it comes."""

    phase: Phase | None = None
    market: Market | None = None
    severity: Severity | None = None
    rule: str = ""
    text: str = ""
    """Part of a symbol's or a rule's name, in any case."""
    troubled: bool = False
    """Only of symbols whose data is not as it should be."""
    page: int = 1


@dataclass(frozen=True, slots=True)
class EpisodesWanted:
    """Which episodes are wanted; all of them, as it comes."""

    symbol: str = ""
    rule: str = ""
    told: Told | None = None
    """Only those of which a notification stands so."""
    first: date | None = None
    """Recorded on that day, in UTC, or later …"""
    last: date | None = None
    """… or earlier."""
    page: int = 1


def overview_wanted(given: Mapping[str, str]) -> OverviewWanted:
    """Return which alerts are asked for.

    Raises:
        ValueError: a parameter has a value that it cannot have; says which.
    """
    return OverviewWanted(
        phase=_one_of(Phase, given, "phase"),
        market=_one_of(Market, given, "market"),
        severity=_one_of(Severity, given, "severity"),
        rule=_text(given, "rule"),
        text=_text(given, "text"),
        troubled=_text(given, "data") == TROUBLED,
        page=page_wanted(given),
    )


def episodes_wanted(given: Mapping[str, str]) -> EpisodesWanted:
    """Return which episodes are asked for.

    Raises:
        ValueError: a parameter has a value that it cannot have; says which.
    """
    return EpisodesWanted(
        symbol=_text(given, "symbol"),
        rule=_text(given, "rule"),
        told=_one_of(Told, given, "told"),
        first=_date(given, "from"),
        last=_date(given, "to"),
        page=page_wanted(given),
    )


def carried_over(given: Mapping[str, str]) -> dict[str, str]:
    """Return what links to other pages of a list repeat: parameters that some page reads, of a length it reads."""
    return {name: value for name, value in given.items() if name in _NAMES and len(value) <= _LONGEST}


def page_wanted(given: Mapping[str, str]) -> int:
    """Return the number of the page, from 1.

    Raises:
        ValueError: it is none.
    """
    text = given.get("page", "1")
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and 1 <= int(text) <= _MOST_PAGES):
        raise ValueError(f"page is a whole number from 1 to {_MOST_PAGES:,}")
    return int(text)


def text_wanted(given: Mapping[str, str], name: str) -> str:
    """Return a parameter as text, empty if it is not given.

    Raises:
        ValueError: it is longer than anything that could be meant.
    """
    return _text(given, name)


def _text(given: Mapping[str, str], name: str) -> str:
    text = given.get(name, "").strip()
    if len(text) > _LONGEST:
        raise ValueError(f"{name} is longer than {_LONGEST} characters")
    return text


def _one_of(values: type[_E], given: Mapping[str, str], name: str) -> _E | None:
    text = given.get(name, "")
    if not text:
        return None
    if text not in [value.value for value in values]:
        raise ValueError(f"{name} is one of {', '.join(value.value for value in values)}")
    return values(text)


def _date(given: Mapping[str, str], name: str) -> date | None:
    text = given.get(name, "")
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise ValueError(f"{name} is a date, written 2026-06-05") from None
