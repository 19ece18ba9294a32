"""A transaction: all that one can read and write of the state, table by table."""

from sqlalchemy import Connection, select

from watcher.store import recovery
from watcher.store.alerts import Alerts
from watcher.store.asking import Asking
from watcher.store.history import History
from watcher.store.outbox import Outbox
from watcher.store.quarantine import Quarantine
from watcher.store.retention import Retention
from watcher.store.revisions import Revisions
from watcher.store.rows import Rows
from watcher.store.silences import Silences
from watcher.store.tables import meta


class Transaction:
    """What can be read and written, all of it or nothing."""

    def __init__(self, connection: Connection) -> None:
        """Work on a connection that is in a transaction."""
        self._connection = connection
        self.rows = Rows(connection)
        self.alerts = Alerts(connection)
        self.asking = Asking(connection)
        self.outbox = Outbox(connection)
        self.silences = Silences(connection)
        self.history = History(connection)
        self.quarantine = Quarantine(connection)
        self.retention = Retention(connection)
        self.revisions = Revisions(connection)

    @property
    def recovered(self) -> str | None:
        """Why what is told now may have been told before; None unless the state before was lost."""
        return self.note(recovery.RECOVERED)

    def note(self, key: str) -> str | None:
        """Return what was kept under `key`."""
        return self._connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar()

    def keep(self, key: str, value: str) -> None:
        """Keep a short text under `key`."""
        self.drop(key)
        self._connection.execute(meta.insert().values(key=key, value=value))

    def drop(self, key: str) -> None:
        """Keep nothing under `key`."""
        self._connection.execute(meta.delete().where(meta.c.key == key))
