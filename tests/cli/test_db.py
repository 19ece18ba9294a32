"""db: looking after the store, the daemon at work or not."""

import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import NOW
from tests.end_to_end.live import environment, printed, watcher
from watcher.cli import main
from watcher.store import backup
from watcher.store.file import FILE
from watcher.store.store import Store
from watcher.store.tables import SCHEMA


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WATCHER_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "state"


@pytest.fixture
def made(state: Path) -> Path:
    """Return a state directory whose store holds a note."""
    store = Store.open_for_writing(state, "a test", NOW)
    with store.write() as tx:
        tx.keep("key", "value")
    store.close()
    return state


@pytest.fixture
def daemon(made: Path) -> Iterator[Store]:
    store = Store.open_for_writing(made, "a daemon", NOW)
    yield store
    store.close()


def db(*arguments: str) -> int:
    """Run `watcher db …` in this process and return its exit code."""
    before = sys.argv
    sys.argv = ["watcher", "db", *arguments]
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    finally:
        sys.argv = before
    return 0


def _note(directory: Path) -> str | None:
    store = Store.open_beside(directory)
    with store.read() as tx:
        value = tx.note("key")
    store.close()
    return value


@pytest.mark.parametrize("command", ["upgrade", "check", "backup"])
def test_without_state_there_is_nothing_to_look_after(
    state: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert db(command) == 75
    assert "there is no state yet" in capsys.readouterr().err
    assert not state.exists()


def test_a_check_says_how_much_there_is(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert db("check") == 0
    out = capsys.readouterr().out
    assert "no backup yet" in out
    assert f"{made / FILE}: fine, schema {SCHEMA}" in out
    assert "transitions" in out
    assert db("backup") == 0
    assert db("check") == 0
    assert "backups/watcher-" in capsys.readouterr().out.split("BACKUP")[1]


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        pytest.param("DELETE FROM transitions", "attempts: a row refers to outbox", id="a reference to nothing"),
        pytest.param("PRAGMA application_id = 1", "is not a store of watcher", id="not a store"),
    ],
)
def test_a_check_finds_what_is_wrong_and_ends_with_1(
    made: Path, capsys: pytest.CaptureFixture[str], damage: str, finding: str
) -> None:
    connection = sqlite3.connect(made / FILE, isolation_level=None)
    connection.execute("INSERT INTO attempts VALUES ('US.A', 'r', 1, 'c', 1, 'm', '2026-01-05', 'sent', NULL)")
    connection.execute(damage)
    connection.close()
    assert db("check") == 1
    assert finding in capsys.readouterr().out


def test_a_check_prints_json_with_its_findings(made: Path) -> None:
    (made / FILE).write_bytes((made / FILE).read_bytes()[:8192])
    done = watcher("db", "check", "--json", env=environment("http://unused", made), cwd=made.parent)
    assert done.returncode == 1
    found = printed(done)
    assert isinstance(found, dict)
    assert set(found) == {"file", "bytes", "schema", "findings", "counts", "backups"}
    assert "malformed" in found["findings"][0]


@pytest.mark.usefixtures("daemon")
def test_a_backup_is_made_beside_a_daemon(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert db("backup") == 0
    (kept,) = backup.backups(made, NOW)
    assert str(kept) in capsys.readouterr().out
    assert db("backup", "elsewhere.db", "--json") == 0
    assert '"file": "elsewhere.db"' in capsys.readouterr().out
    assert db("backup", "elsewhere.db") == 2
    assert "elsewhere.db is there already" in capsys.readouterr().err


@pytest.mark.usefixtures("daemon")
@pytest.mark.parametrize("arguments", [("restore", "elsewhere.db"), ("upgrade",)])
def test_beside_a_daemon_nothing_is_restored_or_upgraded(
    made: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert db("backup", "elsewhere.db") == 0
    assert db(*arguments) == 75
    assert "in use by a daemon" in capsys.readouterr().err
    assert _note(made) == "value"


def test_a_backup_takes_the_place_of_the_store_which_is_kept(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert db("backup", "elsewhere.db") == 0
    store = Store.open_for_writing(made, "a test", NOW)
    with store.write() as tx:
        tx.keep("key", "of later")
    store.close()
    capsys.readouterr()
    assert db("restore", "elsewhere.db") == 0
    assert _note(made) == "value"
    (kept,) = made.glob("watcher.db.replaced-*")
    assert capsys.readouterr().out == f"restored elsewhere.db\nthe store before it is kept as {kept}\n"
    store = Store.open_for_writing(made, "a test", NOW)
    assert store.recovered is None, "that was on purpose"
    with store.read() as tx:
        assert tx.recovered == "state was restored"
    store.close()


def test_a_backup_is_restored_where_there_is_no_state(
    made: Path, state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert db("backup", "elsewhere.db") == 0
    monkeypatch.setenv("WATCHER_STATE", str(state.parent / "new"))
    capsys.readouterr()
    assert db("restore", "elsewhere.db", "--json") == 0
    assert '"kept": null' in capsys.readouterr().out
    assert _note(state.parent / "new") == "value"
    assert _note(made) == "value"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, "is not there", id="no file"),
        pytest.param(b"", "is empty", id="an empty one"),
        pytest.param(b"a letter " * 900, "is no database", id="another file"),
    ],
)
def test_what_is_no_backup_is_not_restored(
    made: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, message: str
) -> None:
    if content is not None:
        Path("elsewhere.db").write_bytes(content)
    assert db("restore", "elsewhere.db") == 75
    assert message in capsys.readouterr().err
    assert _note(made) == "value"
    assert not list(made.glob("*replaced*"))


def test_a_directory_is_no_backup(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert db("restore", str(made)) == 75
    assert "cannot be read: Is a directory" in capsys.readouterr().err


def test_a_backup_of_a_newer_watcher_is_not_restored(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert db("backup", "elsewhere.db") == 0
    connection = sqlite3.connect("elsewhere.db", isolation_level=None)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    assert db("restore", "elsewhere.db") == 75
    assert "made by a newer watcher" in capsys.readouterr().err


def _made_older(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for (table,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        connection.execute(f"DROP TABLE {table}")
    connection.close()


def test_an_older_backup_is_upgraded_as_it_is_restored(made: Path) -> None:
    assert db("backup", "elsewhere.db") == 0
    _made_older(Path("elsewhere.db"))
    assert db("restore", "elsewhere.db") == 0
    assert _note(made) is None
    assert db("check") == 0


def test_an_upgrade_says_what_it_did(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert db("upgrade") == 0
    assert capsys.readouterr().out == f"schema {SCHEMA}: nothing to do\n"
    assert db("upgrade", "--json") == 0
    assert f'"to": "{SCHEMA}"' in capsys.readouterr().out
    _made_older(made / FILE)
    assert db("upgrade") == 0
    assert capsys.readouterr().out == f"upgraded from schema none to {SCHEMA}\n"
    assert len(backup.backups(made, NOW)) == 1
