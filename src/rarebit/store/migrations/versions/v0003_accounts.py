"""People: accounts, sessions, one-time links, and what each has looked at."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.String(255)


def upgrade() -> None:
    """Make the tables of people."""
    op.create_table(
        "accounts",
        sa.Column("name", _ID, primary_key=True),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("locked_until_us", "created_us")),
    )
    op.create_table(
        "sessions",
        sa.Column("token_hash", _ID, primary_key=True),
        sa.Column("account", _ID, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("created_us", "seen_us")),
    )
    op.create_index("ix_sessions_account", "sessions", ["account"])
    op.create_table(
        "links",
        sa.Column("token_hash", _ID, primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("account", _ID, nullable=False),
        sa.Column("expires_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "looks",
        sa.Column("account", _ID, primary_key=True),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
