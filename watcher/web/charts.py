"""Curves as SVG: pure functions from values to markup, in which every text is escaped."""

import math
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from html import escape
from typing import TypeGuard

from watcher.core.alert import Phase
from watcher.web.lines import Chart, Trend

_SPARK_WIDTH, _SPARK_HEIGHT, _SPARK_EDGE = 240, 60, 8
_HEIGHT, _TOP, _BOTTOM, _EDGE = 520, 36, 48, 8
_WIDTH, _PRICE_WIDTH = 1440, 720
"""The close price stands beside the rest, half as wide."""
_TICKS, _MOST_MONTHS = 4, 6
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_MOST_DIGITS, _TOO_LONG = 6, 1e16
_LETTERS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))

Points = Sequence[float | None]


class _Scale:
    """Values to heights and indices to places, within a frame."""

    def __init__(self, count: int, values: Points, width: float, top: float, bottom: float, edge: float = 0) -> None:
        known = [value for value in values if _known(value)]
        self.low, self.high = min(known, default=0.0), max(known, default=1.0)
        if self.low == self.high:
            room = abs(self.low) * 0.1 or 1.0
            # the largest numbers have none above them
            self.low, self.high = max(self.low - room, -sys.float_info.max), min(self.high + room, sys.float_info.max)
        self.span = self.low, self.high
        self._top, self._bottom = top, bottom
        self._edge = edge
        self.step = (width - 2 * edge) / max(count - 1, 1)

    def x(self, index: float) -> str:
        return _short(self._edge + index * self.step)

    def y(self, value: float) -> str:
        # halved first: the difference of two numbers can be too large for one
        part = (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)
        return _short(self._bottom - part * (self._bottom - self._top))

    def path(self, values: Points) -> str:
        """Return a line through the values, broken where one is unknown; one that stands alone is a dot."""
        pieces: list[str] = []
        down = False
        for index, value in enumerate(values):
            if not _known(value):
                down = False
                continue
            alone = not down and (index + 1 == len(values) or not _known(values[index + 1]))
            pieces.append(f"{'L' if down else 'M'}{self.x(index)} {self.y(value)}{'h0' if alone else ''}")
            down = True
        return "".join(pieces)


def sparkline(trend: Trend, phase: Phase) -> str:
    """Return the last sessions as a small line, with the limit, and a dot for the newest."""
    scale = _Scale(
        len(trend.values),
        [*trend.values, *trend.limits],
        _SPARK_WIDTH,
        _SPARK_EDGE,
        _SPARK_HEIGHT - _SPARK_EDGE,
        _SPARK_EDGE,
    )
    newest = trend.values[-1] if trend.values else None
    dot = ""
    if _known(newest):
        dot = f'<circle class="{phase}" cx="{scale.x(len(trend.values) - 1)}" cy="{scale.y(newest)}" r="6"/>'
    return (
        f'<svg class="spark" role="img" viewBox="0 0 {_SPARK_WIDTH} {_SPARK_HEIGHT}">'
        f"<title>{escape(trend.words)}</title>"
        f"{_curve(scale, trend.limits, 'limit')}{_curve(scale, trend.values, 'value')}{dot}</svg>"
    )


def chart(drawn: Chart) -> str:
    """Return curves over the same sessions, with a grid, and what is shaded behind them."""
    width = _PRICE_WIDTH if all(curve.role == "price" for curve in drawn.curves) else _WIDTH
    values = [value for curve in drawn.curves for value in curve.values]
    scale = _Scale(len(drawn.dates), values, width, _TOP, _HEIGHT - _BOTTOM, _EDGE)
    unit = drawn.curves[0].unit if drawn.curves else ""
    lines = [(scale.y(value), f"{text} {unit}" if unit in {"%", "×"} else text) for value, text in ticks(*scale.span)]
    pieces = [
        f'<svg class="chart w{width}" role="img" viewBox="0 0 {width} {_HEIGHT}"><title>{escape(drawn.words)}</title>',
        *_shades(scale, drawn.shaded, width),
        *(f'<path class="grid" d="M0 {y}H{width}"/>' for y, _ in lines),
        *_months(scale, drawn.dates),
        *(_curve(scale, curve.values, curve.role) for curve in reversed(drawn.curves)),
        *(f'<text x="4" y="{y}" dy="-6">{escape(text)}</text>' for y, text in lines),
        "</svg>",
    ]
    return "".join(pieces)


def _curve(scale: _Scale, values: Points, role: str) -> str:
    path = scale.path(values)
    return f'<path class="{escape(role)}" d="{path}"/>' if path else ""


def _shades(scale: _Scale, shaded: Sequence[tuple[int, int]], width: float) -> Iterator[str]:
    for first, last in shaded:
        left = max(_EDGE + (first - 0.5) * scale.step, 0)
        right = min(_EDGE + (last + 0.5) * scale.step, width)
        x, long = _short(left), _short(max(right - left, 4))
        yield f'<rect class="episode" x="{x}" y="0" width="{long}" height="{_HEIGHT - _BOTTOM}"/>'
        yield f'<path class="mark" d="M{x} 2h{long}"/>'


def _months(scale: _Scale, dates: Sequence[date]) -> Iterator[str]:
    """Yield the first session of each month, or of every so many months, by its month."""
    firsts = [i for i, when in enumerate(dates) if i and when.month != dates[i - 1].month]
    every = next((n for n in (1, 2, 3, 6, 12) if len(firsts) <= n * _MOST_MONTHS), 24)
    for index in firsts:
        when = dates[index]
        if (when.year * 12 + when.month - 1) % every:
            continue
        x, floor = scale.x(index), _HEIGHT - _BOTTOM
        yield f'<path class="grid" d="M{x} {floor}v10"/>'
        if 0.05 < index / len(dates) < 0.95:  # at the edges there is no room for it
            yield f'<text class="month" x="{x}" y="{_HEIGHT - 8}">{when:%Y-%m}</text>'


def ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Return a few round numbers between two others, and how they are written."""
    rough = (high / _TICKS) - (low / _TICKS)
    size = 10.0 ** math.floor(math.log10(rough)) if math.isfinite(rough) and rough > 0 else 0.0
    if not size:
        return []
    step = next((size * step for step in _STEPS if size * step >= rough), size * 10)
    first = math.ceil(low / step)
    found = [(first + n) * step for n in range(_TICKS + 2) if low <= (first + n) * step <= high]
    largest = max(abs(low), abs(high))
    if largest >= _TOO_LONG:
        return [(value, f"{value:.2g}") for value in found]
    scale, letter = next(((s, x) for s, x in _LETTERS if largest >= 10 * s), (1.0, ""))
    digits = next((n for n in range(_MOST_DIGITS) if math.isclose(round(step / scale, n), step / scale)), _MOST_DIGITS)
    return [(value, f"{value / scale:,.{digits}f}{letter}") for value in found]


def _known(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def _short(number: float) -> str:
    """Return a place in whole units, of which a pixel has two: less is seen by nobody."""
    return f"{number:.0f}"
