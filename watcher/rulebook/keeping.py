"""The last good rules: a copy beside the state, to run by while the present ones have errors.

They are in `rules.good/DIGEST/`, and `rules.good/current` is a link to them: it is changed in one step, so that a
crash at any moment leaves either the old copy or the new one, and a person can look at it, or copy it back.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from watcher.durable import give_to_owner, sync
from watcher.rulebook.contents import contents
from watcher.rulebook.digest import digest

DIRECTORY = "rules.good"
_CURRENT = "current"
_DIGITS = 16


def keep_good(state: Path, files: Mapping[str, bytes]) -> None:
    """Keep a copy of good rules in the state directory, instead of the one that is there.

    Raises:
        OSError: it cannot be written; the copy that was there is still there.
    """
    place, name = state / DIRECTORY, digest(files)[:_DIGITS]
    current = place / _CURRENT
    if last_good(state) is not None and current.readlink() == Path(name):
        return
    copy = place / name
    shutil.rmtree(copy, ignore_errors=True)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy.mkdir(mode=0o700)
    for file, content in _named(files).items():
        _write(copy / file, content)
    sync(copy)
    for made in (place, copy, *copy.iterdir()):
        give_to_owner(made)
    unfinished = place / f"{_CURRENT}.new"
    unfinished.unlink(missing_ok=True)
    unfinished.symlink_to(name)
    unfinished.replace(current)
    sync(place)
    for other in place.iterdir():
        if other.name not in {name, _CURRENT}:
            shutil.rmtree(other, ignore_errors=True)


def last_good(state: Path) -> Mapping[str, bytes] | None:
    """Return the content of the files that were kept last, by path; None if there is no copy, or it is damaged."""
    current = state / DIRECTORY / _CURRENT
    found = contents(current)
    try:
        kept = current.readlink().name
    except OSError:
        return None
    whole = bool(found.files) and not found.unreadable and digest(found.files)[:_DIGITS] == kept
    return found.files if whole else None


def _named(files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """Return the contents by the name they are kept under: a file given by itself may be called anything."""
    if len(files) == 1:
        return dict(zip(["rules.toml"], files.values(), strict=True))
    return {Path(path).name: content for path, content in files.items()}


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
