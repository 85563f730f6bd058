"""Where the kept audio of a call is."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Makes the table of recordings."""
    op.create_table(
        "recordings",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("rate_hz", sa.Integer, nullable=False),
        sa.Column("channels", sa.Integer, nullable=False),
        sa.Column("since_ms", sa.BigInteger, nullable=False),
        sa.Column("ended_ms", sa.BigInteger),
        sa.Column("frames", sa.BigInteger),
        sa.Column("sha256", sa.Text),
        sa.Column("lost", sa.Integer),
    )
    op.create_index("recordings_by_call", "recordings", ["call_id"])
    op.create_index("recordings_by_end", "recordings", ["ended_ms"])
