"""Results of whole buckets, and of influencers in them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ID = sa.String(255)
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables and their indexes."""
    for table in ("buckets", "influencers"):
        op.create_table(
            table,
            sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
            _column("job_id", _ID),
            _column("time_us", sa.BigInteger),
            _column("score", sa.Float(53)),
            _column("body", sa.Text),
        )
        for columns in (["job_id", "time_us"], ["score", "time_us"]):
            op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)


def _column(name: str, kind: Any) -> sa.Column[Any]:  # noqa: ANN401 - a type or an instance of one
    return sa.Column(name, kind, nullable=False)
