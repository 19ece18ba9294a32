"""Explain: why an alert is, or is not, firing after a row, and why it was, or was not, told."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date

from watcher.core.alert import Alert, Transition, Watch, replay, transition
from watcher.core.book import RuleBook
from watcher.core.expression import Expression, Part
from watcher.core.history import Recorded, Telling
from watcher.core.market import Position, Row, Symbol
from watcher.core.metrics import METRICS
from watcher.core.rule import Rule
from watcher.core.window import Window
from watcher.jobs.explanation import Condition, Explanation, PartValue, Seen
from watcher.jobs.ports import Store, Transaction
from watcher.jobs.reasons import reasons, record_of, without_row


def explanation(store: Store, book: RuleBook, rule: Rule, symbol: Symbol, asked: date | None = None) -> Explanation:
    """Return what a rule makes of the newest stored row of a symbol, or of the newest up to the date asked for."""
    with store.read() as tx:
        rows, positions = tx.rows.newest([symbol]).get(symbol, ()), tx.rows.positions([symbol]).get(symbol, ())
        seen = _seen(tx, rule, symbol)
    if rule.reads_positions_only:
        return explain(rule, symbol, Window.of_positions(positions), positions, asked, seen, book)
    return explain(rule, symbol, Window.of_rows(symbol.market, rows, positions), rows, asked, seen, book)


def explain(
    rule: Rule,
    symbol: Symbol,
    window: Window,
    rows: Sequence[Row | Position],
    asked: date | None,
    seen: Seen,
    book: RuleBook,
) -> Explanation:
    """Return what a rule makes of one row; `rows` are those of `window`, the row the newest of them up to `asked`."""
    index = max((i for i, day in enumerate(window.dates) if asked is None or day <= asked), default=None)
    if index is None:
        return Explanation(rule, symbol, asked, reasons=tuple(without_row(rule, symbol, asked, seen)))
    before, after = _folded(rule, symbol, window, index, seen.watch)
    trade_date = window.dates[index]
    change = transition(rule, before, after, trade_date)
    tellings = _tellings(change, seen.recorded)
    metrics = tuple(name for name in METRICS if name in rule.metrics)
    first = max(index - rule.lookback + 1, 0)
    found = Explanation(
        rule=rule,
        symbol=symbol,
        asked=asked,
        trade_date=trade_date,
        row=rows[index],
        looked_at=tuple(
            (window.dates[i], tuple(window.columns[name][i] for name in metrics)) for i in range(first, index + 1)
        ),
        metrics=metrics,
        parts=tuple(_parts(rule, window, index)),
        decides="until" if before.firing and rule.until is not None else "when",
        verdict=rule.verdict(before.firing, window, index),
        before=before,
        after=after,
        change=change,
        tellings=tellings,
    )
    return replace(found, reasons=reasons(found, window, index, seen, book))


def _seen(tx: Transaction, rule: Rule, symbol: Symbol) -> Seen:
    return Seen(
        state=tx.rows.states([symbol]).get(symbol),
        alert=tx.alerts.of([symbol]).get(symbol, {}).get(rule.name),
        watch=tx.alerts.watches([symbol]).get((symbol, rule.name)),
        recorded=tx.history.recorded([symbol], [rule.name]),
    )


def _folded(rule: Rule, symbol: Symbol, window: Window, index: int, watch: Watch | None) -> tuple[Alert, Alert]:
    """Return the alert before and after a row: from the checkpoint on, if the row is younger, else over all history."""
    alert, start = Alert(rule.name, symbol), 0
    if watch and watch.base and watch.checkpoint in window.dates and watch.fingerprint == rule.fingerprint:
        checkpoint = window.dates.index(watch.checkpoint)
        if checkpoint < index:
            alert, start = watch.base, checkpoint + 1
    before = after = alert
    for i, now, _ in replay(rule, alert, window, start):
        before, after = after, now
        if i == index:
            break
    return before, after


def _parts(rule: Rule, window: Window, index: int) -> Iterator[PartValue]:
    yield from _tree("when", rule.when, rule.when.root, 0, window, index)
    if rule.until is not None:
        yield from _tree("until", rule.until, rule.until.root, 0, window, index)


def _tree(
    condition: Condition, expression: Expression, part: Part, depth: int, window: Window, index: int
) -> Iterator[PartValue]:
    value = part.evaluate(window, index)
    yield PartValue(condition, depth, expression.source(part), value, part.unit, part.is_condition)
    for inner in part.parts:
        if inner.constant is None:
            yield from _tree(condition, expression, inner, depth + 1, window, index)


def _tellings(change: Transition | None, recorded: Iterable[Recorded]) -> tuple[Telling, ...]:
    """Return who was told of a change."""
    return () if (found := record_of(change, recorded)) is None else found.tellings
