"""TOML's strings: where they are, and where each character of their value stands in the file."""

import re

from watcher.rulebook.span import Span

_NO_LINE_FEED = re.compile(r"[^\n]")
_CHARACTER = re.compile(
    r"(?P<nothing>\\[ \t]*\n[ \t\n]*)|\\(?:u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|x[0-9A-Fa-f]{2}|.)|.", re.DOTALL
)

STRING = (
    r"""\"{3}(?:[^"\\]|\\.|"(?!""))*+(?:\"{3})?|'{3}(?:[^']|'(?!''))*+(?:'{3})?"""
    r"""|"(?:[^"\\\n]|\\[^\n])*+"?|'[^'\n]*+'?"""
)
"""The pattern of a string of any kind; "." matches all. It never goes back, and takes one without an end to where it
breaks off: the time is in proportion to the text."""
COMMENT = r"\#[^\n]*+"
_STRING_OR_COMMENT = re.compile(f"{STRING}|{COMMENT}", re.DOTALL)


def blanked(text: str) -> str:
    """Return the text with an x for every character in its strings and comments, line feeds kept.

    Keys, values and all the signs between them are where they were; and of valid TOML nothing but ASCII is left.
    """
    return _STRING_OR_COMMENT.sub(_blank, text)


def _blank(found: re.Match[str]) -> str:
    raw = found.group()
    if raw[0] == "#":
        return "#" + "x" * (len(raw) - 1)
    quote = 3 if raw[:3] in {'"""', "'''"} else 1
    return raw[:quote] + _NO_LINE_FEED.sub("x", raw[quote:-quote]) + raw[-quote:]


def characters(raw: str) -> list[Span]:
    """Return, for each character of the string's value, the characters of `raw` that make it.

    `raw` is the string as it stands in the file, quotes included, of any of the four kinds; one more span, empty, is
    the end of the value. What a backslash at the end of a line swallows makes no character.
    """
    quote = raw[:3] if raw[:3] in {'"""', "'''"} else raw[:1]
    start, end = len(quote), len(raw) - len(quote)
    if len(quote) == 3 and raw.startswith("\n", start):
        start += 1
    if quote[0] == "'":
        spans = [Span(at, at + 1) for at in range(start, end)]
    else:
        spans = [Span(*found.span()) for found in _CHARACTER.finditer(raw, start, end) if not found["nothing"]]
    return [*spans, Span(end, end)]
