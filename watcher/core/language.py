"""The `when` language: text, read with Python's own expression syntax, to a checked and compiled Expression.

Nothing of Python itself is reachable: the tree is walked once, each node that is not listed here is a flaw, and what
remains is compiled to closures over `(window, index)`.
"""

import ast
import math
import operator
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TypeAlias

from watcher.core.expression import Comparison, Expression, Part, Value
from watcher.core.functions import (
    FUNCTIONS,
    MAX_STREAK,
    MAX_WINDOW,
    Condition,
    Function,
    Number,
    absolute,
    crosses,
    finite,
    near,
    over,
    rows_before,
    streak,
)
from watcher.core.metrics import METRICS
from watcher.core.window import Window

MAX_LENGTH = 2000
"""Characters; a longer text is refused before it is parsed."""
MAX_DEPTH = 80
"""Parts within parts; about as far as Python's own parser goes."""

Test: TypeAlias = Callable[[float, float], bool]

_COMPARISONS: Mapping[type[ast.cmpop], tuple[str, Test]] = {
    ast.Gt: (">", lambda a, b: a > b and not near(a, b)),
    ast.GtE: (">=", lambda a, b: a >= b or near(a, b)),
    ast.Lt: ("<", lambda a, b: a < b and not near(a, b)),
    ast.LtE: ("<=", lambda a, b: a <= b or near(a, b)),
    ast.Eq: ("==", near),
    ast.NotEq: ("!=", lambda a, b: not near(a, b)),
}
_MIRRORED = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "==", "!=": "!="}
_ARITHMETIC: Mapping[type[ast.operator], Test | Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_PERCENT = frozenset({"short_percent", "short_ratio", "short_turnover_ratio", "daily_trade_avg_ratio"})
_MISSPELT = (
    (re.compile(r"&&"), "write and"),
    (re.compile(r"\|\|"), "write or"),
    (re.compile(r"=>"), "write >="),
    (re.compile(r"=<"), "write <="),
    (re.compile(r"<>"), "write !="),
    (re.compile(r"(?<![<>=!])=(?!=)"), "equality is written =="),
    (re.compile(r"(?<=\d)\s*%"), "percent is written 15, without a sign"),
    (re.compile(r"!(?!=)"), "write not"),
    (re.compile(r"\b(?:AND|OR|NOT)\b"), "and, or, not are written small"),
)


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong, or odd, about characters `start` to `end` of a text."""

    start: int
    end: int
    message: str
    suggestion: str | None = None
    """What to do about it."""
    warning: bool = False
    """True if the text can be used all the same."""


def parse(text: str) -> tuple[Expression | None, tuple[Flaw, ...]]:
    """Return the expression written in `text`, or None if it has errors, and all its flaws in order of position."""
    reader = _Reader(text)
    root = reader.root()
    flaws = tuple(sorted(reader.flaws, key=lambda flaw: (flaw.start, flaw.end)))
    if root is None or reader.first_comparison is None or any(not flaw.warning for flaw in flaws):
        return None, flaws
    return Expression(text, root, reader.first_comparison), flaws


class _Reader:
    """Walks the tree of one text once: collects flaws, compiles parts."""

    def __init__(self, text: str) -> None:
        self.flaws: list[Flaw] = []
        self.first_comparison: Comparison | None = None
        self._comparison_seen = False
        self._text = text
        self._margin = len(text) - len(text.lstrip())
        # on one line, every character where it was: so positions hold for texts of several lines too
        self._line = text[self._margin :].replace("\r", " ").replace("\n", " ").replace("\f", " ")
        self._encoded = self._line.encode("utf-8", "surrogatepass")

    def root(self) -> Part | None:
        tree = self._tree()
        return None if tree is None else self._condition(tree, 0)

    # reading text

    def _tree(self) -> ast.expr | None:
        whole = (self._margin, max(len(self._text.rstrip()), self._margin))
        if not self._line.strip():
            self._refuse((0, len(self._text)), "there is no condition here", "for example short_percent > 40")
            return None
        if len(self._text) > MAX_LENGTH:
            self._refuse(whole, f"longer than {MAX_LENGTH} characters", "split it into several rules")
            return None
        comment = self._text.find("#")
        if comment >= 0:
            self._refuse((comment, len(self._text)), "no comments in here", "move it to a line of its own")
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what Python warns of here, such as "1if", is refused below
                return ast.parse(self._line, mode="eval").body
        except SyntaxError as error:
            self._refuse(*self._syntax_flaw(error, whole))
            return None
        except (RecursionError, MemoryError, ValueError):
            self._refuse(whole, "cannot be read: too deeply nested, or not text", "write it in simpler parts")
            return None

    def _syntax_flaw(self, error: SyntaxError, whole: tuple[int, int]) -> tuple[tuple[int, int], str, str]:
        for pattern, suggestion in _MISSPELT:
            if found := pattern.search(self._text):
                return found.span(), f"{found.group().strip()!r} is not part of the language", suggestion
        start = min(self._margin + max((error.offset or 1) - 1, 0), max(whole[1] - 1, whole[0]))
        stated = error.end_offset is not None and error.end_offset > (error.offset or 1)
        end = min(self._margin + (error.end_offset or 1) - 1, whole[1]) if stated else start + 1
        reason = error.msg.split(".", maxsplit=1)[0]
        return (start, max(end, start + 1)), f"cannot be read: {reason}", "a condition is written short_percent > 40"

    def _refuse(self, at: ast.AST | tuple[int, int], message: str, suggestion: str | None = None) -> None:
        start, end = at if isinstance(at, tuple) else self._span(at)
        self.flaws.append(Flaw(start, end, message, suggestion))

    def _warn(self, node: ast.AST, message: str, suggestion: str) -> None:
        self.flaws.append(Flaw(*self._span(node), message, suggestion, warning=True))

    def _span(self, node: ast.AST) -> tuple[int, int]:
        """Characters of the text; the tree counts bytes."""
        start, end = (
            len(self._encoded[:column].decode("utf-8", "surrogatepass"))
            for column in (node.col_offset, node.end_col_offset)  # type: ignore[attr-defined]  # each node read has them
        )
        return self._margin + start, self._margin + end

    def _source(self, node: ast.AST) -> str:
        start, end = self._span(node)
        return " ".join(self._text[start:end].split())

    # walking the tree

    def _condition(self, node: ast.expr, depth: int) -> Part | None:
        part = self._read(node, depth)
        if part is not None and not part.is_condition:
            self._refuse(node, "a number stands where a condition is due", f"compare it: {self._source(node)} > 15")
            return None
        return part

    def _number(self, node: ast.expr, depth: int) -> Part | None:
        part = self._read(node, depth)
        if part is not None and part.is_condition:
            self._refuse(node, "a condition stands where a number is due", "use a metric, a number or a function")
            return None
        return part

    def _numbers(self, nodes: Sequence[ast.expr], depth: int) -> list[Part] | None:
        parts = [self._number(node, depth) for node in nodes]
        found = [part for part in parts if part is not None]
        return found if len(found) == len(parts) else None

    def _read(self, node: ast.expr, depth: int) -> Part | None:
        if depth > MAX_DEPTH:
            self._refuse(node, f"more than {MAX_DEPTH} parts within parts", "write it in simpler parts")
            return None
        depth += 1
        match node:
            case ast.Constant(value=value):
                return self._constant(node, value)
            case ast.Name(id=name):
                return self._metric(node, name)
            case ast.UnaryOp(op=ast.USub()):
                return self._negative(node, depth)
            case ast.UnaryOp(op=ast.Not()):
                return self._not(node, depth)
            case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div()):
                return self._arithmetic(node, depth)
            case ast.BoolOp():
                return self._and_or(node, depth)
            case ast.Compare():
                return self._compare(node, depth)
            case ast.Call(func=ast.Name(id=name)):
                return self._call(node, name, depth)
            case _:
                what = f"{self._source(node)!r} is not part of the language"
                self._refuse(node, what, "it has numbers, metrics, + - * /, comparisons, and or not, functions")
                return None

    def _part(self, node: ast.expr, evaluate: Callable[[Window, int], Value], parts: Sequence[Part]) -> Part:
        lookback = max((part.lookback for part in parts), default=1)
        metrics = frozenset[str]().union(*(part.metrics for part in parts))
        return Part(*self._span(node), evaluate, lookback=lookback, metrics=metrics, parts=tuple(parts))

    def _constant(self, node: ast.expr, value: object) -> Part | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._refuse(node, f"{self._source(node)} is not a number", "numbers are written 15, 0.5, 50_000_000")
            return None
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            self._refuse(node, "this number is too large", "write one below 1e300")
            return None
        return self._fixed(node, number)

    def _fixed(self, node: ast.expr, number: float) -> Part:
        return replace(self._part(node, lambda _window, _index: number, ()), constant=number)

    def _metric(self, node: ast.expr, name: str) -> Part | None:
        if name not in METRICS:
            self._refuse(node, f"unknown metric {name!r}", _suggestion(name, METRICS, FUNCTIONS))
            return None

        def read(window: Window, index: int) -> float | None:
            return window.columns[name][index]

        return replace(self._part(node, read, ()), metrics=frozenset({name}), unit=METRICS[name].unit)

    def _negative(self, node: ast.UnaryOp, depth: int) -> Part | None:
        part = self._number(node.operand, depth)
        if part is None:
            return None
        if part.constant is not None:
            return self._fixed(node, -part.constant)
        x = part.number

        def negative(window: Window, index: int) -> float | None:
            value = x(window, index)
            return None if value is None else -value

        return replace(self._part(node, negative, [part]), unit=part.unit)

    def _arithmetic(self, node: ast.BinOp, depth: int) -> Part | None:
        parts = self._numbers((node.left, node.right), depth)
        if parts is None:
            return None
        left, right = parts
        apply = _ARITHMETIC[type(node.op)]
        additive = isinstance(node.op, ast.Add | ast.Sub)
        if additive and self._unlike(left, right):
            self._refuse(node, f"adds {left.unit} and {right.unit}", "bring both to one unit first")
            return None
        if left.constant is not None and right.constant is not None:
            value = _applied(apply, left.constant, right.constant)
            if value is None:
                self._refuse(node, "this has no finite value", "a division by zero is unknown, always")
                return None
            return self._fixed(node, value)
        x, y = left.number, right.number

        def arithmetic(window: Window, index: int) -> float | None:
            a, b = x(window, index), y(window, index)
            return None if a is None or b is None else _applied(apply, a, b)

        # a number may be a factor or an amount; two units together make one we have no name for
        known = [part.unit for part in parts if part.constant is None]
        keeps = additive or not isinstance(node.op, ast.Div) or right.constant is not None
        unit = known[0] if keeps and (len(known) == 1 or (additive and known[0] == known[1])) else None
        return replace(self._part(node, arithmetic, parts), unit=unit)

    def _not(self, node: ast.UnaryOp, depth: int) -> Part | None:
        part = self._condition(node.operand, depth)
        if part is None:
            return None
        c = part.condition

        def negated(window: Window, index: int) -> bool | None:
            value = c(window, index)
            return None if value is None else not value

        return replace(self._part(node, negated, [part]), is_condition=True)

    def _and_or(self, node: ast.BoolOp, depth: int) -> Part | None:
        parts = [self._condition(value, depth) for value in node.values]
        conditions = [part for part in parts if part is not None]
        if len(conditions) < len(parts):
            return None
        evaluate = _all_of if isinstance(node.op, ast.And) else _any_of
        joined = evaluate([part.condition for part in conditions])
        return replace(self._part(node, joined, conditions), is_condition=True)

    def _compare(self, node: ast.Compare, depth: int) -> Part | None:
        is_first, self._comparison_seen = not self._comparison_seen, True
        operands = (node.left, *node.comparators)
        parts = self._numbers(operands, depth)
        odd = [op for op in node.ops if type(op) not in _COMPARISONS]
        if odd:
            self._refuse(node, "in and is are not part of the language", "compare with < <= > >= == !=")
            return None
        if parts is None:
            return None
        conditions = []
        for op, left, right, at in zip(node.ops, parts, parts[1:], operands, strict=False):
            symbol, test = _COMPARISONS[type(op)]
            self._check_units(node, left, right, at)
            conditions.append(_compared(left, right, test))
            if is_first and left.constant is not None:
                self.first_comparison = self.first_comparison or Comparison(right, _MIRRORED[symbol], left)
            elif is_first:
                self.first_comparison = self.first_comparison or Comparison(left, symbol, right)
        whole = conditions[0] if len(conditions) == 1 else _all_of(conditions)
        return replace(self._part(node, whole, parts), is_condition=True)

    def _unlike(self, left: Part, right: Part) -> bool:
        return left.unit is not None and right.unit is not None and left.unit != right.unit

    def _check_units(self, node: ast.expr, left: Part, right: Part, at: ast.expr) -> None:
        if self._unlike(left, right):
            self._refuse(node, f"compares {left.unit} with {right.unit}", "compare like with like")
        for metric, number in ((left, right), (right, left)):
            if metric.is_metric and metric.metrics <= _PERCENT and 0 < (number.constant or 0) < 1:
                written = f"{(number.constant or 0) * 100:g}"
                self._warn(
                    at if metric is left else node,
                    f"{number.constant:g} is less than one percent here",
                    f"percent is written {written}, not {number.constant:g}",
                )

    # functions

    def _call(self, node: ast.Call, name: str, depth: int) -> Part | None:
        function = FUNCTIONS.get(name)
        if function is None:
            self._refuse(node.func, f"unknown function {name!r}", _suggestion(name, FUNCTIONS, METRICS))
            return None
        most = function.numbers + function.window
        least = most - (function.default_window is not None)
        if node.keywords or not least <= len(node.args) <= most:
            self._refuse(node, f"{name} is called otherwise", f"write {function.signature}")
            return None
        if any(isinstance(argument, ast.Starred) for argument in node.args):
            self._refuse(node, f"{name} is called otherwise", f"write {function.signature}")
            return None
        if function.of_condition:
            return self._streak(node, function, depth)
        n = self._rows(node, function) if function.window else 1
        parts = self._numbers(node.args[: function.numbers], depth)
        if parts is None or n is None:
            return None
        if function.is_condition:
            return self._crosses(node, name, parts)
        x = parts[0]
        if name == "abs":
            return replace(self._part(node, absolute(x.number), parts), unit=x.unit)
        part = self._part(node, _remembered(ast.unparse(node), over(name, x.number, n)), parts)
        return replace(part, unit=function.unit or x.unit, lookback=x.lookback + rows_before(name, n))

    def _rows(self, node: ast.Call, function: Function) -> int | None:
        if len(node.args) == function.numbers:
            return function.default_window
        match argument := node.args[-1]:
            case ast.Constant(value=int(n)) if not isinstance(n, bool) and 1 <= n <= MAX_WINDOW:
                return n
        written = self._source(argument)
        self._refuse(
            argument,
            f"{written!r} is not a number of rows",
            f"a whole number from 1 to {MAX_WINDOW}: {function.signature}",
        )
        return None

    def _streak(self, node: ast.Call, function: Function, depth: int) -> Part | None:
        c = self._condition(node.args[0], depth)
        if c is None:
            return None
        part = self._part(node, _remembered(ast.unparse(node), streak(c.condition)), [c])
        return replace(part, unit=function.unit, lookback=c.lookback + MAX_STREAK - 1)

    def _crosses(self, node: ast.Call, name: str, parts: Sequence[Part]) -> Part:
        x, y = parts
        above = name == "crosses_above"
        self._check_units(node, x, y, node)
        if not self._comparison_seen:
            self._comparison_seen = True
            self.first_comparison = Comparison(x, "crosses above" if above else "crosses below", y)
        test = _COMPARISONS[ast.Gt if above else ast.Lt][1]
        part = self._part(node, crosses(x.number, y.number, test), parts)
        return replace(part, is_condition=True, lookback=part.lookback + 1)


def _suggestion(name: str, wanted: Mapping[str, object], other: Mapping[str, object]) -> str:
    if name in other:
        return f"{name} is a function: {FUNCTIONS[name].signature}" if name in FUNCTIONS else f"{name} is a metric"
    close = get_close_matches(name, [*wanted, *other], n=1)
    return f"did you mean {close[0]!r}?" if close else "`watcher metrics` lists them"


def _applied(apply: Callable[[float, float], float], a: float, b: float) -> float | None:
    try:
        return finite(apply(a, b))
    except ZeroDivisionError:
        return None


def _compared(left: Part, right: Part, test: Test) -> Condition:
    x, y, limit = left.number, right.number, right.constant
    if limit is not None:

        def against_limit(window: Window, index: int) -> bool | None:
            value = x(window, index)
            return None if value is None else test(value, limit)

        return against_limit

    def compared(window: Window, index: int) -> bool | None:
        a, b = x(window, index), y(window, index)
        return None if a is None or b is None else test(a, b)

    return compared


def _all_of(conditions: Sequence[Condition]) -> Condition:
    def evaluate(window: Window, index: int) -> bool | None:
        verdict: bool | None = True
        for condition in conditions:
            value = condition(window, index)
            if value is False:
                return False
            if value is None:
                verdict = None
        return verdict

    return evaluate


def _any_of(conditions: Sequence[Condition]) -> Condition:
    def evaluate(window: Window, index: int) -> bool | None:
        verdict: bool | None = False
        for condition in conditions:
            value = condition(window, index)
            if value is True:
                return True
            if value is None:
                verdict = None
        return verdict

    return evaluate


def _remembered(text: str, evaluate: Number) -> Number:
    """Evaluate once per row, whoever asks: rules that share a window share its value."""

    def remembered(window: Window, index: int) -> float | None:
        key = (text, index)
        try:
            return window.memo[key]
        except KeyError:
            value = window.memo[key] = evaluate(window, index)
            return value

    return remembered
