"""Rows of the housekeeping tables."""

from __future__ import annotations

import msgspec


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job has read the lake, and the state it had then."""

    job_id: str
    lake_version: int
    watermark_us: int
    state_name: str


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Who changed what, and when."""

    at_us: int
    actor: str
    action: str
    target: str
    before: str
    after: str
