"""Verdicts on cases, with the behaviours they were given of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of verdicts."""
    op.create_table(
        "verdicts",
        sa.Column("case_id", sa.String(255), primary_key=True),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
