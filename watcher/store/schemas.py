"""Schemas: made as it is now, or brought there from an older one."""

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from watcher.errors import StoreError
from watcher.store.opening import as_store_error, connect, engine
from watcher.store.tables import APPLICATION_ID, SCHEMA, metadata

_VERSIONS = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)
"""As Alembic makes it."""


def schema_of(path: Path) -> str:
    """Return the schema of the store; empty before its first.

    Raises:
        StoreError: it cannot be read.
    """
    with as_store_error(path), closing(connect(path, "ro")) as connection:
        return schema_through(connection)


def schema_through(connection: sqlite3.Connection) -> str:
    """Return the schema of the store that is connected to; empty before its first."""
    if "alembic_version" not in tables_through(connection):
        return ""
    found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(found[0]) if found else ""


def tables_through(connection: sqlite3.Connection) -> set[str]:
    """Return the names of the tables there are."""
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def refuse_newer(path: Path, found: str) -> None:
    """See that the schema is not newer than this program.

    Raises:
        StoreError: it is.
    """
    if found > SCHEMA:
        raise StoreError(
            f"{path} is at schema {found}, made by a newer watcher; this one knows {SCHEMA}: upgrade watcher"
        )


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
