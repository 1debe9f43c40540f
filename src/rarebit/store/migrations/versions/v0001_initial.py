"""The first tables: jobs, records, alerts, cases, file reports, runs, positions, audit."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.String(255)
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _column(name: str, kind: Any) -> sa.Column[Any]:  # noqa: ANN401 - a type or an instance of one
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    """Make the tables and their indexes."""
    _definitions()
    _results()
    _housekeeping()


def _definitions() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", _ID, primary_key=True),
        _column("origin", sa.Text),
        _column("body", sa.Text),
    )
    op.create_table(
        "positions",
        sa.Column("job_id", _ID, primary_key=True),
        _column("lake_version", sa.BigInteger),
        _column("watermark_us", sa.BigInteger),
        _column("state_name", sa.Text),
    )


def _results() -> None:
    op.create_table(
        "records",
        sa.Column("id", _ID, primary_key=True),
        _column("job_id", _ID),
        _column("time_us", sa.BigInteger),
        _column("score", sa.Float(53)),
        _column("initial_score", sa.Float(53)),
        _column("initial_expected", sa.Float(53)),
        _column("entity_id", sa.Text),
        _column("body", sa.Text),
    )
    op.create_table(
        "alerts",
        sa.Column("id", _ID, primary_key=True),
        _column("rule_id", _ID),
        _column("record_id", _ID),
        _column("time_us", sa.BigInteger),
        _column("score", sa.Float(53)),
        _column("entity_id", sa.Text),
        _column("body", sa.Text),
    )
    op.create_table(
        "cases",
        sa.Column("id", _ID, primary_key=True),
        _column("rank", sa.Integer),
        _column("state", sa.String(32)),
        sa.Column("verdict", sa.Text),
        _column("judged", sa.Boolean),
        _column("updated_us", sa.BigInteger),
        _column("entity_id", sa.Text),
        _column("body", sa.Text),
    )
    for table, owner in (("records", "job_id"), ("alerts", "rule_id")):
        for columns in (["score", "id"], [owner, "score", "id"], ["entity_id", "time_us"], ["time_us", "id"]):
            _index(table, columns)
    _index("alerts", ["record_id"])
    _index("cases", ["state", "rank", "id"])
    _index("cases", ["rank", "id"])


def _housekeeping() -> None:
    op.create_table(
        "file_reports",
        sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
        _column("run_id", _ID),
        _column("path", sa.Text),
        _column("body", sa.Text),
    )
    op.create_table(
        "runs",
        sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
        _column("body", sa.Text),
    )
    op.create_table(
        "audit",
        sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
        _column("at_us", sa.BigInteger),
        *(_column(name, sa.Text) for name in ("actor", "action", "target", "before", "after")),
    )
    _index("file_reports", ["run_id"])
    _index("audit", ["target"])


def _index(table: str, columns: list[str]) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)
