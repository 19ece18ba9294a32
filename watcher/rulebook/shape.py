"""What the tables of one file look like: keys and types, and what remains when those that are wrong are left out."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from watcher.rulebook.problem import MOST_PROBLEMS, Problem
from watcher.rulebook.source import Source, Spot
from watcher.rulebook.span import KeyPath
from watcher.rulebook.syntax import TomlTable
from watcher.rulebook.tables import ChannelTable, OperatorTable, RuleKeys, RulesFile, RuleTable
from watcher.rulebook.wording import Tables, in_words, is_key, path_of

_BLANKS: Mapping[KeyPath, object] = {("rule",): {}, ("channels",): {}, ("lists",): [""]}
"""What stands for an element of these that is of the wrong type: it is there, and nothing more is known of it."""
_BLANK_RULE = {"name": "", "symbols": [], "when": ""}
_TABLES: Tables = {
    (): RulesFile,
    ("defaults",): RuleKeys,
    ("operator",): OperatorTable,
    ("channels",): ChannelTable,
    ("rule",): RuleTable,
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


def shape(source: Source, document: TomlTable, known: Tables = _TABLES) -> tuple[Shape | None, tuple[Problem, ...]]:
    """Return what is sound of a file's tables, and the problems of the rest; nothing, if they are too many."""
    order = tuple(document)
    try:
        return Shape(source, RulesFile.model_validate(document), order, frozenset()), ()
    except ValidationError as error:
        details = error.errors(include_url=False)
    problems = tuple(in_words(source.root, detail, {**_TABLES, **known}) for detail in details[: MOST_PROBLEMS + 1])
    if len(details) > MOST_PROBLEMS:
        return None, problems
    unsound = frozenset(path_of(detail) for detail in details if not is_key(detail))
    return Shape(source, _construct(_without(document, unsound)), order, unsound), problems


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
