"""One daemon, or one poll, per state directory."""

import fcntl
import os
from pathlib import Path

from watcher.errors import StateInUse


class Lock:
    """The right to write rows, alerts and claims; the kernel takes it back when the process ends, however it ends."""

    def __init__(self, directory: Path, holder: str) -> None:
        """Take the lock of `directory` for `holder`, a text that names this process to people.

        Raises:
            StateInUse: another process has it; the message names that process.
        """
        self.holder = holder
        self._file = os.open(directory / "watcher.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = os.read(self._file, 200).decode(errors="replace").strip() or "another process"
            os.close(self._file)
            raise StateInUse(
                f"{directory} is in use by {other}: stop it first, or use another state directory"
            ) from None
        os.ftruncate(self._file, 0)
        os.write(self._file, holder.encode())

    def release(self) -> None:
        """Let another process have it."""
        os.close(self._file)
