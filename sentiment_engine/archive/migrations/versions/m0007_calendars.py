"""What OpenTimestamps calendars have promised and attested of checkpoints."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Makes their table."""
    table = op.create_table(
        "calendar_proofs",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("calendar", sa.Text, primary_key=True),
        sa.Column("proof", sa.LargeBinary, nullable=False),
        sa.Column("attested", sa.Boolean, nullable=False),
        sa.Column("asked_ms", sa.BigInteger, nullable=False),
    )
    waiting = table.c.attested == sa.false()
    op.create_index(
        "calendar_proofs_waiting",
        "calendar_proofs",
        ["asked_ms"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
