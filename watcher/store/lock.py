"""One daemon, or one poll, per state directory; and how the last one left it."""

import contextlib
import fcntl
import os
import time
from enum import StrEnum
from pathlib import Path
from typing import Self

from watcher.errors import StateInUse, StoreError

_FILE = "watcher.lock"
_LENGTH = 200
"""Bytes of the file, always: rewriting it in place needs no room on a disk that is full."""


_LOOKED_AT = 0.05
"""Seconds after which whoever only looked at the lock has given it back."""


class Left(StrEnum):
    """How the last holder left the state."""

    NOTHING = ""
    """There was none, or it never came to have a store."""
    OPEN = "open"
    """It died, or has not ended yet."""
    CLOSED = "closed"


class Lock:
    """The right to write rows, alerts and claims; the kernel takes it back when its holder ends, however it ends."""

    def __init__(self, directory: Path, holder: str) -> None:
        """Take the lock of `directory` for `holder`, a text that names this process to people.

        Raises:
            StateInUse: another process has it; the message names that process.
            StoreError: the disk does not take who holds it.
            OSError: the file cannot be made.
        """
        self._directory = directory
        self.holder = holder
        self._file = os.open(directory / _FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _locked(self._file):
            other, _ = self._found()
            os.close(self._file)
            raise StateInUse(
                f"{directory} is in use by {other or 'another process'}: stop it first, or use another state directory"
            )
        _, self.left = self._found()
        try:
            self.note(self.left)
        except StoreError:
            os.close(self._file)
            raise

    @classmethod
    def taken(cls, directory: Path, holder: str) -> Self:
        """Take the lock of a state directory, which is made if it is not there.

        Raises:
            StateInUse: another process has it; the message names that process.
            StoreError: the directory cannot be made or written.
        """
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            return cls(directory, holder)
        except OSError as error:
            raise StoreError(f"{directory} cannot hold the state: {error.strerror}") from error

    def note(self, left: Left) -> None:
        """Note how the state would be left if this process ended now.

        Raises:
            StoreError: the disk does not take it.
        """
        text = f"{self.holder.encode()[: _LENGTH - 20].decode(errors='ignore')}\n{left}\n"
        try:
            os.pwrite(self._file, text.encode().ljust(_LENGTH), 0)
        except OSError as error:
            raise StoreError(f"{self._directory} cannot hold the state: {error.strerror}") from error

    def release(self) -> None:
        """Let another process have it."""
        os.close(self._file)

    def __enter__(self) -> Self:
        """Hold it until the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _found(self) -> tuple[str, Left]:
        holder, _, rest = os.pread(self._file, _LENGTH, 0).decode(errors="replace").partition("\n")
        left = Left.OPEN if holder else Left.NOTHING  # what cannot be read is no clean end
        with contextlib.suppress(ValueError):
            left = Left(rest.strip())
        return holder.strip(), left


def held(directory: Path) -> bool:
    """Return whether a process is at work on a state directory.

    Raises:
        StoreError: this user may not know.
    """
    try:
        file = os.open(directory / _FILE, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(f"{directory / _FILE} cannot be read: {error.strerror}") from error
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)  # which gives it back
    return False


def _locked(file: int) -> bool:
    """Take the lock if it is free; a second time, for `held` has it for some microseconds when it looks."""
    for wait in (_LOOKED_AT, 0.0):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(wait)
        else:
            return True
    return False
