"""The rules to start by: the present ones, or the last good ones while those have errors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from watcher.core.book import RuleBook
from watcher.errors import ConfigurationError
from watcher.rulebook.contents import Contents, contents
from watcher.rulebook.keeping import DIRECTORY, last_good
from watcher.rulebook.problem import Problem, printed
from watcher.rulebook.reading import checked, read


@dataclass(frozen=True, slots=True)
class Start:
    """The rules to start by."""

    book: RuleBook
    files: Mapping[str, bytes]
    """What the book was read from."""
    problems: tuple[Problem, ...]
    """Of the present rules: warnings, if these are the ones to start by, or else what is wrong with them."""
    seen: Contents
    """What was found where the rules are: where watching them goes on from."""
    last_good: bool = False
    """True if the present rules cannot be run by, and the book is the last good one."""
    lacks: str | None = None
    """What the present rules lack, though they have no errors: a channel's URL."""


def _nothing(_: RuleBook) -> str | None:
    return None


def start(path: Path, state: Path, lacking: Callable[[RuleBook], str | None] = _nothing) -> Start:
    """Return the rules at `path`, or, if nothing can run by them, the last good ones kept in the state directory.

    `lacking` returns what is not there that a book needs to be run by, if anything.

    Raises:
        ConfigurationError: neither can be run by; the message prints what is wrong with those at `path`.
    """
    seen = contents(path)
    present = checked(seen)
    lacks = lacking(present.book) if present.book is not None else None
    if present.book is not None and lacks is None:
        return Start(present.book, present.files, present.problems, seen)
    kept = last_good(state)
    book = read(kept).book if kept else None
    if kept is None or book is None or lacking(book) is not None:
        raise ConfigurationError(lacks or "".join(map(printed, present.problems)).rstrip("\n"))
    return Start(book, kept, present.problems, seen, last_good=True, lacks=lacks)


def refusal(problems: tuple[Problem, ...], state: Path | None = None) -> str:
    """Return what the operator is told of rules that have errors: how many, the first with its place, what goes on."""
    errors = [problem for problem in problems if problem.severity == "error"]
    first = printed(errors[0]).splitlines()[0]
    more = f", and {len(errors) - 1} more" if len(errors) > 1 else ""
    where = f", a copy is in {state / DIRECTORY}" if state else ""
    return f"the rules have errors, the last good ones stay in force{where}: {first}{more}. See `watcher check`."
