"""Tables of the operational database: a whole struct as JSON, and columns for what is asked for."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text

metadata: Final = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"},
)

_Id = String(255)
_Serial = BigInteger().with_variant(Integer(), "sqlite")

jobs: Final = Table(
    "jobs",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("origin", Text, nullable=False),
    Column("body", Text, nullable=False),
)

records: Final = Table(
    "records",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("job_id", _Id, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("score", Float(53), nullable=False),
    Column("initial_score", Float(53), nullable=False),
    Column("initial_expected", Float(53), nullable=False),
    Column("entity_id", Text, nullable=False),
    Column("body", Text, nullable=False),
)
Index(None, records.c.score, records.c.id)
Index(None, records.c.job_id, records.c.score, records.c.id)
Index(None, records.c.entity_id, records.c.time_us)
Index(None, records.c.time_us, records.c.id)

alerts: Final = Table(
    "alerts",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("rule_id", _Id, nullable=False),
    Column("record_id", _Id, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("score", Float(53), nullable=False),
    Column("entity_id", Text, nullable=False),
    Column("body", Text, nullable=False),
)
Index(None, alerts.c.score, alerts.c.id)
Index(None, alerts.c.rule_id, alerts.c.score, alerts.c.id)
Index(None, alerts.c.entity_id, alerts.c.time_us)
Index(None, alerts.c.time_us, alerts.c.id)
Index(None, alerts.c.record_id)

cases: Final = Table(
    "cases",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("rank", Integer, nullable=False),
    Column("state", String(32), nullable=False),
    Column("verdict", Text),
    Column("judged", Boolean, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    Column("entity_id", Text, nullable=False),
    Column("body", Text, nullable=False),
)
Index(None, cases.c.state, cases.c.rank, cases.c.id)
Index(None, cases.c.rank, cases.c.id)

buckets: Final = Table(
    "buckets",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("job_id", _Id, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("score", Float(53), nullable=False),
    Column("body", Text, nullable=False),
)
Index(None, buckets.c.job_id, buckets.c.time_us)
Index(None, buckets.c.score, buckets.c.time_us)

influencers: Final = Table(
    "influencers",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("job_id", _Id, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("score", Float(53), nullable=False),
    Column("body", Text, nullable=False),
)
Index(None, influencers.c.job_id, influencers.c.time_us)
Index(None, influencers.c.score, influencers.c.time_us)

file_reports: Final = Table(
    "file_reports",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("run_id", _Id, nullable=False),
    Column("path", Text, nullable=False),
    Column("body", Text, nullable=False),
)
Index(None, file_reports.c.run_id)

runs: Final = Table(
    "runs",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("body", Text, nullable=False),
)

positions: Final = Table(
    "positions",
    metadata,
    Column("job_id", _Id, primary_key=True),
    Column("lake_version", BigInteger, nullable=False),
    Column("watermark_us", BigInteger, nullable=False),
    Column("state_name", Text, nullable=False),
)

intel_matches: Final = Table(
    "intel_matches",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("value", Text, nullable=False),
    Column("entity_id", Text, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("body", Text, nullable=False),
)
Index(None, intel_matches.c.time_us, intel_matches.c.id)
Index(None, intel_matches.c.entity_id, intel_matches.c.time_us)

audit: Final = Table(
    "audit",
    metadata,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("at_us", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
)
Index(None, audit.c.target)

filters: Final = Table("filters", metadata, Column("id", _Id, primary_key=True), Column("body", Text, nullable=False))
"""Filter lists."""

calendars: Final = Table(
    "calendars", metadata, Column("id", _Id, primary_key=True), Column("body", Text, nullable=False)
)
"""Calendars with their events."""

exclusions: Final = Table(
    "exclusions",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("job_id", _Id, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)
Index(None, exclusions.c.job_id, exclusions.c.time_us)

snapshots: Final = Table(
    "snapshots",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("job_id", _Id, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)
Index(None, snapshots.c.job_id, snapshots.c.time_us)

job_annotations: Final = Table(
    "annotations",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("job_id", _Id, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)
Index(None, job_annotations.c.job_id, job_annotations.c.time_us)

accounts: Final = Table(
    "accounts",
    metadata,
    Column("name", _Id, primary_key=True),
    Column("role", String(32), nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("locked_until_us", BigInteger, nullable=False),
    Column("created_us", BigInteger, nullable=False),
)

sessions: Final = Table(
    "sessions",
    metadata,
    Column("token_hash", _Id, primary_key=True),
    Column("account", _Id, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("seen_us", BigInteger, nullable=False),
)
Index(None, sessions.c.account)

links: Final = Table(
    "links",
    metadata,
    Column("token_hash", _Id, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("account", _Id, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
)

looks: Final = Table(
    "looks",
    metadata,
    Column("account", _Id, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)

verdicts: Final = Table(
    "verdicts",
    metadata,
    Column("case_id", _Id, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)

suppressions: Final = Table(
    "suppressions",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("created_us", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)

suppressed: Final = Table(
    "suppressed",
    metadata,
    Column("suppression_id", _Id, primary_key=True),
    Column("finding_id", _Id, primary_key=True),
    Column("time_us", BigInteger, nullable=False),
)
Index(None, suppressed.c.finding_id)

groupings: Final = Table(
    "groupings",
    metadata,
    Column("entity_type", _Id, primary_key=True),
    Column("at_us", BigInteger, primary_key=True),
    Column("body", Text, nullable=False),
)

api_keys: Final = Table("api_keys", metadata, Column("id", _Id, primary_key=True), Column("body", Text, nullable=False))
"""Keys of programs."""

sources: Final = Table("sources", metadata, Column("id", _Id, primary_key=True), Column("body", Text, nullable=False))
"""How each source of live events stands."""

watched: Final = Table("watched", metadata, Column("id", Text, primary_key=True), Column("body", Text, nullable=False))
"""How far each file of a watched directory has been read."""

feeds: Final = Table("feeds", metadata, Column("id", _Id, primary_key=True), Column("body", Text, nullable=False))
"""Jobs whose running is switched by opening them and starting their datafeed."""
