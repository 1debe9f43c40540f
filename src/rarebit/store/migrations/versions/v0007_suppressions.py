"""Suppressions, and the findings that they hide."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables and their index."""
    op.create_table(
        "suppressions",
        sa.Column("id", sa.String(255), primary_key=True),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "suppressed",
        sa.Column("suppression_id", sa.String(255), primary_key=True),
        sa.Column("finding_id", sa.String(255), primary_key=True),
        sa.Column("time_us", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_suppressed_finding_id", "suppressed", ["finding_id"])
