"""One daemon, or one poll, per state directory; and how the last one left it."""

import contextlib
import fcntl
import os
from enum import StrEnum
from pathlib import Path
from typing import Self

from watcher.errors import StateInUse, StoreError

_LENGTH = 200
"""Bytes of the file, always: rewriting it in place needs no room on a disk that is full."""


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
        self._file = os.open(directory / "watcher.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other, _ = self._found()
            os.close(self._file)
            raise StateInUse(
                f"{directory} is in use by {other or 'another process'}: stop it first, or use another state directory"
            ) from None
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
