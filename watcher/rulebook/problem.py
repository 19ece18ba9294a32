"""A problem of a rules file: what, where and what next; printed for people, or as keys for programs."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

ProblemSeverity: TypeAlias = Literal["error", "warning"]

_ADDRESS = re.compile(r"(?<=://)[^\s\"']+")

MOST_PROBLEMS = 100
"""Problems that are shown of one reading; a broken file may hold thousands, and finding them takes time."""

ENOUGH = 3 * MOST_PROBLEMS
"""Problems that are looked for at one place: of the warnings about repeated names there are never so many."""

_LONGEST = 160
"""Columns of a source line that are printed; longer ones are cut around the caret."""
_LONGEST_QUOTED = 70
"""Characters of a value that a message quotes; a name of 64 is quoted whole."""
_BEFORE = 60
"""Characters left of the caret, at most, where a line is cut."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong (error), or odd (warning), at one place; what concerns a whole file is at 1:1."""

    file: str
    line: int
    """From 1."""
    column: int
    """From 1, in characters."""
    severity: ProblemSeverity
    message: str
    suggestion: str | None = None
    """What to do about it."""
    source: str | None = None
    """The source line; None where there is none to show."""
    width: int = 1
    """Characters of the line that are meant, from `column` on."""


def printed(problem: Problem) -> str:
    """Return the problem as `check` prints it, with the source line and carets below it, each line ended."""
    suggestion = f" ({problem.suggestion})" if problem.suggestion else ""
    place = f"{problem.file}:{problem.line}:{problem.column}"
    head = "".join(map(visible, f"{place}: {problem.severity}: {problem.message}{suggestion}"))
    return "".join(f"{line}\n" for line in (head, *_excerpt(problem)))


def to_dict(problem: Problem) -> dict[str, str | int | None]:
    """Return the keys that `--json` has."""
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "severity": problem.severity,
        "message": problem.message,
        "suggestion": problem.suggestion,
    }


def errors(problems: Iterable[Problem]) -> int:
    """Return how many of them are errors."""
    return sum(problem.severity == "error" for problem in problems)


def within_reason(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Return as many problems as a person reads, errors first where they are more, in order of file and position."""
    ordered = sorted(dict.fromkeys(problems), key=_position)
    if len(ordered) <= MOST_PROBLEMS:
        return tuple(ordered)
    shown = sorted(sorted(ordered, key=lambda it: it.severity)[:MOST_PROBLEMS], key=_position)
    last, message = shown[-1], f"there are more problems than these {MOST_PROBLEMS}"
    worst: ProblemSeverity = "error" if errors(shown) else "warning"
    return (*shown, Problem(last.file, last.line, last.column, worst, message, "mend these first"))


def _position(problem: Problem) -> tuple[str, int, int, str, str]:
    return problem.file, problem.line, problem.column, problem.severity, problem.message


def _excerpt(problem: Problem) -> Iterator[str]:
    if problem.source is None:
        return
    first, source = problem.column - 1, problem.source
    cut = max(first - _BEFORE, 0) if len(source) > _LONGEST else 0
    shown = source[cut : cut + _LONGEST]
    before, marked = shown[: first - cut], shown[first - cut : first - cut + problem.width]
    more, rest = "…" if cut else "", "…" if cut + _LONGEST < len(source) else ""
    gutter = f"{problem.line:>5}"
    # a tab stays a tab and a wide character takes two columns, so that carets stand below what they mean
    spaces = " " * len(more) + "".join(char if char == "\t" else " " * _columns(char) for char in before)
    carets = "^" * max(sum(map(_columns, marked)), 1)
    yield f"{gutter} | {more}{''.join(map(visible, shown))}{rest}".rstrip()
    yield f"{' ' * len(gutter)} | {spaces}{carets}"


def quoted(value: object) -> str:
    """Return the value in quotes, cut where it is long."""
    text = repr(value)
    return text if len(text) <= _LONGEST_QUOTED else f"{text[: _LONGEST_QUOTED - 1]}…"


def masked(text: str) -> str:
    """Return the text with addresses blotted out, length for length: a channel's URL written here is a secret."""
    return _ADDRESS.sub(lambda found: "*" * len(found.group()), text)


def visible(char: str) -> str:
    """Return the character, or a stand-in for one that would steer a terminal or turn the line around."""
    if char == "\t" or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
        return char
    return "\N{REPLACEMENT CHARACTER}"


def _columns(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1
