"""What is sent although the disk is full and no claim can be stored: noted in a file that has its room already."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

Messages: TypeAlias = Mapping[str, Sequence[str]]
"""The ids of the notifications in messages, by the id of the message."""

_FILE = "unclaimed"
_LENGTH = 16384
"""Bytes of the file, always: rewriting it in place needs no room on a disk that is full."""


class Unclaimed:
    """Messages that no claim tells of, so that the next process knows what may have arrived if this one dies.

    It is as good as the disk allows: on one that is read-only nothing can be noted, and what would not fit is left out.
    """

    def __init__(self, directory: Path) -> None:
        """Work on the file in a state directory."""
        self._path = directory / _FILE
        self._messages: dict[str, Sequence[str]] = {}

    def left(self) -> Messages:
        """Return what the last process noted and did not take back."""
        try:
            lines = self._path.read_text("ascii", "replace").splitlines()
        except OSError:
            return {}
        return {words[0]: words[1:] for line in lines if (words := line.split())}

    def begin_anew(self) -> None:
        """Forget what the last process left, and see to it that there is room."""
        self._messages.clear()
        self._write()

    def add(self, message: str, notifications: Sequence[str]) -> None:
        """Note that a message is being sent."""
        self._messages[message] = notifications
        self._write()

    def remove(self, message: str) -> None:
        """Take it back: what became of the message is stored."""
        if self._messages.pop(message, None) is not None:
            self._write()

    def _write(self) -> None:
        lines = "".join(f"{' '.join([message, *ids])}\n" for message, ids in self._messages.items())
        text = lines if len(lines) <= _LENGTH else lines[: _LENGTH - 1].rpartition(" ")[0]
        with suppress(OSError):
            kept = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.pwrite(kept, text.encode("ascii").ljust(_LENGTH), 0)
                os.fdatasync(kept)
            finally:
                os.close(kept)
