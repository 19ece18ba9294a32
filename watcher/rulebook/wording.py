"""What is wrong with the keys and types of a table, in plain words."""

import math
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from typing import TypeAlias

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from watcher.rulebook.closest import did_you_mean
from watcher.rulebook.problem import Problem, quoted
from watcher.rulebook.source import Spot
from watcher.rulebook.span import KeyPath
from watcher.rulebook.tables import MAX_NAME

Tables: TypeAlias = Mapping[tuple[str, ...], type[BaseModel]]
"""The tables of a file by the keys that lead to them, `()` being the file itself."""

_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "true or false"),
    (str, "text"),
    (int, "a whole number"),
    (float, "a number with decimals"),
    (list, "a list"),
    (dict, "a table"),
    ((date, datetime, time), "a date or time"),
)
_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a table",
    "date_type": "a date, 2026-06-05",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "literal_error": "text",
}


def is_key(detail: ErrorDetails) -> bool:
    """Return True if the error is about the name of a list or channel, not about what it names."""
    return detail["loc"][-1] == "[key]" and detail["type"].startswith("string_")


def path_of(detail: ErrorDetails) -> KeyPath:
    """Return what the error is about."""
    return detail["loc"][:-1] if is_key(detail) else detail["loc"]


def in_words(root: Spot, detail: ErrorDetails, tables: Tables) -> Problem:
    """Return the problem that pydantic found in a file of these tables."""
    spot, kind = root.at(*path_of(detail)), detail["type"]
    if is_key(detail):
        return spot.on_key(*_bad_name(str(spot.path[-1])))
    if kind == "extra_forbidden":
        return spot.on_key(f"unknown key {quoted(spot.path[-1])}", _known_key(spot.path, tables))
    if kind == "missing":
        return Spot(spot.source, spot.path[:-1]).on_value(f"there is no {spot.path[-1]!r} here", _example(spot.path))
    value, context = detail["input"], detail.get("ctx", {})
    match kind:
        case "string_pattern_mismatch" | "string_too_long":
            return spot.on_value(*_bad_name(str(value)))
        case "string_too_short":
            return spot.on_value("there is nothing between these quotes", "name something, or leave it out")
        case "too_short":
            return spot.on_value(f"{_last_key(spot.path)!r} has nothing in it", _example(spot.path))
        case "greater_than_equal":
            return spot.on_value(f"expected {context['ge']} or more, got {value}", "counts are sessions")
        case "less_than_equal":
            return spot.on_value(f"expected {context['le']} or less, got {quoted(value)}", "counts are sessions")
        case "literal_error" if isinstance(value, str):
            names = re.findall(r"'(\w+)'", context["expected"])
            what = "severity" if _last_key(spot.path).endswith("severity") else _last_key(spot.path)
            one_of = f"{', '.join(names[:-1])} or {names[-1]}"
            return spot.on_text(f"unknown {what} {quoted(value)}", did_you_mean(value, names) or one_of)
    expected = _EXPECTED.get(kind)
    if expected is None:
        return spot.on_value(detail["msg"][:1].lower() + detail["msg"][1:])
    if spot.path == ("rule",):
        return spot.on_value(f"expected a list of tables, got {_kind(value)}", "a rule begins with [[rule]]")
    return spot.on_value(f"expected {expected}, got {_kind(value)}", _rewritten(kind, value))


def _bad_name(name: str) -> tuple[str, str]:
    if len(name) > MAX_NAME:
        return f"a name of {len(name)} characters", f"{MAX_NAME} at most"
    return f"{quoted(name)} is not a name", "names are letters, digits, - and _"


def _kind(value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return next((name for types, name in _KINDS if isinstance(value, types)), "something else")


def _rewritten(kind: str, value: object) -> str | None:
    """Return how the value would be written, where it is easily told."""
    match kind, value:
        case "int_type", str() if re.fullmatch(r"[0-9]{1,4}", value):
            return f"write {value}, without quotes"
        case "int_type", float() if value.is_integer() and 0 <= value < 1e4:
            return f"write {value:.0f}"
        case "bool_type", str() if value.lower() in {"true", "false"}:
            return f"write {value.lower()}, without quotes"
        case "bool_type", _:
            return "write true or false"
        case "list_type", str() if len(value) <= 40:
            return f'write ["{value}"]'
        case "model_type", str():
            return "its URL is a setting: write [channels.NAME]" if "://" in value else None
    return None


def _known_key(path: KeyPath, tables: Tables) -> str | None:
    names = tuple(key for key in path[:-1] if isinstance(key, str))
    table = tables.get(names) or tables.get(names[:1])
    known = list(_keys(table)) if table else []
    if question := did_you_mean(str(path[-1]), known):
        return question
    if len(path) > 2 and path[0] == "channels" and path[-1] == "url":
        return "a channel's URL is a setting: it does not belong here"
    return f"known are {', '.join(known)}"


def _keys(table: type[BaseModel]) -> Iterator[str]:
    for name, field in table.model_fields.items():
        yield field.alias or name


def _example(path: KeyPath) -> str | None:
    return {
        "name": 'for example name = "crowded"',
        "symbols": 'for example symbols = ["HK.00700", "US.AAPL"]',
        "when": 'for example when = "short_percent > 40"',
        "notify": 'for example notify = ["console"]',
        "symbol": 'for example symbol = "US.AAPL"',
        "date": "for example date = 2026-06-05",
        "kind": 'for example kind = "opened"',
    }.get(_last_key(path))


def _last_key(path: KeyPath) -> str:
    return next((key for key in reversed(path) if isinstance(key, str)), "")
