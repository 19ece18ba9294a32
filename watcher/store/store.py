"""The store: one SQLite file in the state directory, and the transactions on it."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Self

from sqlalchemy import Connection, Engine, create_engine, event, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import StaticPool

from watcher.errors import StateDamaged, StoreError
from watcher.store.alerts import Alerts
from watcher.store.lock import Lock
from watcher.store.outbox import Outbox
from watcher.store.rows import Rows
from watcher.store.tables import APPLICATION_ID, SCHEMA, meta

FILE = "watcher.db"
_CYCLE = "cycle.json"
_BUSY_SECONDS = 5.0


class Transaction:
    """What can be read and written, all of it or nothing."""

    def __init__(self, connection: Connection) -> None:
        """Work on a connection that is in a transaction."""
        self._connection = connection
        self.rows = Rows(connection)
        self.alerts = Alerts(connection)
        self.outbox = Outbox(connection)

    def note(self, key: str) -> str | None:
        """Return what was kept under `key`."""
        return self._connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar()

    def keep(self, key: str, value: str) -> None:
        """Keep a short text under `key`."""
        self._connection.execute(meta.delete().where(meta.c.key == key))
        self._connection.execute(meta.insert().values(key=key, value=value))


class Store:
    """An open store. Not for two threads at once: the daemon calls it in one thread of its own."""

    def __init__(self, directory: Path, engine: Engine, lock: Lock | None) -> None:
        """Use `open_for_writing` or `open_beside`."""
        self._directory = directory
        self._reader = engine
        self._writer = engine.execution_options(writes=True)
        self._lock = lock

    @classmethod
    def open_for_writing(cls, directory: Path, holder: str, now: datetime) -> Self:
        """Take the lock of the state directory, made if it is not there, and open its store, upgraded if it is older.

        Claims that a process left behind when it died are freed: who holds the lock knows that it is dead.

        Raises:
            StateInUse: another process has the lock.
            StateDamaged: there is a file that is not a store.
            StoreError: the directory cannot be written, or the store is newer than this program.
        """
        path = directory / FILE
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = Lock(directory, holder)
        except OSError as error:
            raise StoreError(f"{directory} cannot hold the state: {error.strerror}") from error
        try:
            if not path.exists():
                _create(path, now)
        except BaseException:
            lock.release()
            raise
        store = cls(directory, _engine(path, "rw"), lock)
        with store._closed_on_error(path):
            _verify(store._reader, path)
            _upgrade(store._writer, path)
            with store.write() as tx:
                tx.outbox.free_claims(now)
        return store

    @classmethod
    def open_beside(cls, directory: Path, *, writes: bool = False) -> Self:
        """Open the store beside a running daemon: to look, or for short transactions on what the daemon does not own.

        Raises:
            StoreError: there is none, it may not be read, or it is at another schema than this program.
            StateDamaged: there is a file that is not a store.
        """
        path = directory / FILE
        if not os.access(directory, os.R_OK | os.X_OK) and directory.exists():
            raise StoreError(f"{directory} may not be read by this user: become {directory.owner()}, who owns it")
        if not path.exists():
            raise StoreError(f"{path}: there is no state yet; `watcher run` or `watcher poll` makes it")
        if not os.access(path, os.R_OK):
            raise StoreError(f"{path} may not be read by this user: become {path.owner()}, who owns it")
        store = cls(directory, _engine(path, "rw" if writes else "ro"), None)
        with store._closed_on_error(path):
            _verify(store._reader, path)
            found = _schema(store._reader)
            if found != SCHEMA:
                raise StoreError(
                    f"{path} is at schema {found}, this program at {SCHEMA}: the daemon upgrades it at its start"
                )
        return store

    @contextmanager
    def _closed_on_error(self, path: Path) -> Iterator[None]:
        try:
            with _as_store_error(path):
                yield
        except BaseException:
            self.close()
            raise

    @property
    def holder(self) -> str:
        """Names the process that has the lock; empty beside it."""
        return self._lock.holder if self._lock else ""

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Look at one consistent state."""
        with self._reader.begin() as connection:
            yield Transaction(connection)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Change the state: all that is done within is committed at its end, or nothing is."""
        with self._writer.begin() as connection:
            yield Transaction(connection)

    def note_cycle(self, started: datetime, ended: datetime, symbols: int, troubled: int) -> None:
        """Note that a cycle over `symbols` symbols ended, `troubled` of them unanswered.

        In a small file of its own: a cycle with nothing new makes no transaction.
        """
        noted = {"started": started.isoformat(), "ended": ended.isoformat(), "symbols": symbols, "troubled": troubled}
        unfinished = self._directory / f"{_CYCLE}.new"
        unfinished.write_text(json.dumps(noted), "utf-8")
        unfinished.replace(self._directory / _CYCLE)

    def backup_to(self, other: sqlite3.Connection) -> None:
        """Copy all of it, as it is at one moment."""
        with self._reader.connect() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - for the type checker
            driver.backup(other)

    def close(self) -> None:
        """Close the file and give back the lock."""
        self._reader.dispose()
        if self._lock is not None:
            self._lock.release()


def last_cycle(directory: Path) -> dict[str, object] | None:
    """Return what `Store.note_cycle` noted last in a state directory; None where there is nothing that can be read."""
    try:
        noted = json.loads((directory / _CYCLE).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return noted if isinstance(noted, dict) else None


def copy_to(directory: Path, other: Path) -> None:
    """Copy the store of a state directory, if there is one, to another directory; a daemon may be at work on it.

    Raises:
        StoreError: as `Store.open_beside`.
    """
    if not (directory / FILE).exists():
        return
    store = Store.open_beside(directory)
    try:
        with _as_store_error(directory / FILE), closing(sqlite3.connect(other / FILE)) as copy:
            store.backup_to(copy)
    finally:
        store.close()


def _engine(path: Path, mode: str) -> Engine:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        for pragma in ("journal_mode=DELETE", "synchronous=EXTRA", "foreign_keys=ON", "trusted_schema=OFF"):
            if mode == "rw" or not pragma.startswith("journal_mode"):
                connection.execute(f"PRAGMA {pragma}")
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=StaticPool)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # the driver begins nothing by itself (isolation_level=None), so that DDL rolls back, too
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def _as_store_error(path: Path) -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        cause = str(error.orig)
        if "malformed" in cause or "not a database" in cause:
            raise StateDamaged(
                f"{path} is damaged: {cause}; put a backup in its place: `watcher db restore`"
            ) from error
        raise StoreError(f"{path} cannot be used: {cause}") from error


def _verify(engine: Engine, path: Path) -> None:
    with engine.begin() as connection:
        found = connection.exec_driver_sql("PRAGMA application_id").scalar()
        if found != APPLICATION_ID:
            raise StateDamaged(f"{path} is not a store of watcher: it is empty, or something else")


def _schema(engine: Engine) -> str:
    with engine.begin() as connection:
        return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() or ""


def _create(path: Path, now: datetime) -> None:
    """Make a new store beside the place and move it there whole: half a store is never found under its name."""
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    engine = _engine(unfinished, "rw").execution_options(writes=True)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        _migrate(connection)
        connection.execute(meta.insert().values(key="created", value=now.isoformat()))
    engine.dispose()
    unfinished.replace(path)


def _upgrade(engine: Engine, path: Path) -> None:
    found = _schema(engine)
    if found == SCHEMA:
        return
    if found > SCHEMA:
        raise StoreError(
            f"{path} is at schema {found}, made by a newer watcher; this one knows {SCHEMA}: upgrade watcher"
        )
    with engine.begin() as connection:
        _migrate(connection)


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
