"""The rule's own words: a message with names in braces, checked once and filled in for each notification.

Braces hold a metric, `symbol`, `rule`, `trade_date`, `since` or `severity`; a metric may have a number format, as in
`{short_ratio:.1f}`. Doubled braces are braces. Nothing is looked up or evaluated beyond that.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import TypeAlias

from watcher.core.language import Flaw
from watcher.core.metrics import METRICS

MAX_LENGTH = 2000
"""Characters; less than any channel carries."""
WORDS = ("symbol", "rule", "trade_date", "since", "severity")
"""What braces hold besides metrics."""
UNKNOWN = "unknown"

TemplateValue: TypeAlias = str | float | date | None

_PIECE = re.compile(r"\{\{|\}\}|(?P<nested>\{[^{}]*\{[^{}]*\}[^{}]*\})|\{(?P<field>[^{}]*)\}|(?P<stray>[{}])")
# sign, width, thousands, then places or d; a width of two digits cannot make a message of gigabytes
_FORMAT = re.compile(r"[-+ ]?(?:0?[1-9][0-9]?)?[,_]?(?:d|(?:\.[0-9]{1,2})?[efgEFG]?)")


@dataclass(frozen=True, slots=True)
class Field:
    """One pair of braces, from character `start` to `end` of the message."""

    start: int
    end: int
    name: str
    form: str
    """The number format; empty if it has none."""


def fields(template: str) -> tuple[Field, ...]:
    """Return the braces that can be filled in, in order."""
    return tuple(piece for piece in _pieces(template) if isinstance(piece, Field))


def flaws(template: str) -> tuple[Flaw, ...]:
    """Return what is wrong with a message, in order of position; nothing, if every pair of braces can be filled in."""
    if not template.strip():
        return (Flaw(0, len(template), "there are no words here", "leave message out for the usual words"),)
    if len(template) > MAX_LENGTH:
        return (Flaw(0, len(template), f"longer than {MAX_LENGTH} characters", "channels carry no more"),)
    return tuple(piece for piece in _pieces(template) if isinstance(piece, Flaw))


def fill(template: str, values: Mapping[str, TemplateValue]) -> str:
    """Return the message with every pair of braces filled in; what is missing, None or no number reads `unknown`.

    Never fails: braces that `flaws` complains of stay as they are.
    """

    def filled(match: re.Match[str]) -> str:
        piece = _piece(match)
        if isinstance(piece, Field):
            return _written(values.get(piece.name), piece.form)
        return match.group() if piece else match.group()[0]

    return _PIECE.sub(filled, template)


def _pieces(template: str) -> Iterator[Field | Flaw]:
    for match in _PIECE.finditer(template):
        if piece := _piece(match):
            yield piece


def _piece(match: re.Match[str]) -> Field | Flaw | None:
    """Return the field or the flaw that was found; None for a doubled brace."""
    start, end = match.span()
    if match["nested"]:
        return Flaw(start, end, "braces within braces", "a format is written out: {short_ratio:.1f}")
    if brace := match["stray"]:
        missing = "}" if brace == "{" else "{"
        return Flaw(start, end, f"a brace without its {missing!r}", f"for the brace itself write {brace * 2}")
    if match["field"] is None:
        return None
    name, colon, form = match["field"].partition(":")
    if name not in METRICS and name not in WORDS:
        return Flaw(start + 1, start + 1 + max(len(name), 1), *_unknown(name))
    at_form = start + 1 + len(name) + len(colon)
    if form and name in WORDS:
        return Flaw(at_form, end - 1, f"{name} is not a number, and takes no format", f"write {{{name}}}")
    if not _FORMAT.fullmatch(form):
        say = "percent is a number here, 15" if form.endswith("%") else "for example .1f or ,.0f"
        return Flaw(at_form, end - 1, f"{form!r} is not a number format", say)
    return Field(start, end, name, form)


def _unknown(name: str) -> tuple[str, str]:
    if not name:
        return "there is no name in these braces", "for the braces themselves write {{}}"
    close = get_close_matches(name.strip(), [*METRICS, *WORDS], n=1)
    suggestion = f"did you mean {close[0]!r}?" if close else f"a metric, {', '.join(WORDS[:-1])} or {WORDS[-1]}"
    return f"unknown name {name!r} in a message", suggestion


def _written(value: TemplateValue, form: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, date):
        return value.isoformat()
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if form.endswith("d"):
        return format(round(value), form)
    return format(value, form) if form else _plain(value)


def _plain(value: float) -> str:
    """Return the number as people write it: thousands apart, four decimals at most, none where there are none."""
    if value and abs(value) < 1e-3:
        return f"{value:.4g}"
    return f"{value:,.4f}".rstrip("0").rstrip(".")
