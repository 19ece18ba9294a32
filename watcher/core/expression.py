"""A checked and compiled `when` or `until`, and the parts it is made of."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from watcher.core.metrics import METRICS
from watcher.core.window import Window
from watcher.core.windowed import Condition, Number

Value = float | bool | None


@dataclass(frozen=True, slots=True)
class Part:
    """One node of an expression: characters `start` to `end` of its text, its value, and the rows that takes."""

    start: int
    end: int
    evaluate: Callable[[Window, int], Value]
    is_condition: bool = False
    unit: str | None = None
    """None where it has none, or where it is not known."""
    lookback: int = 1
    """Rows needed for one value, its own row included."""
    metrics: frozenset[str] = frozenset()
    constant: float | None = None
    parts: tuple["Part", ...] = ()

    @property
    def number(self) -> Number:
        """Its evaluator, for a part that is not a condition."""
        return cast(Number, self.evaluate)

    @property
    def condition(self) -> Condition:
        """Its evaluator, for a part that is a condition."""
        return cast(Condition, self.evaluate)

    @property
    def is_metric(self) -> bool:
        """True for a metric standing alone."""
        return bool(self.metrics) and not self.parts


@dataclass(frozen=True, slots=True)
class Comparison:
    """A value, its limit and how the two are compared: what a message quotes."""

    value: Part
    operator: str
    """`>`, `>=`, `<`, `<=`, `==`, `!=`, `crosses above` or `crosses below`."""
    limit: Part


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition over the rows of one symbol."""

    text: str
    root: Part = field(repr=False, compare=False)
    first_comparison: Comparison = field(repr=False, compare=False)

    def __call__(self, window: Window, index: int) -> bool | None:
        """Return whether it holds on row `index` of the window; None where that cannot be known."""
        return self.root.evaluate(window, index)  # type: ignore[return-value]  # its root is a condition; a cast costs a call

    @property
    def lookback(self) -> int:
        """Rows needed for one verdict, the judged row included."""
        return self.root.lookback

    @property
    def metrics(self) -> frozenset[str]:
        """Names of the metrics it reads."""
        return self.root.metrics

    @property
    def reads_positions_only(self) -> bool:
        """True if it is about positions alone: its sessions are as-of dates, then."""
        return bool(self.metrics) and all(METRICS[name].of_positions for name in self.metrics)

    @property
    def limit(self) -> Comparison | None:
        """The comparison, if the expression is nothing but one metric compared with one number."""
        comparison = self.first_comparison
        plain = comparison.value.is_metric and comparison.limit.constant is not None
        only = set(map(id, self.root.parts)) == {id(comparison.value), id(comparison.limit)}
        return comparison if plain and only and not comparison.operator.startswith("crosses") else None

    def source(self, part: Part) -> str:
        """Return the text of one of its parts, on one line."""
        return " ".join(self.text[part.start : part.end].split())
