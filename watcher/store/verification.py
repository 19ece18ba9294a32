"""Verification: see whether the file is a store, and whole."""

import sqlite3
from contextlib import closing
from pathlib import Path

from watcher.errors import StateDamaged, StoreError
from watcher.store.file import journal
from watcher.store.opening import as_store_error, connect
from watcher.store.schemas import refuse_newer, schema_through, tables_through
from watcher.store.tables import APPLICATION_ID, SCHEMA, metadata

CHECKED_ALWAYS = 128 * 2**20
"""Bytes up to which a store is checked at every start, within 0.4 s; a larger one only after an unclean end."""


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
        raise StateDamaged(f"{path} is not there") from error
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
        if schema_through(connection) == SCHEMA:
            _verify_tables(connection, path)


def verify_beside(path: Path) -> None:
    """Look whether what another process has open is a store at the schema of this program.

    Raises:
        StateDamaged: it is no store.
        StoreError: it cannot be read, or is at another schema; says which of both is to be upgraded.
    """
    with as_store_error(path), closing(connect(path, "ro")) as connection:
        _verify_origin(connection, path)
        found = schema_through(connection)
    refuse_newer(path, found)
    if found != SCHEMA:
        raise StoreError(
            f"{path} is at schema {found or '0'}, this program at {SCHEMA}: the daemon upgrades it at its start, "
            "or `watcher db upgrade`"
        )


def _verify_origin(connection: sqlite3.Connection, path: Path) -> None:
    ((found,),) = connection.execute("PRAGMA application_id")
    if found != APPLICATION_ID:
        raise StateDamaged(f"{path} is not a store of watcher: it is empty, or another program's")


def _verify_tables(connection: sqlite3.Connection, path: Path) -> None:
    if missing := sorted(set(metadata.tables).difference(tables_through(connection))):
        raise StateDamaged(f"{path} lacks {', '.join(missing)}")
    if not connection.execute("SELECT 1 FROM meta WHERE key = 'created'").fetchall():
        raise StateDamaged(f"{path} lacks the mark of a store that was made whole")


def _whole_size(header: bytes) -> int:
    """Return the size of the file by its own header; 0 where that cannot be told (sqlite.org/fileformat2.html)."""
    if not header.startswith(b"SQLite format 3\0") or header[24:28] != header[92:96]:
        return 0
    page_size = int.from_bytes(header[16:18], "big")
    return (65536 if page_size == 1 else page_size) * int.from_bytes(header[28:32], "big")
