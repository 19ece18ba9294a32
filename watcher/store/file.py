"""The file of the store, by name: found, made whole or not at all, put aside."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from watcher.durable import give_to_owner, sync
from watcher.errors import StoreError

FILE = "watcher.db"


def found_in(directory: Path) -> Path:
    """Return the file of the store in a state directory.

    Raises:
        StoreError: there is none, or this user may not read it; says which user to become.
    """
    path = directory / FILE
    if directory.exists() and not directory.is_dir():
        raise StoreError(f"{directory} is no directory: the state is kept in one")
    if not os.access(directory, os.R_OK | os.X_OK, effective_ids=True) and directory.exists():
        raise StoreError(f"{directory} may not be read by this user: become {directory.owner()}, who owns it")
    if not path.exists():
        raise StoreError(f"{path}: there is no state yet; `watcher run` or `watcher poll` makes it")
    if not os.access(path, os.R_OK, effective_ids=True):
        raise StoreError(f"{path} may not be read by this user: become {path.owner()}, who owns it")
    return path


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
            sync(path.parent)
    except BaseException as error:
        _remove(unfinished)
        if isinstance(error, OSError):
            raise StoreError(f"{path} cannot be written: {error.strerror}") from error
        raise


def _remove(unfinished: Path) -> None:
    for left_over in (unfinished, journal(unfinished)):
        left_over.unlink(missing_ok=True)


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
