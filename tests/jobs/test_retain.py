"""Retention: what is old goes, in small transactions; what an alert, a window or a message needs stays."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pytest

from tests.builders import book, day, hk_row, notification, position, rule, sessions, us_row
from tests.conftest import NOW
from watcher.core.alert import Alert, Kind
from watcher.core.answer import DataState, SymbolState
from watcher.core.judgement import News
from watcher.core.market import Symbol
from watcher.core.notification import Entry, Notification
from watcher.core.outbox import Delivery, Status
from watcher.core.silence import Ack
from watcher.jobs.retain import KEPT_ROWS, Forgotten, retain
from watcher.store.store import Store
from watcher.store.tables import revisions, transitions
from watcher.writer import WriterThread

HK, US = Symbol("HK.00700"), Symbol("US.XRT")
FIVE_YEARS, YEAR, DAY = timedelta(days=5 * 365), timedelta(days=365), timedelta(days=1)
LONG_AGO = NOW - 6 * YEAR


def _retain(
    store: Store, now: datetime = NOW, retention: timedelta = FIVE_YEARS, lookback: int = 1
) -> Forgotten | None:
    writer = WriterThread()
    rules = book(rule(when=f"mean(close_price, {lookback}) > 1"))
    try:
        return asyncio.run(retain(store, rules, writer, now, retention))
    finally:
        writer.close()


def _put_rows(store: Store, count: int, first: date) -> None:
    with store.write() as tx:
        tx.rows.put_states([SymbolState(US, DataState.OK, NOW)])
        tx.rows.put_news([(US, News(tuple(us_row(when, volume=1.0) for when in sessions(count, first))))], NOW)


def _dates(store: Store) -> list[date]:
    with store.read() as tx:
        return [row.trade_date for row in tx.rows.newest([US]).get(US, ())]


@pytest.mark.parametrize(
    ("count", "first", "left"),
    [
        pytest.param(KEPT_ROWS + 50, day("2015-01-05"), KEPT_ROWS, id="windows look at the newest, however old"),
        pytest.param(KEPT_ROWS, day("2015-01-05"), KEPT_ROWS, id="no more than windows look at"),
        pytest.param(1000, day("2022-01-03"), 1000, id="nothing is older than the retention"),
        pytest.param(0, day("2022-01-03"), 0, id="a symbol without rows"),
    ],
)
def test_rows_older_than_the_retention_go(store: Store, count: int, first: date, left: int) -> None:
    _put_rows(store, count, first)
    assert _retain(store) == Forgotten(count - left, 0)
    assert _dates(store) == sessions(count, first)[count - left :]


def test_rows_up_to_the_retention_stay_beyond_what_windows_look_at(store: Store) -> None:
    _put_rows(store, 1600, day("2020-01-06"))
    before = NOW.date() - FIVE_YEARS
    _retain(store)
    assert _dates(store) == [when for when in sessions(1600, day("2020-01-06")) if when >= before]


def test_it_is_done_once_a_day(store: Store) -> None:
    _put_rows(store, KEPT_ROWS + 1, day("2015-01-05"))
    done = [_retain(store, NOW + hours * timedelta(hours=1)) for hours in (0, 23, 24)]
    assert done == [Forgotten(1, 0), None, Forgotten(0, 0)]
    assert _retain(store, NOW - 2 * DAY) == Forgotten(0, 0), "the clock was wrong the last time"


def test_positions_and_revisions_go_with_their_rows(store: Store) -> None:
    old, new = us_row("2015-01-05", volume=1.0), us_row("2015-01-05", volume=2.0)
    many = tuple(position(when, when, 1.0) for when in sessions(KEPT_ROWS + 5, "2012-01-02"))
    rows = tuple(hk_row(when, turnover=1.0) for when in sessions(KEPT_ROWS + 5, "2012-01-02"))
    with store.write() as tx:
        tx.rows.put_states([SymbolState(HK, DataState.OK, LONG_AGO), SymbolState(US, DataState.OK, LONG_AGO)])
        tx.rows.put_news([(HK, News(rows, positions=many)), (US, News((old,)))], LONG_AGO)
        tx.rows.put_news([(US, News((), ((old, new),)))], LONG_AGO)
        tx.rows.put_news([(HK, News((), ((rows[0], rows[0]._replace(turnover=2.0)),)))], LONG_AGO)
    _retain(store)
    with store.read() as tx:
        assert tx.rows.positions([HK])[HK] == many[5:]
        kept = tx._connection.execute(revisions.select()).all()
    assert [each.symbol for each in kept] == [US], "of a row that stays, the revisions stay"


def _tell(store: Store, number: int, kind: Kind, episode: str, at: datetime, status: Status = Status.SENT) -> None:
    told: Notification = notification(symbol=US, number=number, kind=kind, episode=day(episode))
    with store.write() as tx:
        tx.alerts.add_transitions([told], at)
        tx.outbox.enqueue([told], at)
        tx.outbox.put([Entry(told, Delivery(status))])


def _numbers(store: Store) -> list[int]:
    with store.read() as tx:
        return sorted(row.number for row in tx._connection.execute(transitions.select()))


OLD, YOUNG = LONG_AGO, NOW - DAY
_Told = tuple[Kind, str, datetime, Status]


@pytest.mark.parametrize(
    ("told", "left"),
    [
        pytest.param(
            [
                (Kind.OPENED, "2019-01-07", OLD, Status.SENT),
                (Kind.RESOLVED, "2019-01-07", OLD, Status.DEAD),
                (Kind.OPENED, "2026-02-02", YOUNG, Status.SENT),
            ],
            [3],
            id="an old episode",
        ),
        pytest.param(
            [(Kind.OPENED, "2019-01-07", OLD, Status.SENT), (Kind.RESOLVED, "2019-01-07", OLD, Status.SENT)],
            [2],
            id="the last number stays: the next one goes on from it",
        ),
        pytest.param(
            [(Kind.OPENED, "2019-01-07", OLD, Status.SENT), (Kind.RESOLVED, "2019-01-07", YOUNG, Status.SENT)],
            [1, 2],
            id="an old episode that ended lately is whole",
        ),
        pytest.param(
            [
                (Kind.OPENED, "2019-01-07", OLD, Status.PENDING),
                (Kind.RESOLVED, "2019-01-07", OLD, Status.CLAIMED),
                (Kind.OPENED, "2026-02-02", YOUNG, Status.SENT),
            ],
            [1, 2, 3],
            id="what may yet be told",
        ),
        pytest.param(
            [
                (Kind.OPENED, "2018-01-08", OLD, Status.SENT),
                (Kind.REMINDED, "2018-01-08", OLD, Status.SENT),
                (Kind.REMINDED, "2018-01-08", OLD, Status.SENT),
            ],
            [1, 2, 3],
            id="an alert that still fires keeps its opening",
        ),
    ],
)
def test_transitions_of_old_episodes_go_with_what_was_told(
    store: Store, told: Sequence[_Told], left: list[int]
) -> None:
    for number, (kind, episode, at, status) in enumerate(told, start=1):
        _tell(store, number, kind, episode, at, status)
    with store.write() as tx:
        tx.alerts.put([Alert(notification().rule, US, episode=day("2018-01-08"))])
    assert _retain(store) == Forgotten(0, len(told) - len(left))
    assert _numbers(store) == left
    with store.read() as tx:
        assert sorted(entry.notification.number for entry in tx.outbox.entries()) == left


def test_wishes_that_are_over_go(store: Store) -> None:
    with store.write() as tx:
        tx.alerts.put([Alert("fires", US, episode=day("2018-01-08"))])
        for name in ("fires", "ended"):
            tx.silences.acknowledge(Ack(US, name, day("2018-01-08"), LONG_AGO))
    _retain(store)
    with store.read() as tx:
        assert [ack.rule for ack in tx.silences.acks()] == ["fires"]
