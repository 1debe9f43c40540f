"""Peer groups as learnt week by week."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of groupings."""
    op.create_table(
        "groupings",
        sa.Column("entity_type", sa.String(255), primary_key=True),
        sa.Column("at_us", sa.BigInteger, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
    )
