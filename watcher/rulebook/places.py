"""Where every key and value of a TOML text stands."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import tomli
import tree_sitter_toml
from tree_sitter import Language, Node, Parser

from watcher.rulebook.span import KeyPath, Span
from watcher.rulebook.strings import blanked

_LANGUAGE = Language(tree_sitter_toml.language())
_HEADER = re.compile(r"[ \t]*(?P<open>\[\[?)[ \t]*(?P<keys>[\w.\-]+)[ \t]*\]")
_PAIR = re.compile(r"[ \t]*(?P<keys>[\w\-]+(?:[ \t]*\.[ \t]*[\w\-]+)*)[ \t]*=")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key and its value are; of a table, the value is its header."""

    key: Span
    value: Span


@dataclass(slots=True)
class _Found:
    """What was found so far, and the index of the newest element of each array of tables."""

    places: dict[KeyPath, Place] = field(default_factory=dict)
    arrays: dict[KeyPath, int] = field(default_factory=dict)

    def table(self, keys: Sequence[tuple[str, Span]], header: Span, *, element: bool) -> KeyPath:
        """Note a table's header; return the path of its content."""
        path: KeyPath = ()
        for index, (key, span) in enumerate(keys):
            path = (*path, key)
            self.places.setdefault(path, Place(span, header))
            if element and index == len(keys) - 1:
                self.arrays[path] = self.arrays.get(path, -1) + 1
            if path in self.arrays:
                path = (*path, self.arrays[path])
                self.places.setdefault(path, Place(span, header))
        return path

    def pair(self, within: KeyPath, keys: Sequence[tuple[str, Span]], value: Span) -> KeyPath:
        """Note a key and its value; return its path."""
        path = within
        for key, span in keys:
            path = (*path, key)
            self.places.setdefault(path, Place(span, span))
        self.places[path] = Place(keys[-1][1], value)
        return path


@dataclass(frozen=True, slots=True)
class Places:
    """All places of one text."""

    by_path: Mapping[KeyPath, Place]
    exact: bool
    """False if only lines are known: the grammar at hand does not know all that TOML 1.1 allows."""

    def nearest(self, path: KeyPath) -> tuple[Place, bool]:
        """Return the place of `path`, or of what it is in, and whether it is the very place."""
        for length in range(len(path), 0, -1):
            if place := self.by_path.get(path[:length]):
                return place, self.exact and length == len(path)
        return Place(Span(0, 0), Span(0, 0)), False


def places(text: str) -> Places:
    """Return the places of a text that is valid TOML, with line feeds at the end of its lines."""
    # the grammar counts bytes, and does not know all escapes; in a blanked text bytes are characters, and none escaped
    tree = Parser(_LANGUAGE).parse(blanked(text).encode())
    if tree.root_node.has_error:
        return Places(_lines(text), exact=False)
    reader = _TreeReader(text)
    for node in tree.root_node.children:
        reader.read(node)
    return Places(reader.found.places, exact=True)


class _TreeReader:
    """Notes the places of one syntax tree."""

    def __init__(self, text: str) -> None:
        self.found = _Found()
        self._text = text

    def read(self, node: Node) -> None:
        match node.type:
            case "pair":
                self._pair((), node)
            case "table" | "table_array_element":
                self._table(node)

    def _table(self, node: Node) -> None:
        opening, key, closing = [child for child in node.children if child.type != "comment"][:3]
        header = Span(_span(opening).start, _span(closing).end)
        path = self.found.table(self._keys(key), header, element=node.type == "table_array_element")
        for child in node.children:
            if child.type == "pair":
                self._pair(path, child)

    def _pair(self, within: KeyPath, node: Node) -> None:
        key, _, value = [child for child in node.children if child.type != "comment"][:3]
        self._value(self.found.pair(within, self._keys(key), _span(value)), value)

    def _value(self, path: KeyPath, node: Node) -> None:
        if node.type == "inline_table":
            for child in node.children:
                if child.type == "pair":
                    self._pair(path, child)
        if node.type == "array":
            items = (child for child in node.children if child.is_named and child.type != "comment")
            for index, item in enumerate(items):
                span = _span(item)
                self.found.places[(*path, index)] = Place(span, span)
                self._value((*path, index), item)

    def _keys(self, node: Node) -> list[tuple[str, Span]]:
        if node.type == "dotted_key":
            return [key for child in node.children if child.is_named for key in self._keys(child)]
        span = _span(node)
        written = self._text[span.start : span.end]
        return [(next(iter(tomli.loads(f"{written} = 0"))), span)]


def _span(node: Node) -> Span:
    return Span(node.start_byte, node.end_byte)


def _lines(text: str) -> Mapping[KeyPath, Place]:
    """Return the lines of headers and pairs, as far as they can be told by the look of a line."""
    found, within, start = _Found(), KeyPath(), 0
    for line in text.split("\n"):
        whole = Span(start + len(line) - len(line.lstrip()), start + len(line.rstrip()))
        if header := _HEADER.match(line):
            within = found.table(_bare(header["keys"], whole), whole, element=header["open"] == "[[")
        elif pair := _PAIR.match(line):
            found.pair(within, _bare(pair["keys"], whole), whole)
        start += len(line) + 1
    return found.places


def _bare(keys: str, line: Span) -> list[tuple[str, Span]]:
    parts: Iterable[str] = (part.strip() for part in keys.split("."))
    return [(part, line) for part in parts]
