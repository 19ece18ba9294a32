"""The `when` language a second time, slow and plain: the oracle that the compiled one has to agree with.

Written from the contract, and sharing nothing with it: each call walks the tree anew and looks up what it needs.
"""

import ast
import math
from collections.abc import Sequence
from datetime import date

from watcher.core.market import HkRow, Position, Row

Value = float | bool | None


def evaluate(text: str, rows: Sequence[Row], positions: Sequence[Position], index: int) -> Value:
    """Return the value of `text` on row `index` of `rows`, oldest first; None where it is unknown."""
    tree = ast.parse(text.strip(), mode="eval").body
    return _Plain(rows, positions).value(tree, index)


def near(a: float, b: float) -> bool:
    return abs(a - b) <= max(1e-9 * max(abs(a), abs(b)), 1e-12)


class _Plain:
    def __init__(self, rows: Sequence[Row], positions: Sequence[Position]) -> None:
        self.rows = rows
        self.positions = positions

    def value(self, node: ast.expr, i: int) -> Value:
        if i < 0:
            return None
        if isinstance(node, ast.Constant):
            assert isinstance(node.value, int | float)
            return float(node.value)
        if isinstance(node, ast.Name):
            return self.metric(node.id, i)
        if isinstance(node, ast.UnaryOp):
            operand = self.value(node.operand, i)
            if operand is None:
                return None
            return (not operand) if isinstance(node.op, ast.Not) else -operand
        if isinstance(node, ast.BinOp):
            return self.arithmetic(node.op, self.number(node.left, i), self.number(node.right, i))
        if isinstance(node, ast.BoolOp):
            parts = [self.value(part, i) for part in node.values]
            return all_of(parts) if isinstance(node.op, ast.And) else inverse(all_of([inverse(part) for part in parts]))
        if isinstance(node, ast.Compare):
            sides = [self.number(side, i) for side in (node.left, *node.comparators)]
            return all_of([compare(op, sides[k], sides[k + 1]) for k, op in enumerate(node.ops)])
        assert isinstance(node, ast.Call)
        assert isinstance(node.func, ast.Name)
        return self.call(node.func.id, node.args, i)

    def number(self, node: ast.expr, i: int) -> float | None:
        value = self.value(node, i)
        assert not isinstance(value, bool)
        return value

    def arithmetic(self, op: ast.operator, a: float | None, b: float | None) -> float | None:
        if a is None or b is None:
            return None
        if isinstance(op, ast.Add):
            return finite(a + b)
        if isinstance(op, ast.Sub):
            return finite(a - b)
        if isinstance(op, ast.Mult):
            return finite(a * b)
        return divide(a, b)

    def call(self, name: str, arguments: list[ast.expr], i: int) -> Value:
        x = arguments[0]
        if name == "abs":
            value = self.number(x, i)
            return None if value is None else abs(value)
        if name == "streak":
            return self.streak(x, i)
        if name in {"crosses_above", "crosses_below"}:
            was, now = (ast.LtE(), ast.Gt()) if name == "crosses_above" else (ast.GtE(), ast.Lt())
            y = arguments[1]
            before = compare(was, self.number(x, i - 1), self.number(y, i - 1))
            return all_of([before, compare(now, self.number(x, i), self.number(y, i))])
        n = 1
        if len(arguments) == 2:
            assert isinstance(arguments[1], ast.Constant)
            n = int(str(arguments[1].value))
        new, old = self.number(x, i), self.number(x, i - n)
        if name == "prev":
            return old
        if name == "change":
            return None if new is None or old is None else finite(new - old)
        if name == "pct_change":
            return None if new is None or old is None or old == 0 else finite((new - old) / old * 100)
        if name == "zscore":
            before_this = self.last(x, i - 1, n)
            deviation = None if before_this is None else stdev(before_this)
            if new is None or before_this is None or deviation is None or deviation == 0:
                return None
            return finite((new - math.fsum(before_this) / n) / deviation)
        rows = self.last(x, i, n)
        return None if rows is None else self.over(name, rows)

    def over(self, name: str, rows: list[float]) -> float | None:
        ordered = sorted(rows)
        try:
            if name == "mean":
                return math.fsum(rows) / len(rows)
            if name == "median":
                low, high = ordered[(len(rows) - 1) // 2], ordered[len(rows) // 2]
                return low if len(rows) % 2 else finite((low + high) / 2)
            if name == "stdev":
                return stdev(rows)
        except OverflowError:
            return None
        if name == "min":
            return ordered[0]
        if name == "max":
            return ordered[-1]
        assert name == "rank"
        return 100.0 * len([row for row in rows if row < rows[-1] or near(row, rows[-1])]) / len(rows)

    def last(self, x: ast.expr, i: int, n: int) -> list[float] | None:
        found = [self.number(x, j) for j in range(i - n + 1, i + 1)]
        known = [value for value in found if value is not None]
        return known if len(known) == n else None

    def streak(self, c: ast.expr, i: int) -> float | None:
        if self.value(c, i) is None:
            return None
        count = 0
        for j in range(i, i - 90, -1):
            if self.value(c, j) is not True:
                break
            count += 1
        return float(count)

    def metric(self, name: str, i: int) -> float | None:
        row = self.rows[i]
        hk = isinstance(row, HkRow)
        match name:
            case "short_shares":
                return self.metric("short_sell_shares_traded" if hk else "total_shares_short", i)
            case "traded_shares":
                return self.metric("shares_traded" if hk else "volume", i)
            case "short_ratio":
                return times_100(divide(self.metric("short_shares", i), self.metric("traded_shares", i)))
            case "short_turnover_ratio":
                return times_100(divide(self.metric("short_sell_turnover", i), self.metric("turnover", i)))
            case "short_vs_average":
                return divide(self.metric("short_ratio", i), self.metric("daily_trade_avg_ratio", i))
            case "price_change":
                close, last = self.metric("close_price", i), self.metric("last_close_price", i)
                return None if close is None or last is None else times_100(divide(close - last, last))
            case "aggregated_short" | "aggregated_short_ratio":
                return self.position(name, row.trade_date)
        value = row._asdict()[name]
        return None if value is None else float(value)

    def position(self, name: str, trade_date: date) -> float | None:
        arrived = [position for position in self.positions if position.trade_date <= trade_date]
        if not arrived:
            return None
        newest = max(arrived, key=lambda position: (position.trade_date, position.as_of))
        value = newest._asdict()[name]
        return None if value is None else float(value)


def finite(value: float) -> float | None:
    return None if math.isinf(value) or math.isnan(value) else value


def divide(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None or b == 0 else finite(a / b)


def times_100(value: float | None) -> float | None:
    return None if value is None else finite(value * 100)


def stdev(rows: list[float]) -> float | None:
    if len(rows) == 1:
        return None
    if all(near(a, b) for a in rows for b in rows):
        return 0.0
    mean = math.fsum(rows) / len(rows)
    return finite(math.sqrt(math.fsum((row - mean) * (row - mean) for row in rows) / (len(rows) - 1)))


def inverse(value: Value) -> bool | None:
    return None if value is None else not value


def all_of(values: Sequence[Value]) -> bool | None:
    if any(value is False for value in values):
        return False
    return None if any(value is None for value in values) else True


def compare(op: ast.cmpop, a: float | None, b: float | None) -> bool | None:
    if a is None or b is None:
        return None
    if near(a, b):
        return isinstance(op, ast.Eq | ast.GtE | ast.LtE)
    if isinstance(op, ast.Eq | ast.NotEq):
        return isinstance(op, ast.NotEq)
    return (a > b) == isinstance(op, ast.Gt | ast.GtE)
