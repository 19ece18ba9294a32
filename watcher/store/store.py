"""The store: one SQLite file in the state directory, opened by one daemon and those who look on."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Self, TypeAlias

from watcher.errors import StateDamaged, StoreError
from watcher.store import backup, file, opening, recovery, verification
from watcher.store.file import FILE
from watcher.store.lock import Left, Lock
from watcher.store.noted import last_cycle, note_cycle
from watcher.store.transaction import Transaction
from watcher.store.unclaimed import Unclaimed

Mark: TypeAlias = tuple[object, ...]

log = logging.getLogger(__name__)


class Store:
    """An open store. Not for two threads at once: the daemon calls it in one thread of its own."""

    def __init__(self, directory: Path, mode: str, lock: Lock | None, recovered: str | None = None) -> None:
        """Use `open_for_writing` or `open_beside`."""
        self._directory = directory
        self._path = directory / FILE
        self._mode = mode
        self._lock = lock
        self._damage: StateDamaged | None = None
        self._recovering = False
        self.recovered = recovered
        """What was wrong with the store before, and what was done; None if nothing was."""
        self.unclaimed = Unclaimed(directory)
        """What is sent without a claim."""
        self._open()

    def _open(self) -> None:
        self._reader = opening.engine(self._path, self._mode)
        self._writer = self._reader.execution_options(writes=True)
        found = self._path.stat()
        self._place = (found.st_dev, found.st_ino)

    @classmethod
    def open_for_writing(cls, directory: Path, holder: str, now: datetime) -> Self:
        """Take the lock of the state directory, made if it is not there, and open its store, upgraded if it is older.

        A store that is damaged, or was deleted, is replaced as `recovery.ready` says; `recovered` tells of it. Claims
        that a process left behind when it died are freed: who holds the lock knows that it is dead.

        Raises:
            StateInUse: another process has the lock.
            StoreError: the directory cannot be written, or the store is newer than this program.
        """
        lock = Lock.taken(directory, holder)
        try:
            store = cls(directory, "rw", lock, recovery.ready(directory, lock, now))
        except BaseException:
            lock.release()
            raise
        try:
            with store.write() as tx:
                tx.outbox.claim_belatedly(store.unclaimed.left(), holder)
                tx.outbox.free_claims(now)
                store._recovering = tx.recovered is not None
            store.unclaimed.begin_anew()
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def open_beside(cls, directory: Path, *, writes: bool = False) -> Self:
        """Open the store beside a running daemon: to look, or for short transactions on what the daemon does not own.

        Raises:
            StoreError: there is none, it may not be read, or it is at another schema than this program.
            StateDamaged: there is a file that is not a store.
        """
        verification.verify_beside(file.found_in(directory))
        return cls(directory, "rw" if writes else "ro", None)

    @property
    def holder(self) -> str:
        """Names the process that has the lock; empty beside it."""
        return self._lock.holder if self._lock else ""

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Look at one consistent state.

        Raises:
            StateDamaged: the file is damaged, or another one is in its place.
            StoreError: it cannot be read now.
        """
        self._see_to_the_place()
        with self._in_our_words(), self._reader.begin() as connection:
            yield Transaction(connection)

    def mark(self) -> Mark | None:
        """Return what is another after a commit, by whomever, in whatever thread; None if that cannot be told.

        It costs a look at the directory, and none at the tables. Two commits within a tick of the file system's clock
        leave the same mark: what it stands for is to be read once more when it has stood for longer than that.
        """
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Change the state: all that is done within is committed at its end, or nothing is.

        Raises:
            StateDamaged: the file is damaged, or another one is in its place.
            StoreError: it cannot be written now: nothing was.
        """
        self._see_to_the_place()
        with self._in_our_words(), self._writer.begin() as connection:
            yield Transaction(connection)

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        try:
            with opening.as_store_error(self._path):
                yield
        except StateDamaged as damage:
            self._damage = damage
            raise

    def _see_to_the_place(self) -> None:
        """See that what is open is what others find under its name; what was deleted is still whole in our hands.

        Once damage was seen, nothing is done any more: whoever opens the store next looks at every page.
        """
        if self._damage is not None:
            raise self._damage
        if self._lock is None:
            return
        try:
            found = self._path.stat()
        except FileNotFoundError:
            gone = not self._directory.is_dir()
            self._put_back()
            if not gone:
                return
            # whoever made the directory anew would find no lock in it
            self._damage = StateDamaged(f"{self._directory} was deleted while in use, with its lock: start again")
            raise self._damage from None
        except OSError as error:
            raise StoreError(f"{self._path} cannot be read: {error.strerror}") from error
        if (found.st_dev, found.st_ino) != self._place:
            self._damage = StateDamaged(f"{self._path} was replaced while in use: start again to use the new one")
            raise self._damage

    def _put_back(self) -> None:
        log.error("state was deleted while in use: it is put back", extra={"file": self._path})
        with suppress(OSError):  # the next line says why it cannot be
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with file.whole(self._path) as unfinished, self._in_our_words(), closing(sqlite3.connect(unfinished)) as copied:
            self.backup_to(copied)
        self._reader.dispose()
        self._open()

    def note_cycle(self, started: datetime, ended: datetime, symbols: int, troubled: int, waiting: int = 0) -> None:
        """Note that a cycle over `symbols` symbols ended, `troubled` of them unanswered.

        `waiting` of them were due and not asked for, because upstream was to be left alone: it is complete without.
        In a small file of its own: a cycle with nothing new makes no transaction. The first one with an answer ends
        the recovery of a state that was lost: what is told from then on was not told before.

        Raises:
            StoreError: it cannot be written now.
        """
        note_cycle(self._directory, started, ended, symbols=symbols, troubled=troubled, waiting=waiting)
        if self._recovering and troubled + waiting < symbols:
            with self.write() as tx:
                tx.drop(recovery.RECOVERED)
            self._recovering = False

    def last_cycle_ended(self) -> datetime | None:
        """Return when the last cycle ended that was noted."""
        noted = last_cycle(self._directory)
        try:
            return datetime.fromisoformat(str(noted["ended"])) if noted else None
        except (KeyError, ValueError):
            return None

    def backup_to(self, other: sqlite3.Connection) -> None:
        """Copy all of it, as it is at one moment."""
        with self._reader.connect() as connection:
            opening.driver(connection).backup(other)

    def backup_due(self, now: datetime) -> bool:
        """True if the newest backup is not of the last day."""
        return backup.is_due(self._directory, now)

    def back_up(self, now: datetime) -> Path:
        """Make a backup, in whatever thread: it reads the file through a connection of its own.

        Raises:
            StateDamaged: the store is damaged; the backups stay as they are.
            StoreError: it cannot be read, or there is no room for the copy.
        """
        with self._in_our_words():
            return backup.back_up(self._directory, now)

    def close(self) -> None:
        """Close the file and give back the lock."""
        self._reader.dispose()
        if self._lock is None:
            return
        if self._damage is None:
            with suppress(StoreError):
                self._lock.note(Left.CLOSED)
        self._lock.release()


def copy_to(directory: Path, other: Path) -> None:
    """Copy the store of a state directory, if there is one, to another directory; a daemon may be at work on it.

    Raises:
        StoreError: as `Store.open_beside`.
    """
    if not (directory / FILE).exists():
        return
    verification.verify_beside(file.found_in(directory))
    with file.whole(other / FILE) as unfinished:
        opening.copy(directory / FILE, unfinished)
