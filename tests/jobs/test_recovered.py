"""A state that was lost: the operator is told, and what is told again says so."""

from pathlib import Path

from tests.builders import book, rule, sessions, us_row
from tests.conftest import NOW
from watcher.core.alert import Kind
from watcher.core.answer import Answered
from watcher.core.market import Symbol
from watcher.core.notification import Notification
from watcher.jobs.record import record
from watcher.jobs.recovered import tell_news_again, tell_recovered
from watcher.jobs.take_up import take_up
from watcher.store.file import FILE
from watcher.store.store import Store

US = Symbol("US.XRT")
LEVEL = book(rule(when="short_percent > 50"), digest="level")
ROWS = tuple(
    us_row(when, short_percent=percent) for when, percent in zip(sessions(4), (40.0, 60.0, 60.0, 40.0), strict=True)
)


def _told(store: Store, until: int) -> list[tuple[Kind, str | None]]:
    take_up(store, LEVEL, NOW)
    return _notes(record(store, LEVEL, [Answered(US, ROWS[:until])], NOW)[1])


def _notes(notifications: tuple[Notification, ...]) -> list[tuple[Kind, str | None]]:
    return [(each.kind, each.note) for each in notifications]


def _lost(directory: Path) -> Store:
    (directory / FILE).unlink()
    return Store.open_for_writing(directory, "a test", NOW)


def test_what_fires_is_told_with_the_reason_and_what_comes_later_without(tmp_path: Path) -> None:
    Store.open_for_writing(tmp_path, "a test", NOW).close()
    store = _lost(tmp_path)
    assert _told(store, 3) == [(Kind.OPENED, "state was lost: what fires now")]
    store.note_cycle(NOW, NOW, 1, 0)
    assert _told(store, 4) == [(Kind.RESOLVED, None)]
    store.close()


def test_what_a_restored_store_tells_again_keeps_its_id(tmp_path: Path) -> None:
    store = Store.open_for_writing(tmp_path, "a test", NOW)
    assert _told(store, 1) == []
    store.back_up(NOW)
    take_up(store, LEVEL, NOW)
    told = record(store, LEVEL, [Answered(US, ROWS)], NOW)[1]
    store.close()
    store = _lost(tmp_path)
    again = record(store, LEVEL, [Answered(US, ROWS)], NOW, away=True)[1]
    store.close()
    assert _notes(again) == [
        (Kind.OPENED, "state was restored as of 2026-03-02 09:00 UTC"),
        (Kind.RESOLVED, "state was restored as of 2026-03-02 09:00 UTC, while the watcher was away"),
    ]
    assert [each.id for each in again] == [each.id for each in told]


def test_the_operator_hears_of_it_once_and_that_it_is_over_once(tmp_path: Path) -> None:
    store = Store.open_for_writing(tmp_path, "a test", NOW)
    assert tell_recovered(store, LEVEL, NOW) == ()
    assert tell_news_again(store, LEVEL, NOW) == ()
    store.close()
    store = _lost(tmp_path)
    (notice,) = tell_recovered(store, LEVEL, NOW)
    assert "is not there; begun anew" in str(notice.facts.text)
    assert tell_recovered(store, LEVEL, NOW) == ()
    assert tell_news_again(store, LEVEL, NOW) == (), "no cycle has ended yet"
    store.note_cycle(NOW, NOW, 1, 0)
    assert [each.kind for each in tell_news_again(store, LEVEL, NOW)] == [Kind.RESOLVED]
    assert tell_news_again(store, LEVEL, NOW) == ()
    store.close()
