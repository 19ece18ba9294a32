"""Backups: made beside whoever is at work, looked at before they count, and put in the place of what is damaged."""

import itertools
import sqlite3
import stat
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.builders import notification, sessions, us_row
from tests.conftest import NOW
from watcher.core.judgement import News
from watcher.core.market import Symbol
from watcher.core.outbox import Status
from watcher.errors import StateDamaged, StoreError
from watcher.store import backup, file, opening, recovery, verification
from watcher.store.file import FILE
from watcher.store.lock import Left, Lock
from watcher.store.store import Store

US = Symbol("US.XRT")
DAY = timedelta(days=1)


def _made(directory: Path, **notes: str) -> None:
    """Make a store of several pages."""
    store = Store.open_for_writing(directory, "a test", NOW)
    with store.write() as tx:
        tx.rows.put_news([(US, News(tuple(us_row(when, volume=1.0) for when in sessions(500))))], NOW)
        for key, value in notes.items():
            tx.keep(key, value)
    store.close()


def _note(directory: Path, key: str) -> str | None:
    store = Store.open_beside(directory)
    with store.read() as tx:
        value = tx.note(key)
    store.close()
    return value


def _keep(directory: Path, key: str, value: str) -> None:
    store = Store.open_for_writing(directory, "a test", NOW)
    with store.write() as tx:
        tx.keep(key, value)
    store.close()


def _over(path: Path, place: int, content: bytes) -> None:
    with path.open("r+b") as opened:
        opened.seek(place, 0 if place >= 0 else 2)
        opened.write(content)


def _without(table: str) -> Callable[[Path], None]:
    def drop(path: Path) -> None:
        connection = sqlite3.connect(path)
        connection.execute(f"DROP TABLE {table}")
        connection.close()

    return drop


def _unmarked(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("DELETE FROM meta WHERE key = 'created'")
    connection.close()


def _orphaned(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("CREATE TABLE orphan (x)")
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("DELETE FROM sqlite_schema WHERE name = 'orphan'")
    connection.close()


DAMAGE = pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(lambda path: path.write_bytes(b""), "is empty", id="emptied"),
        pytest.param(lambda path: path.write_text("a letter " * 900), "is no database", id="another file"),
        pytest.param(lambda path: _over(path, 0, bytes(100)), "is no database", id="a bad header"),
        pytest.param(lambda path: _over(path, 68, b"\0\0\0\1"), "not a store of watcher", id="another's mark"),
        pytest.param(lambda path: _over(path, -4096, b"\xff" * 4096), "is damaged: ", id="a bad page"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:20_000]), "is cut short", id="cut short"),
        pytest.param(Path.unlink, "is not there", id="deleted"),
        pytest.param(_orphaned, "never used", id="pages that belong to nothing"),
        pytest.param(_without("alerts"), "lacks alerts", id="a table is gone"),
        pytest.param(_unmarked, "lacks the mark", id="the mark of a whole store is gone"),
    ],
)


