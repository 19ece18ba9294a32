"""Opening the file of the store: connections to it, and what the driver says of it, for people."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import StaticPool

from watcher.errors import StateDamaged, StoreError

_BUSY_SECONDS = 5.0
_STEP = 2048
"""Pages that are copied at once: a writer waits for 8 MiB, not for the whole."""


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Return a connection to the store; `mode` is ro or rw."""
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


def engine(path: Path, mode: str) -> Engine:
    """Return what connects to the store, once; with the option `writes`, its transactions begin as writers."""
    connected = create_engine("sqlite://", creator=lambda: connect(path, mode), poolclass=StaticPool)

    @event.listens_for(connected, "begin")
    def begin(connection: Connection) -> None:
        # the driver begins nothing by itself (isolation_level=None), so that DDL rolls back, too
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return connected


def driver(connection: Connection) -> sqlite3.Connection:
    """Return the driver's own connection."""
    found = connection.connection.driver_connection
    assert isinstance(found, sqlite3.Connection)  # noqa: S101 - for the type checker
    return found


@contextmanager
def as_store_error(path: Path) -> Iterator[None]:
    """Say in our words what the driver says of the file; faults of the program pass as they are.

    Raises:
        StateDamaged: it is not what it should be.
        StoreError: it cannot be read or written now; says whether the disk is full, read-only or failing.
    """
    try:
        yield
    except (DatabaseError, sqlite3.DatabaseError) as error:
        cause = error.orig if isinstance(error, DatabaseError) else error
        if not isinstance(cause, sqlite3.DatabaseError) or isinstance(cause, sqlite3.IntegrityError):
            raise
        raise _told(path, cause) from error


def _told(path: Path, cause: sqlite3.DatabaseError) -> StoreError:
    code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    match code & 0xFF:
        case sqlite3.SQLITE_NOTADB:
            return StateDamaged(f"{path} is no database: its first bytes are something else")
        case sqlite3.SQLITE_CORRUPT:
            return StateDamaged(f"{path} is damaged: {cause}")
        case sqlite3.SQLITE_FULL:
            return StoreError(f"{path} cannot be written: the disk is full")
        case sqlite3.SQLITE_READONLY:
            return StoreError(f"{path} cannot be written: it, or its disk, is read-only")
        case sqlite3.SQLITE_BUSY:
            return StoreError(f"{path} is locked by another process")
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_CANTOPEN:
            return StoreError(f"{path} cannot be read or written: {cause} ({cause.sqlite_errorname})")
    return StoreError(f"{path} cannot be used: {cause}")


def copy(source: Path, target: Path) -> None:
    """Copy a store into an empty file, as it is at one moment; others may write to it meanwhile.

    Raises:
        StateDamaged: it cannot be read to its end.
        StoreError: it cannot be read, or the copy cannot be written.
    """

    def wait(status: int, _remaining: int, _total: int) -> None:
        if status == sqlite3.SQLITE_BUSY:  # for _BUSY_SECONDS: the driver alone would wait for ever
            raise StoreError(f"{source} is locked by another process")

    with as_store_error(source), closing(connect(source, "ro")) as read, closing(sqlite3.connect(target)) as written:
        read.execute("SELECT name FROM sqlite_schema")  # what is wrong from here on is wrong with the copy
        with as_store_error(target):
            read.backup(written, pages=_STEP, progress=wait, sleep=0.002)
