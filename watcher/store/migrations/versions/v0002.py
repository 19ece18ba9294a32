"""The names by which episodes were told that revisions moved since."""

from alembic import op
from sqlalchemy import Column, Text

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Bring the schema from 0001 to 0002."""
    op.add_column("watches", Column("names", Text))
