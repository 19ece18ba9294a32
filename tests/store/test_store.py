"""The file itself: made whole or not at all, one holder, refused when it is not what it should be."""

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from tests.conftest import NOW
from watcher.errors import StateDamaged, StateInUse, StoreError
from watcher.store import schemas
from watcher.store import store as store_module
from watcher.store.store import FILE, Store, copy_to
from watcher.store.tables import SCHEMA


def _schema_of(path: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_schema").fetchall()
    return {(name, "".join(str(sql).split())) for name, sql in found}


def test_the_migrations_lead_to_what_a_new_store_is_made_of(tmp_path: Path) -> None:
    """A column added to the tables and forgotten in a migration would be missed on every machine but a new one."""
    new, migrated = tmp_path / "new", tmp_path / "migrated"
    for path in (new, migrated):
        path.touch()
    schemas.fill(new, NOW)
    schemas.migrate(migrated)
    assert _schema_of(new) == _schema_of(migrated)
    assert schemas.schema_of(new) == schemas.schema_of(migrated) == SCHEMA


def test_a_commit_leaves_another_mark(store: Store) -> None:
    before = store.mark()
    with store.write() as tx:
        tx.keep("key", "value" * 5000)  # longer, for two commits may be in one tick of the clock
    assert store.mark() not in {before, None}


def test_where_the_file_cannot_be_seen_there_is_no_mark(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "state" / FILE
    path.rename(path.with_name("elsewhere"))
    assert store.mark() is None
    path.with_name("elsewhere").rename(path)


def test_the_schema_named_in_the_code_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(store_module.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA


def test_state_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = Store.open_for_writing(tmp_path / "state", "a test", NOW)
        store.note_cycle(NOW, NOW, 1, 0)
        store.back_up(NOW)
        store.close()
    finally:
        os.umask(before)
    for path in (tmp_path / "state", *(tmp_path / "state").rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_the_second_holder_is_refused_and_told_who_the_first_is(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StateInUse, match="in use by a test"):
        Store.open_for_writing(tmp_path / "state", "another test", NOW)


def test_a_process_that_was_killed_leaves_no_lock(tmp_path: Path) -> None:
    """The kernel gives the lock back; a lock file of a dead process must not need anybody's help."""
    script = (
        "import os, sys; from datetime import UTC, datetime; from pathlib import Path\n"
        "from watcher.store.store import Store\n"
        "store = Store.open_for_writing(Path(sys.argv[1]), 'the dead', datetime(2026, 3, 2, tzinfo=UTC))\n"
        "os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert killed.returncode == -9
    Store.open_for_writing(tmp_path, "the living", NOW).close()


def test_a_store_whose_making_was_cut_short_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "watcher.db.unfinished").write_bytes(b"half a store")
    Store.open_for_writing(tmp_path, "a test", NOW).close()
    assert (tmp_path / FILE).exists()
    assert not (tmp_path / "watcher.db.unfinished").exists()


NOT_OURS = pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "is empty", id="an empty file opens as a new database, and is none"),
        pytest.param(b"no database, but text that is long enough" * 100, "is no database", id="something else"),
    ],
)


@NOT_OURS
def test_beside_a_daemon_a_file_that_is_no_store_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(StateDamaged, match=message.replace("is empty", "not a store of watcher: it is empty")):
        Store.open_beside(tmp_path)
    assert (tmp_path / FILE).read_bytes() == content


@NOT_OURS
def test_a_file_that_is_no_store_is_kept_under_another_name(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / FILE).write_bytes(content)
    opened = Store.open_for_writing(tmp_path, "a test", NOW)
    opened.close()
    assert opened.recovered is not None
    assert message in opened.recovered
    assert (tmp_path / "watcher.db.damaged-20260302T090000Z").read_bytes() == content


def test_a_store_of_another_program_is_kept_under_another_name(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / FILE).executescript("CREATE TABLE theirs (x)").close()
    opened = Store.open_for_writing(tmp_path, "a test", NOW)
    opened.close()
    assert opened.recovered is not None
    assert "not a store of watcher" in opened.recovered
    kept = sqlite3.connect(tmp_path / "watcher.db.damaged-20260302T090000Z")
    assert kept.execute("SELECT * FROM theirs").fetchall() == []
    kept.close()


def _set_schema(directory: Path, schema: str) -> None:
    connection = sqlite3.connect(directory / FILE)
    with connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (schema,))
    connection.close()


