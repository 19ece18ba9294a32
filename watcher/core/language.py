"""The `when` language: text, read with Python's own expression syntax, to a checked and compiled Expression.

Nothing of Python itself is reachable: the tree is walked once, each node that is not listed here is a flaw, and what
remains is compiled to closures over `(window, index)`.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from watcher.core import operators
from watcher.core.arithmetic import MIRRORED, OPERATIONS, TESTS, Test, applied, finite
from watcher.core.expression import Comparison, Expression, Part, Value
from watcher.core.functions import FUNCTIONS, MAX_WINDOW, Function
from watcher.core.metrics import METRICS
from watcher.core.syntax import Flaw, Source
from watcher.core.units import in_percent, unit_of, unlike
from watcher.core.window import Window
from watcher.core.windowed import MAX_STREAK, Condition, absolute, crosses, over, rows_before, streak

__all__ = ["Flaw", "parse"]

MAX_DEPTH = 80
"""Parts within parts; about as far as Python's own parser goes."""

_COMPARISONS: Mapping[type[ast.cmpop], str] = {
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_OPERATIONS: Mapping[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_VERBS = {"+": "adds", "-": "subtracts"}
_RADIX = frozenset("xob")
_ALL_THERE_IS = "the language has numbers, metrics, functions, + - * /, comparisons, and, or, not"


def parse(text: str) -> tuple[Expression | None, tuple[Flaw, ...]]:
    """Return the expression written in `text`, or None if it has errors, and all its flaws in order of position."""
    source = Source(text)
    tree = source.tree()
    if isinstance(tree, Flaw):
        return None, (tree,)
    reader = _Reader(source)
    root = reader.condition(tree, 0)
    flaws = tuple(sorted(reader.flaws, key=lambda flaw: (flaw.start, flaw.end)))
    if root is None or reader.first_comparison is None or any(not flaw.warning for flaw in flaws):
        return None, flaws
    return Expression(text, root, reader.first_comparison), flaws


class _Reader:
    """Walks the tree of one text once: collects flaws, compiles parts."""

    def __init__(self, source: Source) -> None:
        self.flaws: list[Flaw] = []
        self.first_comparison: Comparison | None = None
        self._comparison_seen = False
        self._source = source

    def condition(self, node: ast.expr, depth: int) -> Part | None:
        """Return the node as a condition, or None if it is none or has flaws."""
        part = self._read(node, depth)
        if part is not None and not part.is_condition:
            example = f"compare it: {self._source.excerpt(node)} > 15"
            self._refuse(node, "a number stands where a condition is due", example)
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
        if depth > MAX_DEPTH and not isinstance(node, ast.Constant | ast.Name):
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
            case ast.Tuple(elts=[first, *_]):
                _, end = self._source.span(first)
                comma = self._source.text.index(",", end)
                message = "a comma stands only between arguments"
                self.flaws.append(Flaw(comma, comma + 1, message, "a million is written 1_000_000"))
            case _:
                self._refuse(node, f"{self._source.excerpt(node)!r} is not part of the language", _ALL_THERE_IS)
        return None

    def _refuse(self, node: ast.expr | ast.keyword, message: str, suggestion: str) -> None:
        self.flaws.append(Flaw(*self._source.span(node), message, suggestion))

    def _warn(self, node: ast.expr, message: str, suggestion: str) -> None:
        self.flaws.append(Flaw(*self._source.span(node), message, suggestion, warning=True))

    def _part(self, node: ast.expr, evaluate: Callable[[Window, int], Value], parts: Sequence[Part]) -> Part:
        lookback = max((part.lookback for part in parts), default=1)
        metrics = frozenset[str]().union(*(part.metrics for part in parts))
        return Part(*self._source.span(node), evaluate, lookback=lookback, metrics=metrics, parts=tuple(parts))

    # numbers

    def _constant(self, node: ast.expr, value: object) -> Part | None:
        written = self._source.excerpt(node)
        in_tens = written[1:2].lower() not in _RADIX
        if isinstance(value, bool) or not isinstance(value, int | float) or not in_tens:
            self._refuse(node, f"{written} is not a number", "numbers are written 15, 0.5, 50_000_000")
            return None
        try:
            number = finite(float(value))
        except OverflowError:
            number = None
        if number is None:
            self._refuse(node, "this number is too large", "write one below 1e300")
            return None
        return self._fixed(node, number)

    def _fixed(self, node: ast.expr, number: float) -> Part:
        return replace(self._part(node, operators.constant(number), ()), constant=number)

    def _metric(self, node: ast.expr, name: str) -> Part | None:
        if name not in METRICS:
            self._refuse(node, f"unknown metric {self._source.excerpt(node)!r}", _suggestion(name, METRICS, FUNCTIONS))
            return None
        part = self._part(node, operators.metric(name), ())
        return replace(part, metrics=frozenset({name}), unit=METRICS[name].unit)

    def _negative(self, node: ast.UnaryOp, depth: int) -> Part | None:
        part = self._number(node.operand, depth)
        if part is None:
            return None
        if part.constant is not None:
            return self._fixed(node, -part.constant)
        return replace(self._part(node, operators.negative(part.number), [part]), unit=part.unit)

    def _arithmetic(self, node: ast.BinOp, depth: int) -> Part | None:
        parts = self._numbers((node.left, node.right), depth)
        if parts is None:
            return None
        left, right = parts
        sign = _OPERATIONS[type(node.op)]
        operation = OPERATIONS[sign]
        if sign in _VERBS and unlike(left, right):
            verb = _VERBS[sign]
            self._refuse(node, f"{verb} unlike units, {left.unit} and {right.unit}", "bring both to one unit first")
            return None
        if left.constant is not None and right.constant is not None:
            value = applied(operation, left.constant, right.constant)
            if value is None:
                written = self._source.excerpt(node)
                self._refuse(node, f"{written} has no value", "it divides by zero, or is too large for a number")
                return None
            return self._fixed(node, value)
        part = self._part(node, operators.arithmetic(operation, left.number, right.number), parts)
        return replace(part, unit=unit_of(left, sign, right))

    # conditions

    def _not(self, node: ast.UnaryOp, depth: int) -> Part | None:
        part = self.condition(node.operand, depth)
        if part is None:
            return None
        return replace(self._part(node, operators.negated(part.condition), [part]), is_condition=True)

    def _and_or(self, node: ast.BoolOp, depth: int) -> Part | None:
        parts = [self.condition(value, depth) for value in node.values]
        conditions = [part for part in parts if part is not None]
        if len(conditions) < len(parts):
            return None
        joined = operators.all_of if isinstance(node.op, ast.And) else operators.any_of
        evaluate = joined([part.condition for part in conditions])
        return replace(self._part(node, evaluate, conditions), is_condition=True)

    def _compare(self, node: ast.Compare, depth: int) -> Part | None:
        signs = [_COMPARISONS[type(op)] for op in node.ops if type(op) in _COMPARISONS]
        if len(signs) < len(node.ops):
            self._refuse(node, "`in` and `is` are not part of the language", "compare with < <= > >= == !=")
            return None
        is_first = self._is_first_comparison()
        operands = (node.left, *node.comparators)
        parts = self._numbers(operands, depth)
        if parts is None:
            return None
        if is_first:
            self.first_comparison = _as_written(parts[0], signs[0], parts[1])
        conditions = []
        for i, sign in enumerate(signs):
            left, right = parts[i], parts[i + 1]
            self._check_units((operands[i], left), (operands[i + 1], right))
            conditions.append(_compared(TESTS[sign], left, right))
        whole = conditions[0] if len(conditions) == 1 else operators.all_of(conditions)
        return replace(self._part(node, whole, parts), is_condition=True)

    def _is_first_comparison(self) -> bool:
        """Return True once; asked before the operands are read, so that the outer comes before what it compares."""
        is_first, self._comparison_seen = not self._comparison_seen, True
        return is_first

    def _check_units(self, *sides: tuple[ast.expr, Part]) -> None:
        (_, left), (_, right) = sides
        if unlike(left, right):
            message = f"compares {left.unit} with {right.unit}"
            self.flaws.append(Flaw(left.start, right.end, message, "compare like with like"))
        for (_, metric), (at, number) in (sides, sides[::-1]):
            limit = number.constant or 0
            if in_percent(metric) and 0 < limit < 1:
                suggestion = f"percent is written {limit * 100:g}, not {limit:g}"
                self._warn(at, f"{limit:g} is less than one percent here", suggestion)

    # functions

    def _call(self, node: ast.Call, name: str, depth: int) -> Part | None:
        function = FUNCTIONS.get(name)
        if function is None:
            self._refuse(
                node.func,
                f"unknown function {self._source.excerpt(node.func)!r}",
                _suggestion(name, FUNCTIONS, METRICS),
            )
            return None
        if not self._has_its_arguments(node, function):
            return None
        if function.of_condition:
            return self._streak(node, function, depth)
        if function.is_condition:
            return self._crosses(node, name, depth)
        n = self._rows(node, function) if function.window else 1
        parts = self._numbers(node.args[:1], depth)
        if parts is None or n is None:
            return None
        x = parts[0]
        if name == "abs":
            return replace(self._part(node, absolute(x.number), parts), unit=x.unit)
        column = next(iter(x.metrics)) if x.is_metric else None
        part = self._part(node, operators.remembered(ast.unparse(node), over(name, x.number, n, column)), parts)
        return replace(part, unit=function.unit or x.unit, lookback=x.lookback + rows_before(name, n))

    def _has_its_arguments(self, node: ast.Call, function: Function) -> bool:
        for keyword in node.keywords:
            self._refuse(keyword, "arguments have no names here", "write the value alone")
        if node.keywords:
            return False
        most = function.numbers + function.window
        least = most - (function.default_window is not None)
        given = len(node.args)
        if least <= given <= most:
            return True
        due = f"{most} argument{'s'[: most > 1]}" if least == most else f"{least} or {most} arguments"
        self._refuse(node, f"{function.name} takes {due}, not {given}", f"write {function.signature}")
        return False

    def _rows(self, node: ast.Call, function: Function) -> int | None:
        if len(node.args) == 1:
            return function.default_window
        match argument := node.args[1]:
            case ast.Constant(value=int(n)) if not isinstance(n, bool) and 1 <= n <= MAX_WINDOW:
                if n == 1 and function.name in {"stdev", "zscore"}:
                    self._warn(argument, "one row has no standard deviation: this is never known", "write 2 or more")
                return n
        written = self._source.excerpt(argument)
        whole = f"a whole number from 1 to {MAX_WINDOW}: {function.signature}"
        self._refuse(argument, f"{written!r} is not a number of rows", whole)
        return None

    def _streak(self, node: ast.Call, function: Function, depth: int) -> Part | None:
        c = self.condition(node.args[0], depth)
        if c is None:
            return None
        part = self._part(node, operators.remembered(ast.unparse(node), streak(c.condition)), [c])
        return replace(part, unit=function.unit, lookback=c.lookback + MAX_STREAK - 1)

    def _crosses(self, node: ast.Call, name: str, depth: int) -> Part | None:
        is_first = self._is_first_comparison()
        parts = self._numbers(node.args, depth)
        if parts is None:
            return None
        x, y = parts
        sign = ">" if name == "crosses_above" else "<"
        self._check_units((node.args[0], x), (node.args[1], y))
        if is_first:
            self.first_comparison = Comparison(x, name.replace("_", " "), y)
        part = self._part(node, crosses(_compared(TESTS[sign], x, y)), parts)
        return replace(part, is_condition=True, lookback=part.lookback + 1)


def _compared(test: Test, left: Part, right: Part) -> Condition:
    """Return the evaluator of a comparison, the quickest there is: most rules hold a metric to a number."""
    if right.constant is None:
        return operators.compared(test, left.number, right.number)
    if left.is_metric:
        (name,) = left.metrics
        return operators.metric_held_to(test, name, right.constant)
    return operators.held_to(test, left.number, right.constant)


def _as_written(left: Part, sign: str, right: Part) -> Comparison:
    """Return value and limit of a comparison: of a number and something else, the number is the limit."""
    if left.constant is not None:
        return Comparison(right, MIRRORED[sign], left)
    return Comparison(left, sign, right)


def _suggestion(name: str, wanted: Mapping[str, object], other: Mapping[str, object]) -> str:
    if name in other:
        return f"{name} is a function: {FUNCTIONS[name].signature}" if name in FUNCTIONS else f"{name} is a metric"
    close = get_close_matches(name.lower(), [*wanted, *other], n=1)
    return f"did you mean {close[0]!r}?" if close else "`watcher metrics` lists them"
