"""Keys of programs, sources of live events, files watched, datafeeds switched."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    for name, key in (
        ("api_keys", sa.String(255)),
        ("sources", sa.String(255)),
        ("watched", sa.Text),
        ("feeds", sa.String(255)),
    ):
        op.create_table(
            name,
            sa.Column("id", key, primary_key=True),
            sa.Column("body", sa.Text, nullable=False),
        )
