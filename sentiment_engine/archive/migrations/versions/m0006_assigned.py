"""Which supervisor sees to an alert."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Adds it to the table of alerts."""
    for name in ("assigned_to", "assigned_by", "assigned_at"):
        op.add_column("alerts", sa.Column(name, sa.Text))
    op.create_index("alerts_by_assigned", "alerts", ["assigned_to", "cursor"])
