"""The first tables: rows and their revisions, positions, alerts, transitions and the outbox."""

from alembic import op
from sqlalchemy import REAL, CheckConstraint, Column, Double, ForeignKeyConstraint, Integer, Text
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

revision = "0001"
down_revision = None

_NUMBER: TypeEngine[float] = Double().with_variant(REAL(), "sqlite")
_VALUES = (
    "shares_traded",
    "turnover",
    "short_sell_shares_traded",
    "short_sell_turnover",
    "open_price",
    "close_price",
    "last_close_price",
    "daily_trade_avg_ratio",
    "total_shares_short",
    "nasdaq_shares_short",
    "nyse_shares_short",
    "short_percent",
    "volume",
)


def _create(name: str, *items: SchemaItem) -> None:
    op.create_table(name, *items, sqlite_strict=True, sqlite_with_rowid=False)


def _key(name: str) -> Column[str]:
    return Column(name, Text, primary_key=True)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False)


def upgrade() -> None:
    """Create them."""
    _create("meta", _key("key"), _text("value"))
    _create(
        "symbols",
        _key("symbol"),
        _text("state"),
        _text("since"),
        Column("reason", Text),
        Column("judged", Text),
        Column("judged_positions", Text),
    )
    _create("asks", _key("symbol"), _text("at"), _count("misses"))
    _create(
        "rows",
        _key("symbol"),
        _key("trade_date"),
        _count("revision"),
        _text("seen_at"),
        *(Column(name, _NUMBER) for name in _VALUES),
    )
    _create(
        "positions",
        _key("symbol"),
        _key("as_of"),
        _text("trade_date"),
        _count("revision"),
        _text("seen_at"),
        Column("aggregated_short", _NUMBER),
        Column("aggregated_short_ratio", _NUMBER),
    )
    _create(
        "revisions",
        _key("symbol"),
        Column("kind", Text, CheckConstraint("kind IN ('row', 'position')"), primary_key=True),
        _key("on_date"),
        Column("revision", Integer, primary_key=True),
        _text("seen_at"),
        _text("old"),
        _text("new"),
    )
    _create(
        "quarantine",
        _key("symbol"),
        Column("kind", Text, CheckConstraint("kind IN ('row', 'position')"), primary_key=True),
        _key("on_date"),
        _key("content"),
        _text("seen_at"),
        _text("reason"),
        _text("published"),
        Column("released_at", Text),
        Column("why", Text),
    )
    _create(
        "watches",
        _key("symbol"),
        _key("rule"),
        _text("fingerprint"),
        Column("checkpoint", Text),
        Column("episode", Text),
        _count("streak"),
        Column("streak_since", Text),
        _count("age"),
    )
    _create(
        "alerts",
        _key("symbol"),
        _key("rule"),
        Column("episode", Text),
        _count("streak"),
        Column("streak_since", Text),
        _count("age"),
    )
    _create(
        "transitions",
        _key("symbol"),
        _key("rule"),
        Column("number", Integer, primary_key=True),
        _text("kind"),
        _text("severity"),
        _text("episode"),
        _text("trade_date"),
        Column("note", Text),
        _text("facts"),
        _text("at"),
    )
    _create(
        "outbox",
        _key("symbol"),
        _key("rule"),
        Column("number", Integer, primary_key=True),
        _key("channel"),
        _text("status"),
        Column("due", Text),
        Column("message", Text),
        _count("attempts"),
        Column("first_attempt", Text),
        _count("unknowns"),
        Column("reason", Text),
        _count("begun"),
        Column("held", Text),
        Column("instead_of", Text),
        Column("claimed_by", Text),
        ForeignKeyConstraint(
            ["symbol", "rule", "number"], ["transitions.symbol", "transitions.rule", "transitions.number"]
        ),
    )
    op.create_index("outbox_due", "outbox", ["status", "channel", "due"])
    _create(
        "attempts",
        _key("symbol"),
        _key("rule"),
        Column("number", Integer, primary_key=True),
        _key("channel"),
        Column("attempt", Integer, primary_key=True),
        _text("message"),
        _text("at"),
        _text("outcome"),
        Column("reason", Text),
        ForeignKeyConstraint(
            ["symbol", "rule", "number", "channel"],
            ["outbox.symbol", "outbox.rule", "outbox.number", "outbox.channel"],
            ondelete="CASCADE",
        ),
    )
    _create(
        "silences",
        _key("id"),
        _text("symbols"),
        _text("rules"),
        _text("severities"),
        _text("starts"),
        _text("ends"),
        _text("why"),
    )
    _create("acks", _key("symbol"), _key("rule"), _key("episode"), _text("at"))
