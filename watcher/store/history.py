"""History: transitions with their notifications and attempts, read together."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import TypeAlias

from sqlalchemy import ColumnElement, Connection, and_, case, func, select, true, tuple_

from watcher.core.history import Attempt, Recorded, Telling
from watcher.core.market import Symbol
from watcher.core.notification import Report
from watcher.core.outbox import Status
from watcher.store.alerts import report_fields
from watcher.store.outbox import Outbox
from watcher.store.tables import attempts, outbox, transitions

EpisodeKey: TypeAlias = tuple[Symbol, str, date]
_EPISODE = (transitions.c.symbol, transitions.c.rule, transitions.c.episode)
_WORD: ColumnElement[str] = case(
    (and_(outbox.c.status == Status.PENDING.value, outbox.c.held.is_not(None)), "held"), else_=outbox.c.status
)
"""As `Delivery.word`."""


class History:
    """What was recorded, told, and attempted."""

    def __init__(self, connection: Connection) -> None:
        """Work in the transaction of `connection`."""
        self._connection = connection

    def recorded(self, symbols: Sequence[str] | None, rules: Sequence[str] | None) -> list[Recorded]:
        """Return the transitions of these symbols and rules, all of them without, by symbol, rule and number."""
        chosen: list[ColumnElement[bool]] = []
        if symbols is not None:
            chosen.append(transitions.c.symbol.in_(symbols))
        if rules is not None:
            chosen.append(transitions.c.rule.in_(rules))
        return self._recorded(and_(true(), *chosen))

    def of_episodes(self, episodes: Sequence[EpisodeKey]) -> list[Recorded]:
        """Return the transitions of these episodes, by symbol, rule and number."""
        return self._recorded(tuple_(*_EPISODE).in_(episodes)) if episodes else []

    def episodes(
        self,
        *,
        symbols: Sequence[str] | None = None,
        rule: str | None = None,
        word: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        count: int,
        skip: int = 0,
    ) -> tuple[int, list[EpisodeKey]]:
        """Return how many episodes are like that, and some of them, those last heard of first.

        Of these symbols and of this rule; with a notification that stands so (`sent`, `held` …); with a transition
        that was recorded from `since` on and before `until`.
        """
        chosen: list[ColumnElement[bool]] = []
        if symbols is not None:
            chosen.append(transitions.c.symbol.in_(symbols))
        if rule is not None:
            chosen.append(transitions.c.rule == rule)
        if since is not None:
            chosen.append(transitions.c.at >= since)
        if until is not None:
            chosen.append(transitions.c.at < until)
        query = select(*_EPISODE)
        if word is not None:
            query = query.select_from(transitions.join(outbox))
            chosen.append(_WORD.in_((word,)))
        query = query.where(and_(true(), *chosen)).group_by(*_EPISODE)
        total: int = self._connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
        order = (func.max(transitions.c.at).desc(), transitions.c.episode.desc(), *_EPISODE[:2])
        found = self._connection.execute(query.order_by(*order).limit(count).offset(skip))
        return total, [(Symbol(symbol), name, episode) for symbol, name, episode in found]

    def _recorded(self, of_these: ColumnElement[bool]) -> list[Recorded]:
        order = (transitions.c.symbol, transitions.c.rule, transitions.c.number)
        tellings = self._tellings(of_these)
        return [
            Recorded(Report(**report_fields(row)), row.at, tuple(tellings[row.symbol, row.rule, row.number]))
            for row in self._connection.execute(select(transitions).where(of_these).order_by(*order))
        ]

    def last(self, symbol: Symbol, rule: str) -> Report | None:
        """Return the newest transition of a rule on a symbol, if there is any."""
        of_these = (transitions.c.symbol == symbol, transitions.c.rule == rule)
        query = select(transitions).where(*of_these).order_by(transitions.c.number.desc()).limit(1)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else Report(**report_fields(row))

    def _tellings(self, of_these: ColumnElement[bool]) -> dict[tuple[str, str, int], list[Telling]]:
        query = select(attempts).select_from(transitions.join(outbox).join(attempts)).where(of_these)
        made: dict[tuple[str, str, int, str], list[Attempt]] = defaultdict(list)
        for row in self._connection.execute(query.order_by(attempts.c.attempt)):
            attempt = Attempt(row.attempt, row.at, row.outcome, row.reason, row.message)
            made[row.symbol, row.rule, row.number, row.channel].append(attempt)
        found: dict[tuple[str, str, int], list[Telling]] = defaultdict(list)
        for entry in Outbox(self._connection).entries(of_these):
            told = entry.notification
            of_it = made[told.symbol, told.rule, told.number, told.channel]
            found[told.symbol, told.rule, told.number].append(Telling(told, entry.delivery, tuple(of_it)))
        return found
