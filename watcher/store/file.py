"""The file of the store: made whole or not at all, verified, upgraded; and what the driver says of it, for people."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import StaticPool

from watcher.errors import StateDamaged, StoreError
from watcher.store.tables import APPLICATION_ID, SCHEMA, metadata

FILE = "watcher.db"
CHECKED_ALWAYS = 128 * 2**20
"""Bytes up to which a store is checked at every start, within 0.4 s; a larger one only after an unclean end."""
_BUSY_SECONDS = 5.0
_VERSIONS = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)
"""As Alembic makes it."""
_STEP = 2048
"""Pages that are copied at once: a writer waits for 8 MiB, not for the whole."""


def found_in(directory: Path) -> Path:
    """Return the file of the store in a state directory.

    Raises:
        StoreError: there is none, or this user may not read it; says which user to become.
    """
    path = directory / FILE
    if not os.access(directory, os.R_OK | os.X_OK, effective_ids=True) and directory.exists():
        raise StoreError(f"{directory} may not be read by this user: become {directory.owner()}, who owns it")
    if not path.exists():
        raise StoreError(f"{path}: there is no state yet; `watcher run` or `watcher poll` makes it")
    if not os.access(path, os.R_OK, effective_ids=True):
        raise StoreError(f"{path} may not be read by this user: become {path.owner()}, who owns it")
    return path


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


def verify(path: Path, *, thorough: bool) -> None:
    """Look whether the file is a store, of whatever schema; `thorough` looks at every page of it, small or not.

    Nobody else in this process may have it open: reading a file and closing it ends the locks on it.

    Raises:
        StateDamaged: it is not; says what is wrong.
        StoreError: it cannot be read.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            header = file.read(100)
    except FileNotFoundError as error:
        raise StateDamaged(f"{path} is not there any more") from error
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    if not size:
        raise StateDamaged(f"{path} is empty: it was a store once, or never one")
    if (whole := _whole_size(header)) > size and not journal(path).exists():
        raise StateDamaged(f"{path} is cut short: {size:,} bytes are left of {whole:,}")
    mode = "rw" if journal(path).exists() else "ro"  # what a crash left in the journal is rolled back
    with as_store_error(path), closing(connect(path, mode)) as connection:
        _verify_origin(connection, path)
        if thorough or size <= CHECKED_ALWAYS:
            findings = [finding for (finding,) in connection.execute("PRAGMA quick_check(3)")]
            if findings != ["ok"]:
                raise StateDamaged(f"{path} is damaged: {'; '.join(findings)}")
        if _schema(connection) == SCHEMA:
            _verify_tables(connection, path)


def verify_beside(path: Path) -> None:
    """Look whether what another process has open is a store at the schema of this program.

    Raises:
        StateDamaged: it is no store.
        StoreError: it cannot be read, or is at another schema; says which of both is to be upgraded.
    """
    with as_store_error(path), closing(connect(path, "ro")) as connection:
        _verify_origin(connection, path)
        found = _schema(connection)
    refuse_newer(path, found)
    if found != SCHEMA:
        raise StoreError(
            f"{path} is at schema {found or '0'}, this program at {SCHEMA}: the daemon upgrades it at its start, "
            "or `watcher db upgrade`"
        )


def refuse_newer(path: Path, found: str) -> None:
    """See that the schema is not newer than this program.

    Raises:
        StoreError: it is.
    """
    if found > SCHEMA:
        raise StoreError(
            f"{path} is at schema {found}, made by a newer watcher; this one knows {SCHEMA}: upgrade watcher"
        )


def _verify_origin(connection: sqlite3.Connection, path: Path) -> None:
    ((found,),) = connection.execute("PRAGMA application_id")
    if found != APPLICATION_ID:
        raise StateDamaged(f"{path} is not a store of watcher: it is empty, or another program's")


