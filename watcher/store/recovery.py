"""See to it that there is a good store: made, upgraded, or put in the place of one that is damaged or gone."""

import logging
from contextlib import closing
from datetime import datetime
from pathlib import Path

from watcher.core.outbox import Status
from watcher.errors import StateDamaged
from watcher.store import backup, file, opening, schemas, verification
from watcher.store.lock import Left, Lock
from watcher.store.tables import SCHEMA

RECOVERED = "recovered"
"""Key of the note that what is told may have been told before, and why; kept until a first cycle has ended."""
LOST = "state was lost: what fires now"

log = logging.getLogger(__name__)


def ready(directory: Path, lock: Lock, now: datetime) -> str | None:
    """Leave a good store in the directory; return what was wrong with the one before, and what was done, if so.

    A damaged file is kept under another name. The newest good backup takes its place, or, where there is none, a store
    without any past; neither is an excuse to tell the past again: what they tell first carries a note that says so.

    Raises:
        StoreError: the file cannot be read or written now, or a newer watcher made it: it is left alone.
    """
    path = directory / file.FILE
    left = lock.left
    if not path.exists() and left is Left.NOTHING:
        with file.whole(path) as unfinished:
            schemas.fill(unfinished, now)
            file.put_aside(path, now, "stray")  # a journal, it may be
        lock.note(Left.OPEN)
        return None
    lock.note(Left.OPEN)
    try:
        verification.verify(path, thorough=left is not Left.CLOSED)
        upgrade(directory, now)
    except StateDamaged as damage:
        return _recover(directory, damage, now)
    return None


def upgrade(directory: Path, now: datetime) -> str:
    """Bring an older store to the schema of this program, after a backup of it; return the schema it was at.

    Raises:
        StoreError: it cannot be upgraded, and is as it was; or a newer watcher made it.
    """
    path = directory / file.FILE
    found = schemas.schema_of(path)
    schemas.refuse_newer(path, found)
    if found != SCHEMA:
        backup.back_up(directory, now)
        schemas.migrate(path)
    return found


def restore(directory: Path, source: Path, now: datetime) -> Path | None:
    """Put a backup in the place of the store, which is kept under another name; return that name, if there was one.

    Whoever calls it holds the lock.

    Raises:
        StateDamaged: the backup is no good.
        StoreError: it cannot be read, or a newer watcher made it, or there is no room.
    """
    backup.verify_backup(source)
    return _replace(directory, source, now, "replaced")


def _recover(directory: Path, damage: StateDamaged, now: datetime) -> str:
    source = backup.newest_good(directory, now)
    aside = _replace(directory, source, now, "damaged")
    kept = f"; kept as {aside.name}" if aside else ""
    done = f"restored the backup {source.name}" if source else "begun anew, for there is no good backup"
    recovered = f"{damage}{kept}; {done}"
    log.error("state recovered", extra={"reason": recovered})
    return recovered


def _replace(directory: Path, source: Path | None, now: datetime, why: str) -> Path | None:
    path = directory / file.FILE
    with file.whole(path) as unfinished:
        if source is None:
            schemas.fill(unfinished, now)
            _mark(unfinished, LOST)
        else:
            opening.copy(source, unfinished)
            if schemas.schema_of(unfinished) != SCHEMA:
                schemas.migrate(unfinished)
            made_at = backup.made_at(source)
            _mark(unfinished, f"state was restored{f' as of {made_at:%Y-%m-%d %H:%M} UTC' if made_at else ''}")
        return file.put_aside(path, now, why)


def _mark(path: Path, note: str) -> None:
    """Mark a store that stands in for a later one: what it says is pending may well have been told."""
    with opening.as_store_error(path), closing(opening.connect(path, "rw")) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (RECOVERED, note))
        connection.execute("UPDATE outbox SET unknowns = unknowns + 1 WHERE status = ?", (Status.PENDING,))
        connection.execute("COMMIT")
