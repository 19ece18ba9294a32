"""The N-th durable write fails, for N = 1, 2, 3 …: nothing is lost, and nothing is told that is not stored."""

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler
from io import StringIO
from itertools import count
from pathlib import Path

import pytest

from tests.builders import sessions, us_row
from tests.conftest import NOW
from tests.delivery.receivers import Webhook, status
from tests.end_to_end.live import ManualClock, rules, settings
from tests.upstream.servers import serving
from watcher.core.answer import Answered
from watcher.core.market import Symbol
from watcher.core.outbox import Status
from watcher.core.silence import Silence
from watcher.errors import StoreError
from watcher.jobs.deliver import deliver, drain
from watcher.jobs.operate import Chosen, acknowledge, add_silence, drop, end_silence, retry
from watcher.jobs.poll import poll
from watcher.jobs.take_up import take_up
from watcher.store import opening
from watcher.store.store import Store
from watcher.upstream.refusal import RetCode
from watcher.upstream.server import create_app
from watcher.wiring import Live, live
from watcher.writer import WriterThread

US = Symbol("US.XRT")
ROWS = tuple(us_row(when, short_percent=60.0 if n % 2 else 40.0) for n, when in enumerate(sessions(4)))
LEVEL = rules(
    '[channels.hook]\n[[rule]]\nname = "level"\nsymbols = ["US.XRT"]\nwhen = "short_percent > 50"\nnotify = ["hook"]\n'
)


class Refusal:
    """Refuses one commit, by SQLite's own authorizer."""

    def __init__(self, store: Store, number: int) -> None:
        self.number = number
        self.commits = 0
        with store._reader.connect() as connection:
            opening.driver(connection).set_authorizer(self)

    def __call__(self, action: int, operation: str | None, *_: str | None) -> int:
        if action != sqlite3.SQLITE_TRANSACTION or operation != "COMMIT":
            return sqlite3.SQLITE_OK
        self.commits += 1
        return sqlite3.SQLITE_DENY if self.commits == self.number else sqlite3.SQLITE_OK

    @property
    def refused(self) -> bool:
        return self.commits >= self.number


class Published:
    """An archive of which so many rows are published."""

    def __init__(self) -> None:
        self.rows = 1

    @property
    def as_of(self) -> date:
        return ROWS[self.rows - 1].trade_date

    def advance(self) -> date | None:
        self.rows = min(self.rows + 1, len(ROWS))
        return self.as_of

    def answer(self, symbol: Symbol, count: int) -> Answered | RetCode:
        return Answered(symbol, ROWS[: self.rows][-count:])


class Listener:
    """Looks, whenever something is told, what is stored."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self.stored: list[set[str]] = []

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        beside = Store.open_beside(self._state)
        with beside.read() as tx:
            self.stored.append({entry.notification.id for entry in tx.outbox.entries()})
        beside.close()
        status(200)(handler)


async def _days(parts: Live, archive: Published) -> None:
    """Take up the rules, poll on a quiet day and on one that opens, ends and opens, silence, deliver."""
    clock = parts.clock
    await parts.writer(lambda: take_up(parts.store, LEVEL, clock.now()))
    for rows in (1, len(ROWS)):
        archive.rows = rows
        await poll([US], parts.current_book, parts.upstream, parts.store, parts.writer, clock)
    silence = Silence.asked(["US.GME"], [], [], timedelta(days=1), "another symbol", clock.now())
    await parts.writer(lambda: add_silence(parts.store, silence))
    await parts.writer(lambda: end_silence(parts.store, silence.id, clock.now() + timedelta(minutes=1)))
    await deliver(parts.store, parts.channels, parts.current_book, parts.writer, clock, lambda: 0.0)


def test_whichever_durable_write_fails_nothing_is_lost_and_nothing_told_that_is_not_stored(tmp_path: Path) -> None:
    """The first fails, then the second, and so on, until a run needs no more; after each, the next start goes on."""
    archive = Published()
    with serving(create_app(archive)) as url:
        for number in count(1):
            state = tmp_path / str(number)
            listener = Listener(state)

            async def run(hook: Webhook, failing: int | None, state: Path = state) -> bool:
                configured = settings(url, state, {"hook": hook.url})
                async with live(configured, LEVEL, StringIO()) as parts:
                    refusal = await parts.writer(lambda: Refusal(parts.store, failing or 0))
                    try:
                        await _days(parts, archive)
                    except* StoreError:
                        assert failing is not None
                    return failing is not None and refusal.refused

            with Webhook(listener) as hook:
                refused = asyncio.run(run(hook, number))
                asyncio.run(run(hook, None))
            store = Store.open_beside(state)
            with store.read() as tx:
                entries = tx.outbox.entries()
            store.close()
            assert {entry.delivery.status for entry in entries} == {Status.SENT}
            assert len(entries) == 3, "opened, resolved, opened"
            ids = [entry.notification.id for entry in entries]
            told = [[id_ for id_ in ids if id_ in body["message"]] for body in hook.bodies]
            assert {id_ for message in told for id_ in message} == set(ids)
            assert sum(map(len, told)) <= 2 * len(entries), "at most one repeat each"
            for message, stored in zip(told, listener.stored, strict=True):
                assert stored.issuperset(message)
            if not refused:
                assert sum(map(len, told)) == len(entries), "nothing failed, nothing is repeated"
                break
    assert number > 7, "take up, twice the rows, a silence and its end, claim, settle"


def test_where_nothing_can_be_written_and_nothing_is_to_be_told_nothing_happens(tmp_path: Path) -> None:
    writer = WriterThread()

    async def drained() -> int:
        store = await writer(lambda: Store.open_for_writing(tmp_path, "a test", NOW))
        await writer(lambda: Refusal(store, 1))
        attempts = drain("hook", store, None, lambda: LEVEL, writer, ManualClock(NOW), lambda: 0.0)
        count = len([attempt async for attempt in attempts])
        await writer(store.close)
        return count

    assert asyncio.run(drained()) == 0
    writer.close()


ACTS: list[tuple[str, Callable[[Store], object]]] = [
    ("silence", lambda store: add_silence(store, _silence())),
    ("ack", lambda store: acknowledge(store, "level", US, NOW)),
    ("retry", lambda store: retry(store, Chosen([], None), NOW + timedelta(hours=1))),
    ("drop", lambda store: drop(store, Chosen([], None))),
]


def _silence() -> Silence:
    return Silence.asked([str(US)], [], [], timedelta(days=1), "because", NOW)


@pytest.mark.parametrize("act", [pytest.param(act, id=name) for name, act in ACTS])
def test_what_a_person_does_is_done_whole_or_not_at_all(tmp_path: Path, act: Callable[[Store], object]) -> None:
    archive = Published()
    archive.rows = 2
    with serving(create_app(archive)) as url:

        async def fire() -> None:
            configured = settings(url, tmp_path, {"hook": "json://127.0.0.1:1/"})
            async with live(configured, LEVEL, StringIO()) as parts:
                await parts.writer(lambda: take_up(parts.store, LEVEL, NOW))
                await poll([US], parts.current_book, parts.upstream, parts.store, parts.writer, ManualClock(NOW))

        asyncio.run(fire())
    store = Store.open_for_writing(tmp_path, "a test", NOW)
    before = _said_by_hand(store)
    Refusal(store, 1)
    with pytest.raises(StoreError):
        act(store)
    assert _said_by_hand(store) == before
    act(store)
    assert _said_by_hand(store) != before
    store.close()


def _said_by_hand(store: Store) -> object:
    with store.read() as tx:
        return tx.silences.all(), tx.silences.acks(), tx.outbox.entries()
