"""Alerts, stored only while not quiet, the texts they were judged by, and their transitions, kept for ever."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, func, select

from watcher.core.alert import Alert, Kind, Watch
from watcher.core.market import Symbol
from watcher.core.notification import Facts, Report
from watcher.core.rule import Severity
from watcher.store.tables import alerts, transitions, watches

# made once: to make a statement takes longer than to run it
_PUT = {table: table.insert().prefix_with("OR REPLACE") for table in (alerts, watches)}
_DROP = {
    table: table.delete().where(table.c.symbol == bindparam("its_symbol"), table.c.rule == bindparam("its_rule"))
    for table in (alerts, watches)
}
_ALL = {table: select(table).order_by(table.c.symbol, table.c.rule) for table in (alerts, watches)}
_OF = {table: query.where(table.c.symbol.in_(bindparam("wanted", expanding=True))) for table, query in _ALL.items()}
_FACTS = tuple(each.name for each in fields(Facts))
_WATCHED = select(watches.c.symbol).distinct().order_by(watches.c.symbol)


class Alerts:
    """What the rules make of the rows."""

    def __init__(self, connection: Connection) -> None:
        """Work in the transaction of `connection`."""
        self._connection = connection

    def of(self, wanted: Sequence[Symbol] | None = None) -> dict[Symbol, dict[str, Alert]]:
        """Return the alerts that are not quiet, by symbol and rule; of all symbols without `wanted`."""
        found: dict[Symbol, dict[str, Alert]] = {}
        for row in self._stored(alerts, wanted):
            alert = _alert(row)
            found.setdefault(alert.symbol, {})[alert.rule] = alert
        return found

    def put(self, changed: Iterable[Alert]) -> None:
        """Store alerts as they are now; a quiet one is the absence of a record."""
        loud = []
        quiet: list[tuple[Symbol, str]] = []
        for alert in changed:
            if alert.firing or alert.streak:
                loud.append({"symbol": alert.symbol, "rule": alert.rule, **_state(alert)})
            else:
                quiet.append((alert.symbol, alert.rule))
        if loud:
            self._connection.execute(_PUT[alerts], loud)
        self._drop(alerts, quiet)

    def watched(self) -> list[Symbol]:
        """Return the symbols that any rule was taken up on, in order."""
        return [Symbol(symbol) for symbol in self._connection.execute(_WATCHED).scalars()]

    def watches(self, wanted: Sequence[Symbol] | None = None) -> dict[tuple[Symbol, str], Watch]:
        """Return every rule on every symbol, or on those wanted, as it was last taken up."""
        return {(Symbol(row.symbol), row.rule): _watch(row) for row in self._stored(watches, wanted)}

    def put_watches(self, taken_up: Iterable[Watch]) -> None:
        """Store by which text rules were taken up, and the names of episodes that moved since."""
        values = [
            {
                "symbol": watch.symbol,
                "rule": watch.rule,
                "fingerprint": watch.fingerprint,
                "checkpoint": watch.checkpoint,
                "names": json.dumps({str(opened): list(map(str, told)) for opened, told in watch.names.items()}),
                **_state(watch.base or Alert(watch.rule, watch.symbol)),
            }
            for watch in taken_up
        ]
        if values:
            self._connection.execute(_PUT[watches], values)

    def drop_watches(self, gone: Iterable[tuple[Symbol, str]]) -> None:
        """Forget rules on symbols: should one come back, it is new."""
        self._drop(watches, gone)

    def last_numbers(self, pairs: Iterable[tuple[Symbol, str]]) -> dict[tuple[Symbol, str], int]:
        """Return the number of the last transition of each symbol and rule that has any."""
        wanted = set(pairs)
        key = (transitions.c.symbol, transitions.c.rule)
        of_symbols = transitions.c.symbol.in_({symbol for symbol, _ in wanted})
        query = select(*key, func.max(transitions.c.number)).where(of_symbols).group_by(*key)
        found = self._connection.execute(query) if wanted else ()
        return {(Symbol(symbol), rule): number for symbol, rule, number in found if (symbol, rule) in wanted}

    def ended(self, episodes: Iterable[tuple[Symbol, str, date]]) -> set[tuple[Symbol, str, date]]:
        """Return those episodes whose end, or retraction, is recorded already, with no opening after it."""
        wanted = set(episodes)
        of_symbols = transitions.c.symbol.in_({symbol for symbol, _, _ in wanted})
        begin_or_end = transitions.c.kind != Kind.REMINDED.value
        query = select(transitions).where(of_symbols, begin_or_end).order_by(transitions.c.number)
        last = {
            (Symbol(row.symbol), row.rule, row.episode): Kind(row.kind)
            for row in (self._connection.execute(query) if wanted else ())
        }
        return {episode for episode in wanted if last.get(episode) in (Kind.RESOLVED, Kind.RETRACTED)}

    def add_transitions(self, reports: Iterable[Report], now: datetime) -> None:
        """Store numbered transitions."""
        values = [
            {
                "symbol": report.symbol,
                "rule": report.rule,
                "number": report.number,
                "kind": report.kind.value,
                "severity": report.severity.value,
                "episode": report.episode,
                "trade_date": report.trade_date,
                "note": report.note,
                "facts": json.dumps({name: getattr(report.facts, name) for name in _FACTS}),
                "at": now,
            }
            for report in reports
        ]
        if values:
            self._connection.execute(transitions.insert(), values)

    def transitions(self) -> list[Report]:
        """Return all transitions, in order of trade date."""
        order = (transitions.c.trade_date, transitions.c.symbol, transitions.c.rule, transitions.c.number)
        return [Report(**report_fields(row)) for row in self._connection.execute(select(transitions).order_by(*order))]

    def _stored(self, table: Table, wanted: Sequence[Symbol] | None) -> Iterable[Row[Any]]:
        if wanted is None:
            return self._connection.execute(_ALL[table])
        return self._connection.execute(_OF[table], {"wanted": list(wanted)})

    def _drop(self, table: Table, keys: Iterable[tuple[Symbol, str]]) -> None:
        gone = [{"its_symbol": symbol, "its_rule": rule} for symbol, rule in keys]
        if gone:
            self._connection.execute(_DROP[table], gone)


def _alert(row: Row[Any]) -> Alert:
    return Alert(row.rule, Symbol(row.symbol), row.episode, row.streak, row.streak_since, row.age)


def _watch(row: Row[Any]) -> Watch:
    base = _alert(row) if row.checkpoint else None
    names = {
        date.fromisoformat(opened): tuple(map(date.fromisoformat, told))
        for opened, told in json.loads(row.names or "{}").items()
    }
    return Watch(Symbol(row.symbol), row.rule, row.fingerprint, row.checkpoint, base, names)


def _state(alert: Alert) -> dict[str, object]:
    return {
        "episode": alert.episode,
        "streak": alert.streak,
        "streak_since": alert.streak_since,
        "age": alert.age,
    }


def report_fields(row: Row[Any]) -> dict[str, Any]:
    """Return the fields of a Report from a row with the columns of `transitions`; Any, for the driver has no types."""
    stored = json.loads(row.facts)
    return {
        "rule": row.rule,
        "symbol": Symbol(row.symbol),
        "number": row.number,
        "kind": Kind(row.kind),
        "severity": Severity(row.severity),
        "episode": row.episode,
        "trade_date": row.trade_date,
        "note": row.note,
        "facts": Facts(**stored | {"trend": tuple(stored["trend"])}),
    }
