"""The rules as they are written: what is wrong with the file, and where in it each rule in force stands."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from watcher.rulebook import Contents, checked, contents, last_good
from watcher.rulebook.digest import digest
from watcher.rulebook.problem import Problem, masked, printed
from watcher.rulebook.shape import shape
from watcher.rulebook.source import Source
from watcher.rulebook.syntax import tables

_MOST_LINES, _LONGEST_LINE, _LONGEST = 14, 160, 900
_LAST_GOOD = "the last good copy"


@dataclass(frozen=True, slots=True)
class Written:
    """A rule as it is written."""

    place: str
    """File and line."""
    text: str
    """Shortened where it is very long; addresses in it are blotted out."""


@dataclass(frozen=True, slots=True)
class RulesOnDisk:
    """What is found where the rules are."""

    path: str
    digest: str | None
    """Of the book that they make; None while they have errors."""
    problems: tuple[Problem, ...]
    written: Mapping[str, Written] = field(default_factory=dict)
    """The rules in force by name, as far as they are on disk."""

    @property
    def first_error(self) -> str | None:
        """The first error with its position, on one line."""
        first = next((each for each in self.problems if each.severity == "error"), None)
        return printed(first).splitlines()[0] if first else None


class RulesFile:
    """Reads the rules whenever it is asked, and makes something of them only if they are others than before."""

    def __init__(self, path: Path, state: Path) -> None:
        """Read the file or directory at `path`; `state` has the last good copy."""
        self._path = path
        self._state = state
        self._seen: tuple[Contents, str] | None = None
        self._made: RulesOnDisk | None = None

    def look(self, in_force: str) -> RulesOnDisk:
        """Return what is there now; `in_force` is the digest of the book in force, whose rules are looked up."""
        seen = (contents(self._path), in_force)
        if self._made is None or self._seen != seen:
            self._seen, self._made = seen, self._look(*seen)
        return self._made

    def _look(self, found: Contents, in_force: str) -> RulesOnDisk:
        loaded = checked(found)
        whose = loaded.book.digest if loaded.book else None
        files: Mapping[str, bytes] = found.files
        if whose != in_force:
            kept = last_good(self._state)
            current = kept is not None and digest(kept) == in_force
            files = (
                {f"{_LAST_GOOD}, {Path(name).name}": text for name, text in kept.items()} if kept and current else {}
            )
        written = {name: each for file, content in files.items() for name, each in _written(file, content)}
        return RulesOnDisk(str(self._path), whose, loaded.problems, written)


def _written(file: str, content: bytes) -> Iterator[tuple[str, Written]]:
    source = Source.decode(file, content)
    document = source if isinstance(source, Problem) else tables(source)
    if isinstance(source, Problem) or isinstance(document, Problem):
        return  # of a book in force, no file is like that
    sound, _ = shape(source, document)
    # of a table the place of the value is its header, which begins before the key in it
    places = source.places.by_path
    headers = sorted({each.value.start for each in places.values() if each.value.start < each.key.start})
    for index, rule in enumerate(sound.tables.rule if sound else ()):
        place = places.get(("rule", index))
        if place is None:
            continue
        start = place.value.start
        end = next((header for header in headers if header > start), len(source.text))
        yield rule.name, Written(f"{file}:{source.line_of(start)}", _shortened(source.text[start:end]))


def _shortened(text: str) -> str:
    """Return the lines of a rule without what follows it, a comment about the next one mostly."""
    lines = masked(text).rstrip().split("\n")
    while lines and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
        lines.pop()
    shown = [line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 1]}…" for line in lines[:_MOST_LINES]]
    text = "\n".join([*shown, "…"] if len(lines) > _MOST_LINES else shown)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
