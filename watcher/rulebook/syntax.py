"""TOML: from text to tables, or to the place where it stops being TOML."""

import re
from typing import TypeAlias

import tomli

from watcher.rulebook.problem import Problem
from watcher.rulebook.source import Source
from watcher.rulebook.span import Span
from watcher.rulebook.strings import COMMENT, STRING

TomlTable: TypeAlias = dict[str, object]

MAX_NESTING = 50
"""Brackets within brackets, and parts of a dotted key; three are ever needed."""
MAX_VALUES = 20_000
"""Keys, values and tables; ten thousand symbols are half of it."""
MAX_WORD = 300
"""Characters of a number or a bare key; Python refuses to read 5,000 digits."""

_CLOSING = re.compile(r"[ \t]*\]{0,2}")
_TOKEN = re.compile(
    rf"(?P<string>{STRING})|(?P<word>[\w+\-]++)|(?P<dot>\.)|(?P<open>[\[{{])|(?P<close>[\]}}])|(?:[=,\n]|{COMMENT})++",
    re.DOTALL,
)

_COUNTED = frozenset({"string", "word", "open"})
_OF_A_KEY = frozenset({"string", "word", "dot"})
_DEEPER = {"open": 1, "close": -1}

_SAID: tuple[tuple[re.Pattern[str], str, str | None], ...] = tuple(
    (re.compile(pattern), message, suggestion)
    for pattern, message, suggestion in (
        (r"Cannot overwrite a value", "this is set already", "every key and table once"),
        (r"Cannot declare .* twice", "this table is there already", "put the keys of both under one header"),
        (r"Cannot (?:mutate|redefine)", "this table is complete already", "write all of it in one place"),
        (r"Duplicate inline table key", "this key is set already", "every key once"),
        (r"Expected '=' after", "expected = after the key", 'a key is written name = "value"'),
        (r"Expected newline or end", "expected the end of the line", "one key to a line, text in quotes"),
        (r"Expected '\]' at", "expected ] at the end of the header", None),
        (r"Expected '\]\]' at", "expected ]] at the end of the header", "a rule begins with [[rule]]"),
        (r"Expected '\"\"\"'|Expected \"'''\"|Unterminated string", "this text has no end", "close its quotes"),
        (r"Expected \"'\"|Illegal character '\\n'", "this text has no end on its line", "close its quotes"),
        (r"Illegal character|Found invalid character", "this character does not belong here", "remove it"),
        (r"Unclosed array", "expected a comma or ]", None),
        (r"Unclosed inline table", "expected a comma or }", None),
        (r"Invalid statement|Invalid initial character", "expected a key or a header", "keys are letters, digits, - _"),
        (r"Invalid value", "this is no value", 'text is written in quotes, "text"; true and false are written small'),
        (r"Invalid date", "there is no such date", None),
        (r"Unescaped|Invalid hex|Escaped character", "this backslash means nothing", "write it twice: \\\\"),
    )
)


def tables(source: Source) -> TomlTable | Problem:
    """Return what the text says, or the first thing that is not TOML, or not within reason."""
    if bomb := _beyond_reason(source):
        return bomb
    try:
        return tomli.loads(source.text)
    except tomli.TOMLDecodeError as error:
        return _syntax_problem(source, error)


def _beyond_reason(source: Source) -> Problem | None:
    """Return what would take the parsers too long, or too deep, found before they see it."""
    depth = dots = values = 0
    for token in _TOKEN.finditer(source.text):
        span, kind = Span(*token.span()), token.lastgroup
        if kind == "word" and span.end - span.start > MAX_WORD:
            return source.problem(span, f"longer than {MAX_WORD} characters", "text is written in quotes")
        values += kind in _COUNTED
        depth += _DEEPER.get(kind or "", 0)
        dots = dots + (kind == "dot") if kind in _OF_A_KEY else 0
        if values > MAX_VALUES:
            return source.problem(span, f"more than {MAX_VALUES:,} keys and values", "a rules file has some hundred")
        if dots > MAX_NESTING:
            return source.problem(span, f"more than {MAX_NESTING} parts of a key")
        if depth > MAX_NESTING:
            return source.problem(span, f"more than {MAX_NESTING} brackets within brackets")
    return None


def _stretch(text: str, at: int, message: str) -> Span:
    """Return what is meant by an error that tomli found at a character."""
    if message.startswith(("Cannot", "Duplicate")):  # it has read the key, and more
        start = text.rfind("\n", 0, at) + 1
        line = text[start:at]
        brackets = _CLOSING.match(text, at)
        return Span(start + len(line) - len(line.lstrip()), brackets.end() if brackets else at)
    if message.startswith(("Unescaped", "Invalid hex")):
        return Span(text.rfind("\\", 0, at), at)
    return Span(at, at + 1)


def _syntax_problem(source: Source, error: tomli.TOMLDecodeError) -> Problem:
    at = min(error.pos, len(source.text))
    if at and source.text[at - 1 : at] == "\n" and at == len(source.text):
        at -= 1  # the end of the text is said to be on the line after it
    span = _stretch(source.text, at, error.msg)
    for pattern, message, suggestion in _SAID:
        if pattern.match(error.msg):
            return source.problem(span, message, suggestion)
    return source.problem(span, error.msg[:1].lower() + error.msg[1:])
