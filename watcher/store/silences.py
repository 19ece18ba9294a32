"""Silences and acks, as people asked for them."""

import json
from collections.abc import Iterable
from datetime import date, datetime

from sqlalchemy import Connection, bindparam, select

from watcher.core.market import Symbol
from watcher.core.rule import Severity
from watcher.core.silence import Ack, Silence
from watcher.store.tables import acks, silences

_OF_EPISODE = acks.delete().where(
    acks.c.symbol == bindparam("of_symbol"),
    acks.c.rule == bindparam("of_rule"),
    acks.c.episode == bindparam("of_episode"),
)


class Silences:
    """Silences by id, acks by symbol, rule and episode; those that are over are kept."""

    def __init__(self, connection: Connection) -> None:
        """Work in the transaction of `connection`."""
        self._connection = connection

    def add(self, silence: Silence) -> None:
        """Store a silence; the same one again does nothing."""
        values = {
            "id": silence.id,
            "symbols": json.dumps(silence.symbols),
            "rules": json.dumps(silence.rules),
            "severities": json.dumps(silence.severities),
            "starts": silence.starts,
            "ends": silence.ends,
            "why": silence.why,
        }
        self._connection.execute(silences.insert().prefix_with("OR IGNORE").values(values))

    def all(self, ending_after: datetime | None = None) -> list[Silence]:
        """Return the silences, those only that end after a moment if one is given, in the order they began."""
        query = select(silences).order_by(silences.c.starts, silences.c.id)
        if ending_after is not None:
            query = query.where(silences.c.ends > ending_after)
        return [
            Silence(
                tuple(json.loads(row.symbols)),
                tuple(json.loads(row.rules)),
                tuple(Severity(each) for each in json.loads(row.severities)),
                row.starts,
                row.ends,
                row.why,
            )
            for row in self._connection.execute(query)
        ]

    def end(self, silence: Silence, now: datetime) -> None:
        """Let a silence end now."""
        self._connection.execute(silences.update().where(silences.c.id == silence.id).values(ends=now))

    def acknowledge(self, ack: Ack) -> None:
        """Store an ack; acknowledging the same episode again does nothing."""
        values = {"symbol": ack.symbol, "rule": ack.rule, "episode": ack.episode, "at": ack.at}
        self._connection.execute(acks.insert().prefix_with("OR IGNORE").values(values))

    def forget_acks(self, episodes: Iterable[tuple[Symbol, str, date]]) -> None:
        """Drop the acks of episodes: a revision can open one anew after its end, which nobody knows of."""
        values = [{"of_symbol": symbol, "of_rule": rule, "of_episode": episode} for symbol, rule, episode in episodes]
        if values:
            self._connection.execute(_OF_EPISODE, values)

    def acks(self) -> list[Ack]:
        """Return all acks, oldest first."""
        order = (acks.c.at, acks.c.symbol, acks.c.rule)
        return [
            Ack(Symbol(row.symbol), row.rule, row.episode, row.at)
            for row in self._connection.execute(select(acks).order_by(*order))
        ]
