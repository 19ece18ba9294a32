"""The bytes of a rules file, or of all rules files of a directory."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from watcher.rulebook.problem import Problem
from watcher.rulebook.source import MAX_BYTES, whole_file


@dataclass(frozen=True, slots=True)
class Contents:
    """What was found in a rules file, or a directory of them, at one look."""

    files: Mapping[str, bytes]
    """By path as it was given, in order of name."""
    unreadable: tuple[Problem, ...] = ()


Marks: TypeAlias = tuple[tuple[object, ...], ...]


def contents(path: Path) -> Contents:
    """Return what is in the file, or in all `*.toml` of the directory, and what could not be read.

    Of a file that is too large, just so much is read that it shows.
    """
    found: dict[str, bytes] = {}
    problems: list[Problem] = []
    try:
        paths = _files(path)
    except OSError as error:
        return Contents({}, (_unreadable(path, error),))
    if not paths:
        return Contents({}, (whole_file(str(path), "no *.toml in this directory", "`watcher init` writes one"),))
    for file in paths:
        try:
            found[str(file)] = _content(file)
        except OSError as error:
            problems.append(_unreadable(file, error))
    return Contents(found, tuple(problems))


def marks(path: Path) -> Marks | None:
    """Return what changes whenever the content does, for a while at least; None if it cannot be told without reading.

    Two changes within a tick of the file system's clock leave the same marks: what they stand for is to be read once
    more when they have stood for longer than that.
    """
    try:
        return tuple(
            (str(file), found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
            for file in _files(path)
            for found in [file.stat()]
        )
    except OSError:
        return None


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    # editors keep locks and copies of what they edit under names that begin with a dot
    return sorted(file for file in path.iterdir() if file.suffix == ".toml" and not file.name.startswith("."))


def _content(path: Path) -> bytes:
    # opening a pipe waits for its writer, for ever: it is opened so as not to wait, then looked at
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "not a regular file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)


def _unreadable(path: Path, error: OSError) -> Problem:
    reason = (error.strerror or str(error)).lower()
    missing = isinstance(error, FileNotFoundError)
    return whole_file(str(path), f"cannot be read: {reason}", "`watcher init` writes one" if missing else None)