@DAMAGE
def test_a_damaged_store_is_replaced_by_the_newest_good_backup(
    tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    _made(tmp_path, key="of the backup")
    backup.back_up(tmp_path, NOW)
    (tmp_path / "backups" / "watcher-20260303T090000Z.db").write_bytes(b"a newer one that is no good")
    _keep(tmp_path, "key", "of later")
    damage(tmp_path / FILE)
    left = (tmp_path / FILE).read_bytes() if (tmp_path / FILE).exists() else None
    store = Store.open_for_writing(tmp_path, "a test", NOW + DAY)
    with store.read() as tx:
        assert tx.note("key") == "of the backup"
        assert tx.recovered == "state was restored as of 2026-03-02 09:00 UTC"
    store.close()
    assert store.recovered is not None
    assert message in store.recovered
    assert "restored the backup watcher-20260302T090000Z.db" in store.recovered
    kept = tmp_path / "watcher.db.damaged-20260303T090000Z"
    assert (kept.read_bytes() if kept.exists() else None) == left
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


@DAMAGE
def test_without_a_backup_it_begins_anew_and_says_so(
    tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    _made(tmp_path, key="lost")
    damage(tmp_path / FILE)
    store = Store.open_for_writing(tmp_path, "a test", NOW + DAY)
    with store.read() as tx:
        assert tx.note("key") is None
        assert tx.recovered == recovery.LOST
    store.close()
    assert message in str(store.recovered)
    assert "begun anew" in str(store.recovered)


def test_what_was_recovered_is_marked_until_a_cycle_had_an_answer(tmp_path: Path) -> None:
    """A process that ends before its first cycle leaves the mark to the next one."""
    _made(tmp_path)
    (tmp_path / FILE).unlink()
    Store.open_for_writing(tmp_path, "the first", NOW).close()
    store = Store.open_for_writing(tmp_path, "the second", NOW)
    assert store.recovered is None, "that is told by the first"
    marks = []
    for troubled in (2, 1, 0):
        store.note_cycle(NOW, NOW, 2, troubled)
        with store.read() as tx:
            marks.append(tx.recovered)
    store.close()
    assert marks == [recovery.LOST, None, None]


def test_what_a_restored_store_still_has_to_tell_may_be_a_repeat(tmp_path: Path) -> None:
    store = Store.open_for_writing(tmp_path, "a test", NOW)
    with store.write() as tx:
        tx.alerts.add_transitions([notification()], NOW)
        tx.outbox.enqueue([notification()], NOW)
    store.close()
    backup.back_up(tmp_path, NOW)
    (tmp_path / FILE).unlink()
    store = Store.open_for_writing(tmp_path, "a test", NOW + DAY)
    with store.read() as tx:
        (entry,) = tx.outbox.entries()
    store.close()
    assert (entry.delivery.status, entry.delivery.unknowns) == (Status.PENDING, 1)


def test_the_journal_of_a_damaged_store_is_not_rolled_back_into_its_successor(tmp_path: Path) -> None:
    _made(tmp_path, key="value")
    backup.back_up(tmp_path, NOW)
    (tmp_path / FILE).write_bytes(b"")
    (tmp_path / f"{FILE}-journal").write_bytes(b"of the damaged one")
    Store.open_for_writing(tmp_path, "a test", NOW).close()
    assert _note(tmp_path, "key") == "value"
    assert not (tmp_path / f"{FILE}-journal").exists()
    assert (tmp_path / "watcher.db.damaged-20260302T090000Z-journal").read_bytes() == b"of the damaged one"


def test_what_a_crash_left_in_the_journal_is_rolled_back_and_is_no_damage(tmp_path: Path) -> None:
    """The journal is hot when a process dies after the first page of a commit was written."""
    _made(tmp_path, key="committed")
    connection = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    connection.execute("PRAGMA cache_size = 1")  # pages go to the file before the commit
    connection.execute("BEGIN")
    connection.execute("UPDATE rows SET volume = 2")
    connection.execute("UPDATE meta SET value = 'half' WHERE key = 'key'")
    journal, half = (tmp_path / f"{FILE}-journal").read_bytes(), (tmp_path / FILE).read_bytes()
    connection.close()
    (tmp_path / f"{FILE}-journal").write_bytes(journal)
    (tmp_path / FILE).write_bytes(half)
    store = Store.open_for_writing(tmp_path, "a test", NOW)
    with store.read() as tx:
        assert tx.note("key") == "committed"
        assert {row.volume for row in tx.rows.newest([US])[US]} == {1.0}  # type: ignore[union-attr]  # a US symbol's
    store.close()
    assert store.recovered is None


def test_a_large_store_is_looked_through_after_an_unclean_end_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "CHECKED_ALWAYS", 0)
    _made(tmp_path)
    _over(tmp_path / FILE, -4096, b"\xff" * 4096)
    store = Store.open_for_writing(tmp_path, "ends cleanly", NOW)
    store.close()
    assert store.recovered is None
    with Lock(tmp_path, "is killed") as lock:
        lock.note(Left.OPEN)
    store = Store.open_for_writing(tmp_path, "a test", NOW)
    store.close()
    assert "is damaged" in str(store.recovered)


def test_a_daily_backup_finds_damage_and_work_on_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next start looks at every page, for this one did not note a clean end."""
    monkeypatch.setattr(verification, "CHECKED_ALWAYS", 0)
    _made(tmp_path, key="value")
    backup.back_up(tmp_path, NOW - DAY)
    _over(tmp_path / FILE, -4096, b"\xff" * 4096)
    store = Store.open_for_writing(tmp_path, "a test", NOW)
    assert store.backup_due(NOW)
    with pytest.raises(StateDamaged, match="is damaged"):
        store.back_up(NOW)
    with pytest.raises(StateDamaged, match="is damaged"), store.read():
        pass
    store.close()
    assert [each.name for each in (tmp_path / "backups").iterdir()] == ["watcher-20260301T090000Z.db"]
    store = Store.open_for_writing(tmp_path, "a test", NOW)
    store.close()
    assert "is damaged" in str(store.recovered)
    assert _note(tmp_path, "key") == "value"


def test_a_store_deleted_under_a_daemon_is_put_back_whole(tmp_path: Path) -> None:
    """The file lives on as long as it is open: what is in it is copied to where it was."""
    store = Store.open_for_writing(tmp_path, "a test", NOW)
    with store.write() as tx:
        tx.keep("before", "it was deleted")
    (tmp_path / FILE).unlink()
    with store.write() as tx:
        tx.keep("after", "it was deleted")
    assert (_note(tmp_path, "before"), _note(tmp_path, "after")) == ("it was deleted", "it was deleted")
    store.close()
    assert Store.open_for_writing(tmp_path, "a test", NOW).recovered is None


def test_a_store_replaced_under_a_daemon_is_not_written_to(tmp_path: Path) -> None:
    """Neither the old one, which nobody would find again, nor the new one, of which nothing is known."""
    store = Store.open_for_writing(tmp_path, "a test", NOW)
    (tmp_path / "other").write_bytes((tmp_path / FILE).read_bytes())
    (tmp_path / "other").replace(tmp_path / FILE)
    for _ in range(2):
        with pytest.raises(StateDamaged, match="replaced while in use"), store.write():
            pass
    store.close()


def test_a_state_directory_that_is_gone_is_put_back_and_left_for_the_next_start(tmp_path: Path) -> None:
    """The lock went with it: whoever finds the directory would find nobody at work in it."""
    store = Store.open_for_writing(tmp_path / "state", "a test", NOW)
    with store.write() as tx:
        tx.keep("before", "it was deleted")
    (tmp_path / "state").rename(tmp_path / "moved")
    for _ in range(2):
        with pytest.raises(StateDamaged, match="deleted while in use, with its lock"), store.read():
            pass
    store.close()
    assert _note(tmp_path / "state", "before") == "it was deleted"


def test_a_state_directory_that_cannot_be_put_back_is_said(tmp_path: Path) -> None:
    store = Store.open_for_writing(tmp_path / "state", "a test", NOW)
    (tmp_path / "state").rename(tmp_path / "moved")
    (tmp_path / "state").write_text("somebody's file")
    with pytest.raises(StoreError, match="cannot be"), store.read():
        pass
    store.close()


def test_seven_backups_are_kept_for_their_owner_alone(tmp_path: Path) -> None:
    _made(tmp_path)
    for days in range(9):
        backup.back_up(tmp_path, NOW + days * DAY)
    kept = backup.backups(tmp_path, NOW + 9 * DAY)
    assert [backup.made_at(each) for each in kept] == [NOW + days * DAY for days in range(8, 1, -1)]
    assert {stat.S_IMODE(each.stat().st_mode) for each in kept} == {0o600}
    assert stat.S_IMODE((tmp_path / "backups").stat().st_mode) == 0o700
    assert sorted((tmp_path / "backups").iterdir()) == sorted(kept), "nothing half-made is left"


def test_a_backup_of_a_clock_that_was_ahead_counts_as_the_oldest(tmp_path: Path) -> None:
    """It would be restored for a year, and push out whatever is newer."""
    _made(tmp_path)
    for days in range(7):
        backup.back_up(tmp_path, NOW + 365 * DAY + days * DAY)
    made = backup.back_up(tmp_path, NOW)
    assert backup.newest_good(tmp_path, NOW) == made
    assert len(backup.backups(tmp_path, NOW)) == 7
    assert not backup.is_due(tmp_path, NOW + DAY / 2)


def test_what_a_killed_process_left_half_made_goes_after_a_day(tmp_path: Path) -> None:
    _made(tmp_path)
    (tmp_path / "backups").mkdir()
    young = f"watcher-{file.stamp(NOW - DAY + timedelta(seconds=1))}.db.unfinished"
    for name in (f"watcher-{file.stamp(NOW - DAY)}.db.unfinished-journal", "watcher-x.db.unfinished", young):
        (tmp_path / "backups" / name).touch()
    made = backup.back_up(tmp_path, NOW)
    assert sorted(each.name for each in (tmp_path / "backups").iterdir()) == [young, made.name]


@pytest.mark.parametrize(
    ("made", "due"),
    [
        pytest.param([], True, id="the first"),
        pytest.param([NOW - DAY], True, id="a day later"),
        pytest.param([NOW - DAY + timedelta(seconds=1)], False, id="within a day"),
        pytest.param([NOW - 2 * DAY, NOW - timedelta(hours=1)], False, id="the newest counts"),
        pytest.param([NOW + DAY], True, id="one of the future is of a clock that was wrong"),
    ],
)
def test_a_backup_is_due_once_a_day(tmp_path: Path, made: list[datetime], due: bool) -> None:
    (tmp_path / "backups").mkdir()
    for when in made:
        (tmp_path / "backups" / f"watcher-{file.stamp(when)}.db").touch()
    (tmp_path / "backups" / "watcher-before-the-holidays.db").touch()
    assert backup.is_due(tmp_path, NOW) is due


def test_an_older_store_is_backed_up_before_it_is_upgraded(tmp_path: Path) -> None:
    _made(tmp_path)
    connection = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    connection.execute("PRAGMA foreign_keys = OFF")
    for table in tables:
        connection.execute(f"DROP TABLE {table}")
    connection.execute("CREATE TABLE of_old (x)")
    connection.close()
    with pytest.raises(StoreError, match="at schema 0"):
        Store.open_beside(tmp_path)
    Store.open_for_writing(tmp_path, "a test", NOW).close()
    (made,) = backup.backups(tmp_path, NOW)
    kept = sqlite3.connect(made)
    assert kept.execute("SELECT name FROM sqlite_schema").fetchall() == [("of_old",)]
    kept.close()


def test_a_backup_beside_a_writer_is_of_one_moment(tmp_path: Path) -> None:
    """Every transaction writes the same number to two places: a copy in which they differ is of no moment at all."""
    _made(tmp_path)
    store = Store.open_for_writing(tmp_path, "a test", NOW)
    stop = threading.Event()

    def write() -> None:
        for number in itertools.count():
            if stop.is_set():
                return
            with store.write() as tx:
                tx.keep("one", str(number))
                tx.keep("two", str(number))
            stop.wait(0.002)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        copies = [backup.back_up(tmp_path, NOW + n * DAY) for n in range(5)]
    finally:
        stop.set()
        writer.join()
    store.close()
    for made in copies:
        copy = sqlite3.connect(made)
        values = copy.execute("SELECT DISTINCT value FROM meta WHERE key IN ('one', 'two')").fetchall()
        copy.close()
        assert len(values) <= 1


def test_no_backup_is_made_of_a_store_that_is_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_BUSY_SECONDS", 0.05)
    _made(tmp_path)
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match="locked by another process"):
        backup.back_up(tmp_path, NOW)
    other.close()


def test_no_backup_is_made_of_a_store_that_is_locked_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite alone would wait for ever, and the exit with it."""
    monkeypatch.setattr(opening, "_BUSY_SECONDS", 0.05)
    monkeypatch.setattr(opening, "_STEP", 1)
    _made(tmp_path, long="text " * 4_000_000)
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None, check_same_thread=False)
    locking = threading.Timer(0.01, lambda: other.execute("BEGIN EXCLUSIVE"))
    locking.start()
    with pytest.raises(StoreError, match="locked by another process"):
        backup.back_up(tmp_path, NOW)
    locking.join()
    other.close()
    assert list((tmp_path / "backups").iterdir()) == []


def test_backups_that_cannot_be_kept_are_said(tmp_path: Path) -> None:
    _made(tmp_path)
    (tmp_path / "backups").write_text("a file")
    with pytest.raises(StoreError, match="cannot hold backups"):
        backup.back_up(tmp_path, NOW)
