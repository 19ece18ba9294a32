"""An explanation as a value: one row, what a rule made of it, and what came of that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias

from watcher.core.alert import Alert, Transition, Watch
from watcher.core.answer import SymbolState
from watcher.core.expression import Value
from watcher.core.history import Recorded, Telling
from watcher.core.market import Position, Row, Symbol
from watcher.core.rule import Rule
from watcher.jobs.unknown import Why

Condition: TypeAlias = Literal["when", "until"]


@dataclass(frozen=True, slots=True)
class PartValue:
    """What one part of an expression was worth on the row."""

    condition: Condition
    depth: int
    """0 for the whole expression; its parts follow it, one deeper each."""
    text: str
    value: Value
    unit: str | None
    is_condition: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What is stored of a rule on a symbol, as far as explaining it needs it."""

    state: SymbolState | None = None
    alert: Alert | None = None
    """As it is after the newest judged row; None if quiet."""
    watch: Watch | None = None
    recorded: Sequence[Recorded] = ()
    """Its transitions, told or not, oldest first."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One row, what the rule made of it, and what came of that."""

    rule: Rule
    symbol: Symbol
    asked: date | None
    """The date that was asked for; None for the newest row."""
    trade_date: date | None = None
    """Of the row; the as-of date, for a rule about positions. None where there is no row."""
    row: Row | Position | None = None
    looked_at: tuple[tuple[date, tuple[float | None, ...]], ...] = ()
    """The rows that decide, oldest first, with the values of the rule's metrics, which are `metrics`."""
    metrics: tuple[str, ...] = ()
    parts: tuple[PartValue, ...] = ()
    decides: Condition = "when"
    """Which condition the verdict is made by: `until` while the alert is firing, if the rule has one."""
    verdict: bool | None = None
    """Whether the alert should fire after the row; None if that cannot be known."""
    before: Alert | None = None
    after: Alert | None = None
    change: Transition | None = None
    tellings: tuple[Telling, ...] = ()
    """Who was told of the change, and how that stands."""
    reasons: tuple[Why, ...] = ()
    """Why nothing was told, or not to everybody, each with a code for programs."""
