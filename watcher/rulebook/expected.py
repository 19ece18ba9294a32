"""What a test expects to be told, and how that differs from what is told."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher

from watcher.core.alert import Kind
from watcher.core.arithmetic import near
from watcher.core.notification import Report


@dataclass(frozen=True, slots=True)
class Expected:
    """One transition that is to be told; what is None is not compared."""

    trade_date: date
    kind: Kind
    rule: str
    episode: date | None = None
    note: str | None = None
    message: str | None = None
    """The rule's own words, filled in."""
    value: float | None = None
    """Of the rule's first comparison."""

    @property
    def line(self) -> str:
        """It on one line."""
        return _line(self)

    def line_of(self, report: Report) -> str:
        """Return a report on one line, with what this expectation names of it: the same if they agree."""
        value = report.facts.value
        if self.value is not None and value is not None and near(self.value, value):
            value = self.value
        return _line(
            Expected(
                report.trade_date,
                report.kind,
                report.rule,
                None if self.episode is None else report.episode,
                None if self.note is None else report.note or "",
                None if self.message is None else report.facts.text or "",
                None if self.value is None else value,
            )
        )


def differences(expected: Sequence[Expected], told: Iterable[Report]) -> tuple[str, ...]:
    """Return all that is expected or told in order of date, marked `-` where only expected and `+` where only told.

    Nothing, if they agree.
    """
    waiting = list(expected)
    lines: list[str] = []
    for report in sorted(told, key=lambda each: (each.trade_date, each.rule)):
        found = next((each for each in waiting if _same(each, report)), None)
        if found is not None:
            waiting.remove(found)
        lines.append(found.line_of(report) if found else _line(_whole(report)))
    wanted = [each.line for each in sorted(expected, key=lambda each: (each.trade_date, each.rule))]
    return () if wanted == lines else tuple(_marked(wanted, lines))


def _same(expected: Expected, report: Report) -> bool:
    return (expected.trade_date, expected.kind, expected.rule) == (report.trade_date, report.kind, report.rule)


def _whole(report: Report) -> Expected:
    """Return what would have to be expected for a report that nobody expected."""
    episode = None if report.episode == report.trade_date else report.episode
    return Expected(report.trade_date, report.kind, report.rule, episode, report.note, report.facts.text)


def _line(expected: Expected) -> str:
    named = {
        "episode": expected.episode,
        "note": None if expected.note is None else f'"{expected.note}"',
        "message": None if expected.message is None else f'"{expected.message}"',
        "value": None if expected.value is None else f"{expected.value:g}",
    }
    words = [f"{name} = {value}" for name, value in named.items() if value is not None]
    return ", ".join([f"{expected.trade_date} {expected.rule} {expected.kind.value}", *words])


def _marked(wanted: Sequence[str], lines: Sequence[str]) -> Iterator[str]:
    for tag, start, end, other_start, other_end in SequenceMatcher(None, wanted, lines, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from (f"  {line}" for line in wanted[start:end])
            continue
        yield from (f"- {line}" for line in wanted[start:end])
        yield from (f"+ {line}" for line in lines[other_start:other_end])
