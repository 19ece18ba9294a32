"""Take up a rule book: rules that are new, edited, resting or gone, before any row is judged by it."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby, islice

from watcher.core.alert import Alert, Watch
from watcher.core.book import RuleBook
from watcher.core.judgement import first_sight, removed
from watcher.core.judgement import take_up as judged_anew
from watcher.core.market import Symbol
from watcher.core.notification import Notification, Report
from watcher.core.window import Window
from watcher.jobs.ports import Store, Transaction
from watcher.jobs.record import announce

BATCH = 50
"""Symbols whose whole history is in memory at once."""


def take_up(store: Store, book: RuleBook, now: datetime) -> tuple[Notification, ...]:
    """Bring alerts in line with the book and return the notifications that were enqueued.

    A rule or symbol seen for the first time is folded over stored history silently, an edited one anew; what differs
    from before is told. Done twice, it does nothing: each batch commits with the texts it was judged by.
    """
    with store.read() as tx:
        if tx.note("book") == book.digest:
            return ()
        watches = dict(tx.alerts.watches())
    wanted = {(symbol, rule.name): Watch.of(rule, symbol) for rule in book.rules for symbol in rule.symbols}
    changed = sorted(
        key
        for key in watches.keys() | wanted.keys()
        if key not in wanted or key not in watches or watches[key].fingerprint != wanted[key].fingerprint
    )
    notifications: list[Notification] = []
    for keys in _batches(changed):
        with store.write() as tx:
            notifications += _take_up(tx, book, keys, watches, wanted, now)
    with store.write() as tx:
        tx.keep("book", book.digest)
        tx.keep("book_at", now.isoformat())
    return tuple(notifications)


def _batches(keys: Iterable[tuple[Symbol, str]]) -> Iterator[list[tuple[Symbol, str]]]:
    by_symbol = (list(of_symbol) for _, of_symbol in groupby(keys, lambda key: key[0]))
    while batch := list(islice(by_symbol, BATCH)):
        yield [key for of_symbol in batch for key in of_symbol]


def _take_up(
    tx: Transaction,
    book: RuleBook,
    keys: Sequence[tuple[Symbol, str]],
    watches: dict[tuple[Symbol, str], Watch],
    wanted: dict[tuple[Symbol, str], Watch],
    now: datetime,
) -> tuple[Notification, ...]:
    symbols = list(dict.fromkeys(symbol for symbol, _ in keys))
    rows, positions, alerts = tx.rows.newest(symbols), tx.rows.positions(symbols), tx.alerts.of(symbols)
    reports: list[Report] = []
    for symbol in symbols:
        of_rows = Window.of_rows(symbol.market, rows.get(symbol, ()), positions.get(symbol, ()))
        of_positions = Window.of_positions(positions.get(symbol, ()))
        for _, name in (key for key in keys if key[0] == symbol):
            key = (symbol, name)
            before = alerts.get(symbol, {}).get(name) or Alert(name, symbol)
            if key not in wanted:
                end = removed(before, of_rows.dates[-1]) if of_rows.dates else None
                reports += [end] if end else []
                tx.alerts.put([Alert(name, symbol)])
                tx.alerts.drop_watch(symbol, name)
                continue
            rule = book.by_name[name]
            window = of_positions if rule.reads_positions_only else of_rows
            newest = window.dates[-1] if window.dates else None
            if rule.enabled and newest is not None:
                judge = judged_anew if key in watches else first_sight
                before, told = judge(rule, before, window)
                tx.alerts.put([before])
                reports += told
            tx.alerts.put_watches([Watch.of(rule, symbol, newest, before if newest else None)])
    return announce(tx, book, reports, now)
