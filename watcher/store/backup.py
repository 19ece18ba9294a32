"""Copies of the store, made daily and before a migration: seven of them, each looked at before it counts."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from watcher.durable import give_to_owner
from watcher.errors import StoreError
from watcher.store import file, opening, schemas, verification

KEPT = 7
EVERY = timedelta(days=1)
_PATTERN = "watcher-*.db"
_STAMP = "watcher-%Y%m%dT%H%M%SZ"


def backups(directory: Path, now: datetime) -> list[Path]:
    """Return the backups of a state directory, newest first; last, those that a wrong clock made of the future."""

    def rank(backup: Path) -> tuple[bool, str]:
        made = made_at(backup)
        return made is None or made <= now, backup.name

    return sorted((directory / "backups").glob(_PATTERN), key=rank, reverse=True)


def made_at(backup: Path) -> datetime | None:
    """Return the moment of a backup, by its name; None if it was named by a person."""
    try:
        return datetime.strptime(backup.stem, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def is_due(directory: Path, now: datetime) -> bool:
    """True if the newest backup is a day old, of the future, or there is none."""
    newest = next(filter(None, map(made_at, backups(directory, now))), None)
    return newest is None or not timedelta() <= now - newest < EVERY


def back_up(directory: Path, now: datetime) -> Path:
    """Copy the store to the backups, beside whoever is at work on it, and drop those beyond the newest seven.

    Raises:
        StateDamaged: the store is damaged; the backups stay as they are.
        StoreError: it cannot be read, or there is no room for the copy.
    """
    kept = directory / "backups"
    try:
        kept.mkdir(mode=0o700, exist_ok=True)
        give_to_owner(kept)
    except OSError as error:
        raise StoreError(f"{kept} cannot hold backups: {error.strerror}") from error
    made = back_up_to(directory, kept / f"watcher-{file.stamp(now)}.db")
    for old in (*backups(directory, now)[KEPT:], *_abandoned(kept, now)):
        old.unlink(missing_ok=True)
    return made


def _abandoned(kept: Path, now: datetime) -> list[Path]:
    """Return what a process that was killed left half-made; what is younger than a day may be at work yet."""
    found = []
    for unfinished in kept.glob(f"{_PATTERN}.unfinished*"):
        began = made_at(Path(unfinished.name.partition(".")[0]))
        if began is None or now - began >= EVERY:
            found.append(unfinished)
    return found


def back_up_to(directory: Path, target: Path) -> Path:
    """Copy the store to `target`, which is replaced if it is there; what is damaged is not copied.

    Raises:
        StateDamaged, StoreError: as `back_up`.
    """
    with file.whole(target) as unfinished:
        opening.copy(directory / file.FILE, unfinished)
        verification.verify(unfinished, thorough=True)
    return target


def newest_good(directory: Path, now: datetime) -> Path | None:
    """Return the newest backup that is a store this program can use; None if there is none."""
    for backup in backups(directory, now):
        try:
            verify_backup(backup)
        except StoreError:
            continue
        return backup
    return None


def verify_backup(backup: Path) -> None:
    """Look whether a file can take the place of the store.

    Raises:
        StateDamaged: it cannot; says what is wrong with it.
        StoreError: it cannot be read, or a newer watcher made it.
    """
    verification.verify(backup, thorough=True)
    schemas.refuse_newer(backup, schemas.schema_of(backup))
