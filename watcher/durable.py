"""Files that are to last: on disk before anything refers to them, and of whom their directory is."""

import os
from contextlib import suppress
from pathlib import Path


def sync(directory: Path) -> None:
    """Have the names in a directory on disk.

    Raises:
        OSError: it cannot be read, or written to the disk.
    """
    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def give_to_owner(path: Path) -> None:
    """Have what root makes belong to whom the directory belongs, as SQLite does with its journals.

    Or else the service could not use what an administrator restored, nor replace it.
    """
    owner = path.parent.stat()
    with suppress(PermissionError):  # of anybody but root: then it is the maker's own
        os.chown(path, owner.st_uid, owner.st_gid)
