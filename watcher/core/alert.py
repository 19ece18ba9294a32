"""An alert is one rule on one symbol; this is how a row changes it, and the only place that knows.

The daemon, catch-up after downtime, revisions, tests of rules, backtests and explanations all fold `step`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import TypeAlias

from watcher.core.market import Symbol
from watcher.core.rule import Rule
from watcher.core.window import Window

RESTING = "resting"
"""Stands for the text of a rule that is not enabled: it is taken up anew when it is."""


class Phase(StrEnum):
    """What an alert is doing."""

    QUIET = "quiet"
    PENDING = "pending"
    FIRING = "firing"
    RECOVERING = "recovering"


class Kind(StrEnum):
    """What changed between two neighbouring alerts."""

    OPENED = "opened"
    REMINDED = "reminded"
    RESOLVED = "resolved"
    RETRACTED = "retracted"


@dataclass(frozen=True, slots=True)
class Alert:
    """One rule on one symbol, after some session; quiet as it comes."""

    rule: str
    symbol: Symbol
    episode: date | None = None
    """First trade date of the episode, its name, while one is open."""
    streak: int = 0
    """Sessions in a row that speak for the opposite: `when` while not firing, `until` while firing."""
    streak_since: date | None = None
    """Trade date of the first of them."""
    age: int = 0
    """Sessions judged since the episode opened."""

    @property
    def firing(self) -> bool:
        """True while an episode is open, recovering included."""
        return self.episode is not None

    @property
    def phase(self) -> Phase:
        """Quiet, pending, firing or recovering."""
        if self.firing:
            return Phase.RECOVERING if self.streak else Phase.FIRING
        return Phase.PENDING if self.streak else Phase.QUIET

    @property
    def since(self) -> date | None:
        """Trade date of the first session of the present phase; None while quiet."""
        return self.streak_since or self.episode


Names: TypeAlias = Mapping[date, tuple[date, ...]]
"""The dates by which episodes were told, the latest last, by the date on which each begins by the rows as they are."""


@dataclass(frozen=True, slots=True)
class Watch:
    """A rule on a symbol as it was last taken up: by which text, on which row, and the alert after it."""

    symbol: Symbol
    rule: str
    fingerprint: str
    checkpoint: date | None = None
    """Nothing up to this date is ever judged again; None as long as there is no session."""
    base: Alert | None = None
    """The alert after the session of the checkpoint: what comes later is folded from it."""
    names: Names = field(default_factory=dict)
    """Of the episodes since the checkpoint that revisions moved, joined or split."""

    @classmethod
    def of(cls, rule: Rule, symbol: Symbol, checkpoint: date | None = None, base: Alert | None = None) -> "Watch":
        """Return the watch of a rule taken up at `checkpoint`; a rule that rests is under no text."""
        return cls(symbol, rule.name, rule.fingerprint if rule.enabled else RESTING, checkpoint, base)


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of an alert that is worth telling."""

    rule: str
    symbol: Symbol
    kind: Kind
    episode: date
    trade_date: date
    """Of the row that made the change."""


def step(rule: Rule, before: Alert, trade_date: date, verdict: bool | None) -> Alert:
    """Return the alert after one more session; a session that cannot be judged is no news.

    `verdict` is whether the alert should fire, as `Rule.verdict` returns it.
    """
    if verdict is None:
        return before
    age = before.age + 1 if before.firing else 0
    if verdict == before.firing:
        if not before.firing and not before.streak:
            return before  # by far the most frequent case
        return Alert(before.rule, before.symbol, before.episode, age=age)

    streak = before.streak + 1
    if streak < (rule.until_for if before.firing else rule.for_):
        return replace(before, streak=streak, streak_since=before.streak_since or trade_date, age=age)
    return Alert(before.rule, before.symbol, episode=None if before.firing else trade_date)


def transition(rule: Rule, before: Alert, after: Alert, trade_date: date) -> Transition | None:
    """Return what is worth telling of two neighbouring alerts, if anything."""
    if before.episode is not None and after.episode is None:
        return Transition(rule.name, after.symbol, Kind.RESOLVED, before.episode, trade_date)
    if after.episode is None:
        return None
    if before.episode is None:
        return Transition(rule.name, after.symbol, Kind.OPENED, after.episode, trade_date)
    if rule.remind and after.age > before.age and after.age % rule.remind == 0:
        return Transition(rule.name, after.symbol, Kind.REMINDED, after.episode, trade_date)
    return None


def replay(rule: Rule, alert: Alert, window: Window, start: int) -> Iterator[tuple[int, Alert, Transition | None]]:
    """Fold `step` over the sessions of `window` from index `start`; yield each index, alert and transition."""
    for index in range(start, len(window.dates)):
        before, trade_date = alert, window.dates[index]
        alert = step(rule, before, trade_date, rule.verdict(before.firing, window, index))
        yield index, alert, None if alert is before else transition(rule, before, alert, trade_date)
