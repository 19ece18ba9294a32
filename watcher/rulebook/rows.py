"""The rows of a test of rules: series in promtool's notation, and rows written out, as answers that come in."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeAlias

from watcher.core.answer import Answered
from watcher.core.language import Flaw
from watcher.core.market import HkRow, Market, Position, Row, Symbol, UsRow
from watcher.core.metrics import METRICS
from watcher.rulebook.closest import did_you_mean
from watcher.rulebook.problem import Problem, quoted
from watcher.rulebook.source import Spot

Figure: TypeAlias = float | None
MAX_SESSIONS = 2000
"""Values of a series; eight years."""

_NUMBER = r"[+-]?[0-9][0-9_]*(?:\.[0-9_]+)?(?:[eE][+-]?[0-9]+)?"
_TERM = re.compile(
    rf"(?:(?P<null>_)(?:x(?P<nulls>[0-9]{{1,5}}))?"
    rf"|(?P<first>{_NUMBER})(?:(?P<step>[+-]{_NUMBER.removeprefix('[+-]?')})?x(?P<more>[0-9]{{1,5}}))?)"
)
_EXAMPLE = "numbers, 4x2 for 4 4 4, 1+2x3 for 1 3 5 7, _ for a null"
_TYPES: Mapping[Market, type[HkRow] | type[UsRow]] = {Market.HK: HkRow, Market.US: UsRow}
_OF_EITHER: Mapping[Market, Mapping[str, str]] = {
    Market.HK: {"short_shares": "short_sell_shares_traded", "traded_shares": "shares_traded"},
    Market.US: {"short_shares": "total_shares_short", "traded_shares": "volume"},
}


@dataclass(frozen=True, slots=True)
class Rows:
    """What a test says of its rows."""

    start: date | None
    no_row: Sequence[date]
    series: Mapping[str, object]
    row: Sequence[Mapping[str, object]]


def answers(rows: Rows, symbol: Symbol, spot: Spot) -> tuple[tuple[Answered, ...], list[Problem]]:
    """Return the rows of a test, each as the answer it comes in with, and what is wrong with them."""
    problems: list[Problem] = []
    known: dict[date, Row] = {}
    coming: list[Answered] = []
    for row in _of_series(rows, symbol, spot, problems):
        known[row.trade_date] = row
        coming.append(Answered(symbol, (row,)))
    for index, table in enumerate(rows.row):
        answer = _answer(table, symbol, spot.at("row", index), known, problems)
        if answer is not None:
            known[answer.rows[0].trade_date] = answer.rows[0]
            coming.append(answer)
    if not rows.series and not rows.row:
        problems.append(spot.on_value("there are no rows here", "[test.series] or [[test.row]]"))
    return tuple(coming), problems


# series


def _of_series(rows: Rows, symbol: Symbol, spot: Spot, problems: list[Problem]) -> list[Row]:
    columns: dict[str, list[Figure]] = {}
    for name, written in rows.series.items():
        at = spot.at("series", name)
        if name in METRICS and METRICS[name].of_positions:
            problems.append(at.on_key(f"{name!r} has a date of its own", "write [[test.row]], with as_of"))
            continue
        field, flaws = _field(name, symbol, at)
        values, found = _values(written, at)
        problems += [*flaws, *found]
        if field is not None and not found:
            columns[field] = values
    if not columns:
        return []
    if rows.start is None:
        problems.append(spot.on_value("there is no 'start' here", "the date of the first session of the series"))
        return []
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        counts = ", ".join(f"{name} {len(values)}" for name, values in columns.items())
        problems.append(spot.at("series").on_value(f"these are of unlike length: {counts}", "one value a session"))
        return []
    dates = _sessions(rows.start, lengths.pop(), set(rows.no_row))
    lines = zip(*columns.values(), strict=True)
    make = _TYPES[symbol.market]
    return [make(day, **dict(zip(columns, line, strict=True))) for day, line in zip(dates, lines, strict=True)]


def _sessions(start: date, count: int, left_out: set[date]) -> list[date]:
    """Return so many weekdays from `start` on, but for those without a row."""
    found: list[date] = []
    day = start
    while len(found) < count:
        if day.weekday() < 5 and day not in left_out:
            found.append(day)
        day += timedelta(days=1)
    return found


def _values(written: object, spot: Spot) -> tuple[list[Figure], list[Problem]]:
    if isinstance(written, str):
        return _terms(written, spot)
    if not isinstance(written, list):
        return [], [spot.on_value("expected text or a list of numbers", _EXAMPLE)]
    values: list[Figure] = []
    problems: list[Problem] = []
    for index, each in enumerate(written):
        if not _is_figure(each):
            problems.append(spot.at(index).on_value(f"{quoted(each)} is no number", 'a null is written "_"'))
            continue
        values.append(_figure(each))
    return values, problems


def _terms(text: str, spot: Spot) -> tuple[list[Figure], list[Problem]]:
    values: list[Figure] = []
    for found in re.finditer(r"\S+", text):
        term = _TERM.fullmatch(found.group())
        if not term:
            flaw = Flaw(*found.span(), f"{quoted(found.group())} is no value of a series", _EXAMPLE)
            return values, [spot.on_flaw(flaw)]
        values += _repeated(term)
        if len(values) > MAX_SESSIONS:
            return values, [spot.on_value(f"more than {MAX_SESSIONS} sessions", "a rule looks back 250 at most")]
    if not values:
        return [], [spot.on_value("there are no values here", _EXAMPLE)]
    return values, []


def _repeated(term: "re.Match[str]") -> Iterator[Figure]:
    if term["null"]:
        yield from [None] * min(int(term["nulls"] or 1), MAX_SESSIONS + 1)
        return
    first, step, more = float(term["first"]), float(term["step"] or 0), int(term["more"] or 0)
    yield from (first + step * i for i in range(min(more, MAX_SESSIONS) + 1))


# rows


def _answer(
    table: Mapping[str, object], symbol: Symbol, spot: Spot, known: Mapping[date, Row], problems: list[Problem]
) -> Answered | None:
    """Return the answer that brings one row; what it does not name of a row that is there, stays."""
    day = table.get("date")
    if type(day) is not date:
        problems.append(
            spot.at("date").on_value("expected a date", "date = 2026-06-05")
            if "date" in table
            else spot.on_value("there is no 'date' here", "for example date = 2026-06-05")
        )
        return None
    before = len(problems)
    fields: dict[str, Figure] = {}
    held: dict[str, Figure] = {}
    for name, written in table.items():
        if name in {"date", "as_of"}:
            continue
        at = spot.at(name)
        if not _is_figure(written):
            problems.append(at.on_value("expected a number", 'a null is written "_"'))
        if name in METRICS and METRICS[name].of_positions and symbol.market is Market.HK:
            held[name] = _figure(written)
            continue
        field, flaws = _field(name, symbol, at)
        problems += flaws
        if field is not None:
            fields[field] = _figure(written)
    position = _position(table, held, day, spot, problems)
    if len(problems) > before:
        return None
    there = known.get(day) or _TYPES[symbol.market](day)
    # the type of the row is that of the market, whose fields these are
    row: Row = there._replace(**fields)  # type: ignore[arg-type]  # trade_date is not among them
    return Answered(symbol, (row,), position)


def _position(
    table: Mapping[str, object], held: Mapping[str, Figure], day: date, spot: Spot, problems: list[Problem]
) -> Position | None:
    as_of = table.get("as_of")
    if not held:
        if as_of is not None:
            problems.append(spot.at("as_of").on_key("a date of nothing", "it goes with aggregated_short"))
        return None
    if type(as_of) is not date:
        problems.append(spot.on_value("of which date is this position?", "as_of = 2026-05-29"))
        return None
    return Position(as_of, day, held.get("aggregated_short"), held.get("aggregated_short_ratio"))


# names and numbers


def _field(name: str, symbol: Symbol, spot: Spot) -> tuple[str | None, list[Problem]]:
    """Return the published field that a name stands for, or what is wrong with the name."""
    market = symbol.market
    published = _TYPES[market]._fields[1:]
    of_either = _OF_EITHER[market]
    if name in published:
        return name, []
    if name in of_either:
        return of_either[name], []
    if name in METRICS and METRICS[name].derived:
        return None, [spot.on_key(f"{name!r} is computed from the row", "write what it is computed from")]
    if name in METRICS:
        markets = " and ".join(sorted(METRICS[name].markets))
        return None, [spot.on_key(f"{name!r} is published for {markets} only, and this is {symbol}")]
    known = [*published, *of_either]
    return None, [spot.on_key(f"unknown metric {quoted(name)}", did_you_mean(name, known) or "see `watcher metrics`")]


def _is_figure(written: object) -> bool:
    return written == "_" or (isinstance(written, int | float) and not isinstance(written, bool))


def _figure(written: object) -> Figure:
    return float(written) if isinstance(written, int | float) else None
