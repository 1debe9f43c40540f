"""Care of jobs: filter lists, calendars, exclusions, model snapshots, annotations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = sa.String(255)


def upgrade() -> None:
    """Make the tables and their indexes."""
    for table in ("filters", "calendars"):
        op.create_table(table, sa.Column("id", _ID, primary_key=True), sa.Column("body", sa.Text, nullable=False))
    for table in ("exclusions", "snapshots", "annotations"):
        op.create_table(
            table,
            sa.Column("id", _ID, primary_key=True),
            sa.Column("job_id", _ID, nullable=False),
            sa.Column("time_us", sa.BigInteger, nullable=False),
            sa.Column("body", sa.Text, nullable=False),
        )
        op.create_index(f"ix_{table}_job_id_time_us", table, ["job_id", "time_us"])
