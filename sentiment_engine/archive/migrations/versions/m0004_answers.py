"""What agents answer to their alerts."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Makes room for the newest answer beside each alert."""
    op.add_column("alerts", sa.Column("answered", sa.LargeBinary))
