"""What the tables of one file look like: keys and types, and what remains when those that are wrong are left out."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from watcher.rulebook.closest import did_you_mean
from watcher.rulebook.problem import Problem, quoted
from watcher.rulebook.source import Source, Spot
from watcher.rulebook.span import KeyPath
from watcher.rulebook.syntax import TomlTable
from watcher.rulebook.tables import (
    MAX_NAME,
    ChannelTable,
    OperatorTable,
    RuleKeys,
    RulesFile,
    RuleTable,
)

_BLANKS: Mapping[KeyPath, object] = {("rule",): {}, ("channels",): {}, ("lists",): [""]}
"""What stands for an element of these that is of the wrong type: it is there, and nothing more is known of it."""
_BLANK_RULE = {"name": "", "symbols": [], "when": ""}
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
    "model_type": "a table",
    "model_attributes_type": "a table",
    "literal_error": "text",
}
_TABLES: Mapping[str, type[BaseModel]] = {
    "defaults": RuleKeys,
    "operator": OperatorTable,
    "channels": ChannelTable,
    "rule": RuleTable,
}


@dataclass(frozen=True, slots=True)
class Shape:
    """The tables of one file, each key of its type.

    Where something was of the wrong type, or missing, and has been complained of, it is left out, or blank if it
    cannot be: blank is never what the person wrote.
    """

    source: Source
    tables: RulesFile
    order: tuple[str, ...]
    """The top-level keys in the order they stand in the file."""
    unsound: frozenset[KeyPath]
    """What was left out."""

    @property
    def root(self) -> Spot:
        """The file itself."""
        return self.source.root

    @property
    def has_defaults(self) -> bool:
        """True if it has [defaults]."""
        return "defaults" in self.tables.model_fields_set

    @property
    def has_operator(self) -> bool:
        """True if it has [operator]."""
        return "operator" in self.tables.model_fields_set


def shape(source: Source, document: TomlTable) -> tuple[Shape, tuple[Problem, ...]]:
    """Return what is sound of a file's tables, and the problems of the rest."""
    order = tuple(document)
    try:
        return Shape(source, RulesFile.model_validate(document), order, frozenset()), ()
    except ValidationError as error:
        details = error.errors(include_url=False)
    problems = tuple(_problem(source.root, detail) for detail in details)
    unsound = frozenset(_path(detail) for detail in details if not _is_key(detail))
    return Shape(source, _construct(_without(document, unsound)), order, unsound), problems


def _is_key(detail: ErrorDetails) -> bool:
    """True if the error is about the name of a list or channel, not about what it names."""
    return detail["loc"][-1] == "[key]" and detail["type"].startswith("string_")


def _path(detail: ErrorDetails) -> KeyPath:
    return detail["loc"][:-1] if _is_key(detail) else detail["loc"]


# leaving out what is wrong


def _without(document: TomlTable, unsound: Iterable[KeyPath]) -> TomlTable:
    """Return a copy without what is wrong; in lists it is blanked instead, so that the others keep their index."""
    rest = deepcopy(document)
    for path in unsound:
        # Any: these are a TOML file's values, of whatever type they came in
        inside: Any = rest
        for key in path[:-1]:
            inside = inside[key]
        last: Any = path[-1]
        if len(path) > 1 and path[:-1] in _BLANKS:
            inside[last] = deepcopy(_BLANKS[path[:-1]])
        elif isinstance(inside, list):
            inside[last] = ""
        else:
            inside.pop(last, None)
    return rest


def _construct(sound: Mapping[str, Any]) -> RulesFile:  # Any: every value in it has been checked one by one
    made = dict(sound)
    if "defaults" in sound:
        made["defaults"] = RuleKeys.model_construct(**sound["defaults"])
    if "operator" in sound:
        made["operator"] = OperatorTable.model_construct(**sound["operator"])
    if "channels" in sound:
        made["channels"] = {name: ChannelTable.model_construct(**table) for name, table in sound["channels"].items()}
    if "rule" in sound:
        made["rule"] = [RuleTable.model_construct(**(_BLANK_RULE | table)) for table in sound["rule"]]
    return RulesFile.model_construct(**made)


# plain words


def _problem(root: Spot, detail: ErrorDetails) -> Problem:
    spot, kind = root.at(*_path(detail)), detail["type"]
    if _is_key(detail):
        return spot.on_key(*_bad_name(str(spot.path[-1])))
    if kind == "extra_forbidden":
        return spot.on_key(f"unknown key {quoted(spot.path[-1])}", _known_key(spot.path))
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
            return spot.on_text(
                f"unknown severity {quoted(value)}", did_you_mean(value, names) or "info, warning or critical"
            )
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


def _known_key(path: KeyPath) -> str | None:
    table = _TABLES.get(str(path[0])) if len(path) > 1 else RulesFile
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
    }.get(_last_key(path))


def _last_key(path: KeyPath) -> str:
    return next((key for key in reversed(path) if isinstance(key, str)), "")
