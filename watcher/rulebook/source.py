"""One file as text, and what says where in it a problem is."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from watcher.core.language import Flaw
from watcher.rulebook.places import Places, places
from watcher.rulebook.problem import Problem, ProblemSeverity, masked
from watcher.rulebook.span import KeyPath, Span
from watcher.rulebook.strings import characters

_LINE_FEED = re.compile("\n")
MAX_BYTES = 256 * 1024
"""A larger file is refused; ten thousand symbols take half of it."""
_LONGEST_POINTED_INTO = 5000
"""Characters of a string; of a longer one, which is too long for anything, the whole is pointed at."""


@dataclass(frozen=True)
class Source:
    """The text of one file: no byte order mark, line feeds at the end of lines."""

    name: str
    """As problems name it."""
    text: str

    @classmethod
    def decode(cls, name: str, content: bytes) -> "Source | Problem":
        """Return the text of a file, or what is wrong with its bytes."""
        if len(content) > MAX_BYTES:
            return whole_file(name, "larger than 256 KiB", "a rules file is a few kilobytes: is it the right one?")
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            return _bad_byte(name, content, error.start)
        return cls(name, text.replace("\r\n", "\n"))

    @cached_property
    def places(self) -> Places:
        """Where everything in it is; read only when there is something to say. The text is valid TOML by then."""
        return places(self.text)

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(found.end() for found in _LINE_FEED.finditer(self.text))]

    @cached_property
    def _lines(self) -> list[str]:
        return masked(self.text).split("\n")

    def line_of(self, index: int) -> int:
        """Return the line, from 1, of a character."""
        return bisect_right(self._line_starts, index)

    def problem(
        self, span: Span, message: str, suggestion: str | None = None, severity: ProblemSeverity = "error"
    ) -> Problem:
        """Return the problem of these characters; of those of the first line, if they are on several."""
        line = self.line_of(span.start)
        start, whole = self._line_starts[line - 1], self._lines[line - 1]
        column = span.start - start
        width = max(min(span.end - start, len(whole)) - column, 1)
        return Problem(
            file=self.name,
            line=line,
            column=column + 1,
            severity=severity,
            message=masked(message),
            suggestion=suggestion and masked(suggestion),
            source=whole,
            width=width,
        )

    @property
    def root(self) -> "Spot":
        """The file itself."""
        return Spot(self, ())


@dataclass(frozen=True, slots=True)
class Spot:
    """A key or value of a file, whether it is written there or not."""

    source: Source
    path: KeyPath

    def at(self, *keys: str | int) -> "Spot":
        """Return what is further inside."""
        return Spot(self.source, (*self.path, *keys))

    @property
    def line(self) -> int:
        """The line it is on, from 1."""
        place, _ = self.source.places.nearest(self.path)
        return self.source.line_of(place.key.start)

    @property
    def where(self) -> str:
        """File and line, to refer to it."""
        return f"{self.source.name}:{self.line}"

    def on_key(self, message: str, suggestion: str | None = None, severity: ProblemSeverity = "error") -> Problem:
        """Return a problem of the key."""
        place, _ = self.source.places.nearest(self.path)
        return self.source.problem(place.key, message, suggestion, severity)

    def on_value(self, message: str, suggestion: str | None = None, severity: ProblemSeverity = "error") -> Problem:
        """Return a problem of the value, quotes and all; of a table, its header."""
        place, _ = self.source.places.nearest(self.path)
        return self.source.problem(place.value, message, suggestion, severity)

    def on_text(self, message: str, suggestion: str | None = None, severity: ProblemSeverity = "error") -> Problem:
        """Return a problem of all that a string says."""
        return self.source.problem(self._within(0, None), message, suggestion, severity)

    def on_flaw(self, flaw: Flaw) -> Problem:
        """Return the problem that a flaw of the string's text is."""
        severity: ProblemSeverity = "warning" if flaw.warning else "error"
        return self.source.problem(self._within(flaw.start, flaw.end), flaw.message, flaw.suggestion, severity)

    def _within(self, start: int, end: int | None) -> Span:
        """Return where characters `start` to `end` of the string's value are in the file."""
        place, exact = self.source.places.nearest(self.path)
        raw = self.source.text[place.value.start : place.value.end]
        if not exact or raw[:1] not in {'"', "'"} or len(raw) > _LONGEST_POINTED_INTO:
            return place.value
        spans = characters(raw)
        first = spans[min(start, len(spans) - 1)]
        last = spans[min(max(len(spans) - 1 if end is None else end, start + 1), len(spans)) - 1]
        if len(spans) == 1:
            return place.value  # of a text without a character, the quotes
        return Span(place.value.start + first.start, place.value.start + max(last.end, first.start + 1))


def whole_file(name: str, message: str, suggestion: str | None = None, severity: ProblemSeverity = "error") -> Problem:
    """Return a problem of a file as a whole."""
    return Problem(name, 1, 1, severity, message, suggestion)


def _bad_byte(name: str, content: bytes, index: int) -> Problem:
    start = content.rfind(b"\n", 0, index) + 1
    end = content.find(b"\n", start)
    line = content[start : end if end >= 0 else len(content)].rstrip(b"\r").decode(errors="replace")
    return Problem(
        file=name,
        line=content.count(b"\n", 0, index) + 1,
        column=len(content[start:index].decode()) + 1,
        severity="error",
        message=f"byte 0x{content[index]:02x} is not UTF-8",
        suggestion="save the file as UTF-8",
        source=masked(line),
    )
