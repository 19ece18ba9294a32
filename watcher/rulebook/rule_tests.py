"""Unit tests of rules, as people write them in TOML: rows by date, and what is to be told of them.

    rules = "rules.toml"              # beside this file; or [[rule]] and the like, written here

    [[test]]
    name   = "an average above 15 % for two sessions opens, below 13 % ends"
    symbol = "HK.00700"
    rule   = "hk-crowded"             # only this one; without it, all that watch the symbol
    start  = 2026-06-01               # of the series: sessions are the weekdays from here on …
    no_row = [2026-06-04]             # … but for these, on which nothing was published

    [test.series]                     # the notation of promtool, each as long as the others
    daily_trade_avg_ratio = "14 15.5x1 _ 12.5"

    [[test.row]]                      # rows that come later, in this order; of a date that is there, a revision
    date = 2026-06-02
    daily_trade_avg_ratio = 14.9      # what is not named stays as it was; "_" is a null

    [[test.expect]]                   # everything that is told, and nothing else
    date    = 2026-06-03
    kind    = "opened"                # opened, reminded, resolved or retracted
    message = "HK.00700: 15.5 %"      # the rule's own words; episode, note and value can be named, too

In a series `4x2` is 4 4 4, `1+2x3` is 1 3 5 7, and `_`, or `_x5` for five of them, is a null. A row has published
metrics of the symbol's market, or short_shares and traded_shares of either; of Hong Kong also aggregated_short and
aggregated_short_ratio, with the date they are as_of.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, ValidationError

from watcher.core.alert import Kind
from watcher.core.answer import Answered
from watcher.core.book import RuleBook
from watcher.core.market import Symbol
from watcher.core.rule import Rule
from watcher.rulebook.closest import did_you_mean
from watcher.rulebook.contents import contents
from watcher.rulebook.expected import Expected
from watcher.rulebook.problem import Problem, errors, quoted, within_reason
from watcher.rulebook.reading import load, within
from watcher.rulebook.rows import Rows, answers
from watcher.rulebook.source import Source, Spot
from watcher.rulebook.syntax import TomlTable, tables
from watcher.rulebook.tables import RulesFile, Table, Text
from watcher.rulebook.wording import Tables, in_words

_Date: TypeAlias = date  # a field of this name hides the type


class _Expect(Table):
    """Something that is to be told."""

    date: _Date
    kind: Literal["opened", "reminded", "resolved", "retracted"]
    rule: Text | None = None
    episode: _Date | None = None
    note: str | None = None
    message: str | None = None
    value: Annotated[float, Field(strict=False)] | None = None


class _Test(Table):
    """What comes in of one symbol, and what is to be told of it."""

    name: Text
    symbol: Text
    rule: Text | None = None
    start: _Date | None = None
    no_row: list[_Date] = Field(default_factory=list)
    series: dict[str, object] = Field(default_factory=dict)
    row: list[dict[str, object]] = Field(default_factory=list)
    expect: list[_Expect] = Field(default_factory=list)


class _Own(Table):
    """What a file of tests has besides rules."""

    rules: Text | None = None
    test: list[_Test]


class _TestsFile(RulesFile):
    """All it may have."""

    rules: Text | None = None
    test: list[_Test] = Field(default_factory=list)


_TABLES: Tables = {(): _TestsFile, ("test",): _Test, ("test", "expect"): _Expect}


@dataclass(frozen=True, slots=True)
class RuleTest:
    """One test, ready to be run."""

    name: str
    file: str
    line: int
    """Of its header."""
    symbol: Symbol
    book: RuleBook
    rules: tuple[Rule, ...]
    """Those of the book whose transitions are expected."""
    answers: tuple[Answered, ...]
    """What comes in, in this order."""
    expected: tuple[Expected, ...]


def rule_tests(path: Path) -> tuple[tuple[RuleTest, ...], tuple[Problem, ...]]:
    """Return the tests of a file, or of all `*.toml` of a directory, and what is wrong with them or their rules."""
    found = contents(path)
    tests: list[RuleTest] = []
    problems = list(found.unreadable)
    for name, content in found.files.items():
        of_file, wrong = _of_file(name, content)
        tests += of_file
        problems += wrong
    return tuple(tests), within_reason(problems)


def _of_file(name: str, content: bytes) -> tuple[list[RuleTest], list[Problem]]:
    source = Source.decode(name, content)
    if isinstance(source, Problem):
        return [], [source]
    document = tables(source)
    if isinstance(document, Problem):
        return [], [document]
    of_tests = {key: value for key, value in document.items() if key in _Own.model_fields}
    of_rules = {key: value for key, value in document.items() if key not in _Own.model_fields}
    try:
        own = _Own.model_validate(of_tests)
    except ValidationError as error:
        found = [in_words(source.root, detail, _TABLES) for detail in error.errors(include_url=False)]
        return [], [*found, *within(source, of_rules, _TABLES).problems]
    book, problems = _book(source, own, of_rules)
    if book is None:
        return [], problems
    tests: list[RuleTest] = []
    for index, test in enumerate(own.test):
        made, wrong = _test(test, source.root.at("test", index), book)
        tests += made
        problems += wrong
    return tests, problems


def _book(source: Source, own: _Own, of_rules: TomlTable) -> tuple[RuleBook | None, list[Problem]]:
    """Return the rules that a file names, or has itself."""
    spot = source.root.at("rules")
    if own.rules is None:
        loaded = within(source, of_rules, _TABLES)
    elif of_rules:
        (other, *_) = of_rules
        message = f"these rules are in a file, and {other!r} is written here"
        return None, [spot.on_value(message, "name a file, or write rules here")]
    else:
        loaded = load(Path(source.name).parent / own.rules)
    problems = [problem for problem in loaded.problems if own.rules is None or problem.severity == "error"]
    return loaded.book, problems


def _test(test: _Test, spot: Spot, book: RuleBook) -> tuple[list[RuleTest], list[Problem]]:
    try:
        symbol = Symbol.parse(test.symbol)
    except ValueError as error:
        return [], [spot.at("symbol").on_text(str(error))]
    rules = book.by_symbol.get(symbol, ())
    problems = list(_rule_problems(test, spot, book, symbol))
    if test.rule is not None:
        rules = tuple(rule for rule in rules if rule.name == test.rule)
    coming, found = answers(Rows(test.start, test.no_row, test.series, test.row), symbol, spot)
    problems += found
    expected, wrong = _expected(test, spot, rules)
    problems += wrong
    if errors(problems):
        return [], problems
    return [RuleTest(test.name, spot.source.name, spot.line, symbol, book, rules, coming, expected)], problems


def _rule_problems(test: _Test, spot: Spot, book: RuleBook, symbol: Symbol) -> Iterator[Problem]:
    """Yield what is wrong with the rule and symbol of a test."""
    if test.rule is None:
        if not book.by_symbol.get(symbol):
            yield spot.at("symbol").on_text(f"no rule watches {symbol}", did_you_mean(symbol, book.by_symbol))
    elif test.rule not in book.by_name:
        yield spot.at("rule").on_text(f"unknown rule {quoted(test.rule)}", did_you_mean(test.rule, book.by_name))
    elif not book.by_name[test.rule].enabled:
        yield spot.at("rule").on_text(f"rule {test.rule!r} rests: it tells nothing", "enabled = false is in its way")
    elif symbol not in book.by_name[test.rule].symbols:
        yield spot.at("symbol").on_text(f"rule {test.rule!r} does not watch {symbol}")


def _expected(test: _Test, spot: Spot, rules: tuple[Rule, ...]) -> tuple[tuple[Expected, ...], list[Problem]]:
    """Return what is to be told; of several rules each must be named, of one it need not."""
    names: Mapping[str, Rule] = {rule.name: rule for rule in rules}
    found: list[Expected] = []
    problems: list[Problem] = []
    for index, expect in enumerate(test.expect):
        at = spot.at("expect", index)
        name = expect.rule or (next(iter(names)) if len(names) == 1 else None)
        if name is None and names:
            problems.append(at.on_value("which rule is it?", f"rule = one of {', '.join(names)}"))
        elif name is not None and name not in names and names:
            problems.append(at.at("rule").on_text(f"no rule {quoted(name)} in this test", did_you_mean(name, names)))
        elif name is not None:
            found.append(
                Expected(
                    expect.date, Kind(expect.kind), name, expect.episode, expect.note, expect.message, expect.value
                )
            )
    return tuple(found), problems
