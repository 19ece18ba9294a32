"""The tables. Whatever is written has a natural key, so writing it twice does nothing."""

from datetime import UTC, date, datetime

from sqlalchemy import (
    REAL,
    CheckConstraint,
    Column,
    Dialect,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

from watcher.core.market import HkRow, Position, UsRow

SCHEMA = "0002"
"""The newest migration; a store at another is upgraded, or refused if it is newer than the program."""
APPLICATION_ID = 0x57415443
"""Marks the file as ours: an empty file opens as a new database, and must not pass for a first run."""


class IsoDate(TypeDecorator[date]):
    """A trade date or as-of date, as 2026-06-05: STRICT tables know no dates, and people read these."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: date | None, dialect: Dialect) -> str | None:  # noqa: D102
        return None if value is None else value.isoformat()

    def process_result_value(self, value: str | None, dialect: Dialect) -> date | None:  # noqa: D102
        return None if value is None else date.fromisoformat(value)


def instant_text(moment: datetime) -> str:
    """Return a moment as an `Instant` column holds it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


class Instant(TypeDecorator[datetime]):
    """A moment, in UTC, as 2026-06-05T08:30:00.000000+00:00, so that text order is time order."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: D102
        return None if value is None else instant_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: D102
        return None if value is None else datetime.fromisoformat(value)


metadata = MetaData()
_NUMBER: TypeEngine[float] = Double().with_variant(
    REAL(), "sqlite"
)  # eight bytes: STRICT tables call that REAL, others DOUBLE


def _table(name: str, *items: SchemaItem) -> Table:
    return Table(name, metadata, *items, sqlite_strict=True, sqlite_with_rowid=False)


meta = _table(
    "meta",
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

symbols = _table(
    "symbols",
    Column("symbol", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("reason", Text),
    Column("judged", IsoDate),
    Column("judged_positions", IsoDate),
)

asks = _table(
    "asks",
    Column("symbol", Text, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("misses", Integer, nullable=False),
)

VALUES = tuple(dict.fromkeys(HkRow._fields[1:] + UsRow._fields[1:]))
"""Published values of rows, of either market: columns of `rows`, null where the market has no such field."""

rows = _table(
    "rows",
    Column("symbol", Text, primary_key=True),
    Column("trade_date", IsoDate, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("seen_at", Instant, nullable=False),
    *(Column(name, _NUMBER) for name in VALUES),
)

positions = _table(
    "positions",
    Column("symbol", Text, primary_key=True),
    Column("as_of", IsoDate, primary_key=True),
    Column("trade_date", IsoDate, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("seen_at", Instant, nullable=False),
    *(Column(name, _NUMBER) for name in Position._fields[2:]),
)

revisions = _table(
    "revisions",
    Column("symbol", Text, primary_key=True),
    Column("kind", Text, CheckConstraint("kind IN ('row', 'position')"), primary_key=True),
    Column("on_date", IsoDate, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("seen_at", Instant, nullable=False),
    Column("old", Text, nullable=False),
    Column("new", Text, nullable=False),
)

quarantine = _table(
    "quarantine",
    Column("symbol", Text, primary_key=True),
    Column("kind", Text, CheckConstraint("kind IN ('row', 'position')"), primary_key=True),
    Column("on_date", IsoDate, primary_key=True),
    Column("content", Text, primary_key=True),
    Column("seen_at", Instant, nullable=False),
    Column("reason", Text, nullable=False),
    Column("published", Text, nullable=False),
    Column("released_at", Instant),
    Column("why", Text),
)

watches = _table(
    "watches",
    Column("symbol", Text, primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("checkpoint", IsoDate),
    Column("episode", IsoDate),
    Column("streak", Integer, nullable=False),
    Column("streak_since", IsoDate),
    Column("age", Integer, nullable=False),
    Column("names", Text),
)

alerts = _table(
    "alerts",
    Column("symbol", Text, primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("episode", IsoDate),
    Column("streak", Integer, nullable=False),
    Column("streak_since", IsoDate),
    Column("age", Integer, nullable=False),
)

transitions = _table(
    "transitions",
    Column("symbol", Text, primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("episode", IsoDate, nullable=False),
    Column("trade_date", IsoDate, nullable=False),
    Column("note", Text),
    Column("facts", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

_NUMBERED = ("symbol", "rule", "number")

outbox = _table(
    "outbox",
    Column("symbol", Text, primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("due", Instant),
    Column("message", Text),
    Column("attempts", Integer, nullable=False),
    Column("first_attempt", Instant),
    Column("unknowns", Integer, nullable=False),
    Column("reason", Text),
    Column("begun", Integer, nullable=False),
    Column("held", Text),
    Column("instead_of", Text),
    Column("claimed_by", Text),
    ForeignKeyConstraint(
        ["symbol", "rule", "number"], ["transitions.symbol", "transitions.rule", "transitions.number"]
    ),
    Index("outbox_due", "status", "channel", "due"),
)

attempts = _table(
    "attempts",
    Column("symbol", Text, primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("message", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text),
    ForeignKeyConstraint(
        ["symbol", "rule", "number", "channel"],
        ["outbox.symbol", "outbox.rule", "outbox.number", "outbox.channel"],
        ondelete="CASCADE",
    ),
)

silences = _table(
    "silences",
    Column("id", Text, primary_key=True),
    Column("symbols", Text, nullable=False),
    Column("rules", Text, nullable=False),
    Column("severities", Text, nullable=False),
    Column("starts", Instant, nullable=False),
    Column("ends", Instant, nullable=False),
    Column("why", Text, nullable=False),
)

acks = _table(
    "acks",
    Column("symbol", Text, primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("episode", IsoDate, primary_key=True),
    Column("at", Instant, nullable=False),
)
