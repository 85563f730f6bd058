"""What two roles have to review, and their reviews."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Makes the tables of reviews."""
    op.create_table(
        "duties",
        sa.Column("cursor", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject_id", sa.Text, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("at_s", sa.Float, nullable=False),
        sa.Column("since_ms", sa.BigInteger, nullable=False),
        *(
            column
            for role in ("business", "legal")
            for column in (
                sa.Column(f"{role}_due_ms", sa.BigInteger, nullable=False),
                sa.Column(f"{role}_review", sa.Text),
                sa.Column(f"{role}_by", sa.Text),
                sa.Column(f"{role}_ms", sa.BigInteger),
            )
        ),
    )
    op.create_index("duties_by_subject", "duties", ["kind", "subject_id"])
    op.create_index("duties_by_call", "duties", ["call_id"])
    missing = sa.or_(
        sa.column("business_review", sa.Text).is_(None), sa.column("legal_review", sa.Text).is_(None)
    )
    op.create_index("duties_open", "duties", ["cursor"], sqlite_where=missing, postgresql_where=missing)
    op.create_table(
        "reviews",
        sa.Column("cursor", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("about", sa.BigInteger, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("review_id", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("counts", sa.Boolean, nullable=False),
        sa.Column("time_ms", sa.BigInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    for name, columns in (
        ("reviews_by_id", ["review_id"]),
        ("reviews_by_key", ["by", "key"]),
        ("reviews_by_call", ["call_id"]),
        ("reviews_by_time", ["time_ms"]),
    ):
        op.create_index(name, "reviews", columns)
