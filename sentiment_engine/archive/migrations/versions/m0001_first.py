"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Makes the tables of the first archives."""
    op.create_table(
        "events",
        sa.Column("cursor", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("tick", sa.Boolean, nullable=False),
        sa.Column("at_s", sa.Float, nullable=False),
        sa.Column("time_ms", sa.BigInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("events_by_call", "events", ["call_id", "cursor"])
    rare = sa.column("tick", sa.Boolean) == sa.false()
    op.create_index("events_rare", "events", ["cursor"], sqlite_where=rare, postgresql_where=rare)
    op.create_table(
        "leaves",
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("cursor", sa.BigInteger, nullable=False, unique=True),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
    )
    op.create_table(
        "calls",
        sa.Column("call_id", sa.Text, primary_key=True),
        sa.Column("cursor", sa.BigInteger, nullable=False),
        sa.Column("started_ms", sa.BigInteger, nullable=False),
        sa.Column("ended_ms", sa.BigInteger),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("started", sa.LargeBinary, nullable=False),
        sa.Column("ended", sa.LargeBinary),
        sa.Column("alerts", sa.Integer, nullable=False),
    )
    op.create_index("calls_by_cursor", "calls", ["cursor"])
    op.create_index("calls_by_end", "calls", ["ended_ms"])
    op.create_table(
        "alerts",
        sa.Column("alert_id", sa.Text, primary_key=True),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("cursor", sa.BigInteger, nullable=False),
        sa.Column("open", sa.Boolean, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("raised_ms", sa.BigInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("acknowledged_by", sa.Text),
        sa.Column("acknowledged_at", sa.Text),
    )
    op.create_index("alerts_by_cursor", "alerts", ["cursor"])
    op.create_index("alerts_by_call", "alerts", ["call_id"])
    op.create_table(
        "deliveries",
        sa.Column("hook", sa.Text, primary_key=True),
        sa.Column("cursor", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_ms", sa.BigInteger),
        sa.Column("last_error", sa.Text),
    )
    op.create_index("deliveries_due", "deliveries", ["due_ms"])
    op.create_index("deliveries_by_call", "deliveries", ["call_id"])
    op.create_table(
        "facts",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