def _verify_tables(connection: sqlite3.Connection, path: Path) -> None:
    if missing := sorted(set(metadata.tables).difference(_tables(connection))):
        raise StateDamaged(f"{path} lacks {', '.join(missing)}")
    if not connection.execute("SELECT 1 FROM meta WHERE key = 'created'").fetchall():
        raise StateDamaged(f"{path} lacks the mark of a store that was made whole")


def _whole_size(header: bytes) -> int:
    """Return the size of the file by its own header; 0 where that cannot be told (sqlite.org/fileformat2.html)."""
    if not header.startswith(b"SQLite format 3\0") or header[24:28] != header[92:96]:
        return 0
    page_size = int.from_bytes(header[16:18], "big")
    return (65536 if page_size == 1 else page_size) * int.from_bytes(header[28:32], "big")


def schema(path: Path) -> str:
    """Return the schema of the store; empty before its first.

    Raises:
        StoreError: it cannot be read.
    """
    with as_store_error(path), closing(connect(path, "ro")) as connection:
        return _schema(connection)


def _schema(connection: sqlite3.Connection) -> str:
    if "alembic_version" not in _tables(connection):
        return ""
    found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(found[0]) if found else ""


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def fill(path: Path, now: datetime) -> None:
    """Make a new store of an empty file: the tables as they are now, and the mark of the migration that leads there.

    Alembic would come to the same, as a test sees to, after half a second and with fifteen megabytes.
    """
    opened = engine(path, "rw").execution_options(writes=True)
    try:
        with as_store_error(path), opened.begin() as connection:
            connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
            metadata.create_all(connection, checkfirst=False)
            connection.exec_driver_sql(_VERSIONS)
            connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (SCHEMA,))
            connection.exec_driver_sql("INSERT INTO meta (key, value) VALUES ('created', ?)", (now.isoformat(),))
    finally:
        opened.dispose()


def migrate(path: Path) -> None:
    """Bring an older store to the schema of this program, or leave it as it is."""
    opened = engine(path, "rw").execution_options(writes=True)
    try:
        with as_store_error(path), opened.begin() as connection:
            _migrate(connection)
    finally:
        opened.dispose()


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


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


@contextmanager
def whole(path: Path, *, lasting: bool = True) -> Iterator[Path]:
    """Yield the name of an empty file beside `path`, for its owner alone, and move it there once it is written whole.

    With `lasting`, the move outlives a power cut.

    Raises:
        StoreError: the directory cannot be written, or is full.
    """
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        _remove(unfinished)
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        give_to_owner(unfinished)
        yield unfinished
        unfinished.replace(path)
        if lasting:
            _sync(path.parent)
    except BaseException as error:
        _remove(unfinished)
        if isinstance(error, OSError):
            raise StoreError(f"{path} cannot be written: {error.strerror}") from error
        raise


def give_to_owner(path: Path) -> None:
    """Have what root makes belong to whom the directory belongs, as SQLite does with its journals.

    Or else the service could not use what an administrator restored, nor add to the backups.
    """
    owner = path.parent.stat()
    with suppress(PermissionError):  # of anybody but root: then it is the maker's own
        os.chown(path, owner.st_uid, owner.st_gid)


def _remove(unfinished: Path) -> None:
    for left_over in (unfinished, journal(unfinished)):
        left_over.unlink(missing_ok=True)


def _sync(directory: Path) -> None:
    opened = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def journal(path: Path) -> Path:
    """Return where SQLite keeps what it needs to roll back."""
    return path.with_name(f"{path.name}-journal")


def put_aside(path: Path, now: datetime, why: str) -> Path | None:
    """Keep a file under another name, `watcher.db.damaged-20260302T090000Z`; None if there is none.

    Its journal goes first: rolled back into whatever takes its place, it would be the next damage.
    """
    aside = path.with_name(f"{path.name}.{why}-{stamp(now)}")
    if journal(path).exists():
        journal(path).replace(journal(aside))
    if not path.exists():
        return None
    return path.replace(aside)


def stamp(now: datetime) -> str:
    """Return the moment as it is written in names of files: text order is time order."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
