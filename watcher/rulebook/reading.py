"""From rules.toml, or a directory of such files, to a rule book, or to everything that is wrong with it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from watcher.core.book import CONSOLE, RuleBook, url_variable
from watcher.rulebook.channels import Channels, channels
from watcher.rulebook.contents import Contents, contents
from watcher.rulebook.digest import digest
from watcher.rulebook.problem import ENOUGH, Problem, errors, within_reason
from watcher.rulebook.rules import Defaults, Draft, default_problems, defaults_of, rules
from watcher.rulebook.shape import Shape, shape
from watcher.rulebook.source import Source, Spot, whole_file
from watcher.rulebook.syntax import TomlTable, tables
from watcher.rulebook.universe import Universe, universe
from watcher.rulebook.wording import Tables


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of reading rules: a book, unless there are errors, and all problems in order of file and position."""

    book: RuleBook | None
    problems: tuple[Problem, ...]
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False, compare=False)
    """What was read."""
    declared: Mapping[str, Spot] = field(default_factory=dict, repr=False, compare=False)
    """Where each channel is declared."""


def load(path: Path) -> Loaded:
    """Return the rule book of a file, or of all `*.toml` of a directory; never raises for what is in them."""
    return checked(contents(path))


def checked(found: Contents) -> Loaded:
    """Return the rule book of what was found at one look."""
    if not found.files:
        return Loaded(None, found.unreadable)
    return _read(found.files, found.unreadable)


def read(files: Mapping[str, bytes]) -> Loaded:
    """Return the rule book of files that were read already: content by name, as problems are to name it."""
    return _read(files, ())


def within(source: Source, document: TomlTable, known: Tables) -> Loaded:
    """Return the rule book of the tables that are a part of a file; `known` are all tables that it may have."""
    result, problems = shape(source, document, known)
    return _loaded([result] if result else [], list(problems), {}, complete=result is not None)


def missing_urls(loaded: Loaded, configured: Collection[str]) -> tuple[Problem, ...]:
    """Return a warning for each declared channel that is not among the names of channels with a URL."""
    return tuple(
        spot.on_value(
            f"channel {name!r} has no URL",
            f"set {url_variable(name)}, or add it to the credentials file `channels`",
            "warning",
        )
        for name, spot in loaded.declared.items()
        if name != CONSOLE and name not in configured
    )


def unusable_urls(loaded: Loaded, reasons: Mapping[str, str]) -> tuple[Problem, ...]:
    """Return an error for each declared channel whose URL is unusable: `reasons` by name, without the URL."""
    return tuple(
        spot.on_value(f"the URL of channel {name!r} is unusable: {reasons[name]}", "run and poll refuse to start so")
        for name, spot in loaded.declared.items()
        if name in reasons
    )


def _read(files: Mapping[str, bytes], unreadable: tuple[Problem, ...]) -> Loaded:
    problems = list(unreadable)
    shapes: list[Shape] = []
    for name, content in files.items():
        result, wrong = _shape(name, content)
        problems.extend(wrong)
        if result:
            shapes.append(result)
    return _loaded(shapes, problems, files, complete=len(shapes) == len(files) and not unreadable)


def _loaded(shapes: list[Shape], problems: list[Problem], files: Mapping[str, bytes], *, complete: bool) -> Loaded:
    book, declared, found = _book(shapes, complete=complete)
    problems.extend(found)
    sound = complete and not errors(problems)
    return Loaded(replace(book, digest=digest(files)) if sound else None, within_reason(problems), files, declared)


def _shape(name: str, content: bytes) -> tuple[Shape | None, tuple[Problem, ...]]:
    source = Source.decode(name, content)
    if isinstance(source, Problem):
        return None, (source,)
    document = tables(source)
    if isinstance(document, Problem):
        return None, (document,)
    return shape(source, document)


def _book(shapes: list[Shape], *, complete: bool) -> tuple[RuleBook, Mapping[str, Spot], list[Problem]]:
    known, list_problems = universe(shapes, complete=complete)
    there, channel_problems = channels(shapes, complete=complete)
    defaults, problems = defaults_of(shapes)
    problems += [*list_problems, *channel_problems]
    if defaults:
        problems.extend(default_problems(defaults, there))
    operator, found = _operator(shapes, there)
    problems.extend(found)
    drafts = [
        Draft.of(table, file.root.at("rule", index), defaults)
        for file in shapes
        for index, table in enumerate(file.tables.rule)
    ]
    made, found = rules(drafts, known, there)
    problems.extend(found)
    if complete and not any(file.unsound for file in shapes):
        unused = _unused(shapes, drafts, defaults, known, there, operator)
        problems.extend(islice(unused, ENOUGH))
    return RuleBook(tuple(made), there.policies, operator), there.spots, problems


def _operator(shapes: Iterable[Shape], there: Channels) -> tuple[tuple[str, ...], list[Problem]]:
    first: Spot | None = None
    names: tuple[str, ...] = (CONSOLE,)
    problems: list[Problem] = []
    for file in shapes:
        if not file.has_operator:
            continue
        spot = file.root.at("operator")
        if first:
            problems.append(spot.on_value(f"there is an [operator] already, at {first.where}", "in one file only"))
            continue
        first, notify = spot, file.tables.operator.notify
        names = tuple(dict.fromkeys(notify))
        problems.extend(there.problems(notify, spot.at("notify")))
    return names, problems


def _unused(
    shapes: Iterable[Shape],
    drafts: list[Draft],
    defaults: Defaults | None,
    known: Universe,
    there: Channels,
    operator: tuple[str, ...],
) -> Iterable[Problem]:
    """Yield warnings for what is declared and not used; said only where everything could be read."""
    by_default = defaults.keys.notify if defaults else ()
    notified = {*by_default, *operator, *(name for draft in drafts for name in draft.table.notify)}
    yield from there.unused(notified)
    watched = {entry for draft in drafts for entry in draft.table.symbols}
    for name, named in known.lists.items():
        if not known.uses(name, watched):
            yield named.spot.on_key(f"no rule watches list {name!r}", "name it in a rule's symbols", "warning")
    if not drafts:
        for file in shapes:
            yield whole_file(file.source.name, "there is no rule here", "`watcher init` writes some", "warning")
            return
