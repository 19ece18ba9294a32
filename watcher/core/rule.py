"""A rule: what to watch on which symbols, and whom to tell."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from watcher.core.expression import Expression
from watcher.core.market import Symbol
from watcher.core.metrics import METRICS
from watcher.core.window import Window


class Severity(StrEnum):
    """How much it matters; compared by rank."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for info, 1 for warning, 2 for critical."""
        return list(Severity).index(self)


@dataclass(frozen=True)
class Rule:
    """One `[[rule]]`, checked and compiled; every count is in sessions."""

    name: str
    symbols: tuple[Symbol, ...]
    when: Expression
    until: Expression | None = None
    for_: int = 1
    until_for: int = 1
    notify: tuple[str, ...] = ("console",)
    severity: Severity = Severity.WARNING
    remind: int = 0
    resolved: bool = True
    message: str | None = None
    enabled: bool = True

    @cached_property
    def fingerprint(self) -> str:
        """What of the rule decides its alerts; an edit that leaves it as it was, sends nothing."""
        when, until = (" ".join(text.split()) for text in (self.when.text, self.until.text if self.until else ""))
        return f"{when}\x1f{until}\x1f{self.for_}\x1f{self.until_for}"

    @property
    def lookback(self) -> int:
        """Rows needed to judge one row, that row included."""
        return max(self.when.lookback, self.until.lookback if self.until else 1)

    @cached_property
    def reads_positions_only(self) -> bool:
        """True if the rule's sessions are as-of dates of positions, not trade dates of rows."""
        return bool(self.metrics) and all(METRICS[name].of_positions for name in self.metrics)

    @property
    def metrics(self) -> frozenset[str]:
        """Names of the metrics that `when` and `until` read."""
        return self.when.metrics | (self.until.metrics if self.until else frozenset())

    def verdict(self, firing: bool, window: Window, index: int) -> bool | None:
        """Should the rule's alert fire after row `index`, given whether it does before? None: it cannot be known."""
        if not firing or self.until is None:
            return self.when(window, index)
        ended = self.until(window, index)
        return None if ended is None else not ended
