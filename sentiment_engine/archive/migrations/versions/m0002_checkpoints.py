"""The signed checkpoints of the evidence log, and what is known of its tree."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Makes their tables."""
    op.create_table(
        "checkpoints",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("note", sa.LargeBinary, nullable=False),
        sa.Column("signed_ms", sa.BigInteger, nullable=False),
        sa.Column("stamp", sa.LargeBinary),
    )
    op.create_table(
        "chunks",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("root", sa.LargeBinary(32), nullable=False),
    )
