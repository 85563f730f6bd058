"""What agents answer to their alerts."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Makes room for the newest answer beside each alert."""
    op.add_column("alerts", sa.Column("answered", sa.LargeBinary))