def test_a_store_of_a_newer_watcher_is_refused(tmp_path: Path) -> None:
    Store.open_for_writing(tmp_path, "a test", NOW).close()
    _set_schema(tmp_path, "9999")
    with pytest.raises(StoreError, match="made by a newer watcher"):
        Store.open_for_writing(tmp_path, "a test", NOW)
    with pytest.raises(StoreError, match="schema 9999"):
        Store.open_beside(tmp_path)


def test_a_failed_upgrade_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    """Nothing of a migration stays if a later step of it fails: the tables of the first are there already here."""
    Store.open_for_writing(tmp_path, "a test", NOW).close()
    _set_schema(tmp_path, "")
    connection = sqlite3.connect(tmp_path / FILE)
    with connection:
        connection.execute("DELETE FROM alembic_version")
        connection.execute("DROP TABLE meta")
    connection.close()
    with pytest.raises(StoreError, match="already exists"):
        Store.open_for_writing(tmp_path, "a test", NOW)
    connection = sqlite3.connect(tmp_path / FILE)
    assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchall()
    connection.close()


def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot hold the state"):
        Store.open_for_writing(tmp_path / "file" / "state", "a test", NOW)


def test_beside_a_daemon_the_store_can_be_read(store: Store, tmp_path: Path) -> None:
    with store.write() as tx:
        tx.keep("key", "value")
    beside = Store.open_beside(tmp_path / "state")
    with beside.read() as tx:
        assert tx.note("key") == "value"
        assert tx.note("other") is None
    assert (beside.holder, store.holder) == ("", "a test")
    beside.close()


def test_beside_a_daemon_reading_cannot_write(store: Store, tmp_path: Path) -> None:
    beside = Store.open_beside(tmp_path / "state")
    with pytest.raises(StoreError, match="read-only"), beside.write() as tx:
        tx.keep("key", "value")
    beside.close()


def test_without_state_there_is_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no state yet"):
        Store.open_beside(tmp_path)


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:

    def fail() -> None:
        with store.write() as tx:
            tx.keep("key", "value")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with store.read() as tx:
        assert tx.note("key") is None


def test_a_copy_holds_what_the_original_does_and_stays_apart(store: Store, tmp_path: Path) -> None:
    with store.write() as tx:
        tx.keep("key", "value")
    (tmp_path / "copy").mkdir()
    copy_to(tmp_path / "state", tmp_path / "copy")
    copy = Store.open_for_writing(tmp_path / "copy", "a test", NOW)
    with copy.write() as tx:
        assert tx.note("key") == "value"
        tx.keep("key", "changed")
    copy.close()
    with store.read() as tx:
        assert tx.note("key") == "value"


def test_of_no_store_there_is_no_copy(tmp_path: Path) -> None:
    copy_to(tmp_path / "none", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"ended": 1}'])
def test_a_note_of_the_last_cycle_that_cannot_be_read_is_none(store: Store, tmp_path: Path, content: str) -> None:
    store.note_cycle(NOW, NOW, 1, 0)
    assert store.last_cycle_ended() == NOW
    (tmp_path / "state" / "cycle.json").write_text(content)
    assert store.last_cycle_ended() is None


@contextmanager
def _barred(path: Path) -> Iterator[None]:
    """Be a user who may not read `path`: nobody, or, where that takes root, its owner without the right."""
    if os.geteuid() == 0:
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)
        return
    mode = path.stat().st_mode
    path.chmod(0)
    try:
        yield
    finally:
        path.chmod(mode)


@pytest.mark.parametrize("closed", ["directory", "file"])
def test_a_user_who_may_not_read_it_is_told_whom_to_become(tmp_path: Path, closed: str) -> None:
    state = tmp_path / "state"
    Store.open_for_writing(state, "a test", NOW).close()
    if closed == "file":
        state.chmod(0o755)
    owner = state.owner()
    for parent in (tmp_path, *tmp_path.parents):
        if parent.is_relative_to(tempfile.gettempdir()) and parent.stat().st_uid == os.geteuid():
            parent.chmod(parent.stat().st_mode | 0o055)
    with (
        _barred(state if closed == "directory" else state / FILE),
        pytest.raises(StoreError, match=f"may not be read by this user: become {owner}"),
    ):
        Store.open_beside(state)
