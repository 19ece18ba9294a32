"""Take up a rule book: rules that are new, edited, resting or gone, before any row is judged by it."""

from collections.abc import Container, Sequence
from datetime import datetime
from typing import TypeAlias

from watcher.core.alert import Alert, Watch
from watcher.core.book import RuleBook
from watcher.core.market import Symbol
from watcher.core.notification import Notification, Report
from watcher.core.taking_up import first_sight, judged_anew, removed
from watcher.core.window import Window
from watcher.jobs.ports import Store, Transaction
from watcher.jobs.record import announce

BATCH = 50
"""Symbols whose watches, and whole history, are in memory at once."""
_Key: TypeAlias = tuple[Symbol, str]
"""A symbol and the name of a rule."""


def take_up(store: Store, book: RuleBook, now: datetime) -> tuple[Notification, ...]:
    """Bring alerts in line with the book and return the notifications that were enqueued.

    A rule or symbol seen for the first time is folded over stored history silently, an edited one anew; what differs
    from before is told. Done twice, it does nothing: each batch commits with the texts it was judged by.
    """
    with store.read() as tx:
        if tx.note("book") == book.digest:
            return ()
        symbols = sorted({*tx.alerts.watched(), *book.all_by_symbol})
    notifications: list[Notification] = []
    for begin in range(0, len(symbols), BATCH):
        notifications += _taken_up(store, book, symbols[begin : begin + BATCH], now)
    with store.write() as tx:
        tx.keep("book", book.digest)
        tx.keep("book_at", now.isoformat())
        tx.outbox.look_again(now)  # quiet hours may be others now, and who rests
    return tuple(notifications)


def _taken_up(store: Store, book: RuleBook, symbols: Sequence[Symbol], now: datetime) -> tuple[Notification, ...]:
    with store.read() as tx:
        watches = tx.alerts.watches(symbols)
    wanted = {
        (symbol, rule.name): Watch.of(rule, symbol) for symbol in symbols for rule in book.all_by_symbol.get(symbol, ())
    }
    changed = sorted(
        key
        for key in watches.keys() | wanted.keys()
        if key not in wanted or key not in watches or watches[key].fingerprint != wanted[key].fingerprint
    )
    if not changed:
        return ()
    with store.write() as tx:
        return _take_up(tx, book, changed, watches.keys(), wanted.keys(), now)


def _take_up(
    tx: Transaction,
    book: RuleBook,
    keys: Sequence[_Key],
    watched: Container[_Key],
    wanted: Container[_Key],
    now: datetime,
) -> tuple[Notification, ...]:
    symbols = list(dict.fromkeys(symbol for symbol, _ in keys))
    rows, positions, alerts = tx.rows.newest(symbols), tx.rows.positions(symbols), tx.alerts.of(symbols)
    reports: list[Report] = []
    after: list[Alert] = []
    watches: list[Watch] = []
    for symbol in symbols:
        of_rows = Window.of_rows(symbol.market, rows.get(symbol, ()), positions.get(symbol, ()))
        of_positions = Window.of_positions(positions.get(symbol, ()))
        for _, name in (key for key in keys if key[0] == symbol):
            key = (symbol, name)
            before = alerts.get(symbol, {}).get(name) or Alert(name, symbol)
            if key not in wanted:
                end = removed(before, of_rows.dates[-1]) if of_rows.dates else None
                reports += [end] if end else []
                after.append(Alert(name, symbol))
                continue
            rule = book.by_name[name]
            window = of_positions if rule.reads_positions_only else of_rows
            newest = window.dates[-1] if window.dates else None
            sessions = window if window.dates else of_rows  # no position is known: that ends what the old text said
            if rule.enabled and sessions.dates:
                judge = judged_anew if key in watched else first_sight
                before, told = judge(rule, before, sessions)
                after.append(before)
                reports += told
            watches.append(Watch.of(rule, symbol, newest, before if newest else None))
    tx.keep("book", "")  # cut short, it is gone on with, though the rules should be the old ones again
    tx.alerts.put(after)
    tx.alerts.drop_watches(key for key in keys if key not in wanted)
    tx.alerts.put_watches(watches)
    return announce(tx, book, reports, now)
