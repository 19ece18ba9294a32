"""Backtest: the episodes that rules would have had over stored rows, by the same step as the daemon's."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from watcher.core.alert import Alert, Kind, replay
from watcher.core.book import RuleBook
from watcher.core.market import Symbol
from watcher.core.rule import Rule
from watcher.core.window import Window
from watcher.jobs.ports import Store


@dataclass(frozen=True, slots=True)
class Episode:
    """One unbroken firing run of a rule on a symbol."""

    rule: str
    symbol: Symbol
    opened: date
    resolved: date | None
    """Trade date of the row that ended it; None while firing."""


def backtest(store: Store, book: RuleBook, symbols: Sequence[Symbol] | None = None) -> Iterator[Episode]:
    """Yield the episodes of each rule on each of its symbols, all of them or those given, oldest first."""
    for symbol, rules in book.by_symbol.items():
        if symbols is not None and symbol not in symbols:
            continue
        with store.read() as tx:
            rows, positions = tx.rows.newest([symbol]), tx.rows.positions([symbol])
        of_rows = Window.of_rows(symbol.market, rows.get(symbol, ()), positions.get(symbol, ()))
        of_positions = Window.of_positions(positions.get(symbol, ()))
        for rule in rules:
            yield from episodes(rule, symbol, of_positions if rule.reads_positions_only else of_rows)


def episodes(rule: Rule, symbol: Symbol, window: Window) -> Iterator[Episode]:
    """Yield the episodes of one rule over the sessions of a window."""
    opened: date | None = None
    for _, _, change in replay(rule, Alert(rule.name, symbol), window, 0):
        match change.kind if change else None:
            case Kind.OPENED:
                opened = change.trade_date if change else None
            case Kind.RESOLVED if change and opened:
                yield Episode(rule.name, symbol, opened, change.trade_date)
                opened = None
    if opened is not None:
        yield Episode(rule.name, symbol, opened, None)
