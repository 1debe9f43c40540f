"""What people tell the system about its jobs: filter lists, calendars, exclusions; and what is noted beside them.

Names are Elastic's where Elastic has the thing.
"""

from __future__ import annotations

import msgspec


class FilterList(msgspec.Struct, frozen=True, kw_only=True):
    """Values that rules of detectors refer to, as whole values or with ``*`` at an end: ``x*``, ``*x``, ``*x*``."""

    filter_id: str
    description: str = ""
    items: tuple[str, ...] = ()


class CalendarEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time in which something is planned."""

    event_id: str
    description: str
    start_time: int
    """Milliseconds since 1970."""
    end_time: int
    """Milliseconds since 1970; the first moment after it."""
    skip_result: bool = True
    skip_model_update: bool = True
    force_time_shift: int | None = None
    """Seconds; kept for export."""
    hosts: tuple[str, ...] = ()
    """Only events of these hosts; with ``groups`` those of either, and everything where both are empty."""
    groups: tuple[str, ...] = ()
    """Only events of hosts of these peer groups, as the inventory's ``role`` names them."""


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """Planned events, and the jobs that heed them."""

    calendar_id: str
    job_ids: tuple[str, ...] = ()
    """Ids of jobs, names of groups of jobs, or ``_all``."""
    description: str = ""
    hosts: tuple[str, ...] = ()
    """As those of an event; for every event that has none of its own."""
    groups: tuple[str, ...] = ()
    events: tuple[CalendarEvent, ...] = ()


class Exclusion(msgspec.Struct, frozen=True, kw_only=True):
    """A past stretch of time that a job shall not have learnt from; what was found in it stays."""

    id: str
    job_id: str
    start_us: int
    end_us: int
    host: str = ""
    """Only events of this host; everything where it is empty."""
    reason: str


class SnapshotNote(msgspec.Struct, frozen=True, kw_only=True):
    """A model snapshot: a job's whole memory, and how far it had read the lake."""

    snapshot_id: str
    """Name of its file."""
    job_id: str
    created_us: int
    lake_version: int
    watermark_us: int
    """Time of the last event it has learnt."""
    rows: int
    """Events learnt."""
    bytes: int
    description: str = ""
    retain: bool = False
    """Whether it is kept whatever its age."""


class Annotation(msgspec.Struct, frozen=True, kw_only=True):
    """A note beside a job's results: what happened to its data or to itself."""

    id: str
    job_id: str
    start_us: int
    end_us: int
    kind: str
    """``data_gap``, ``few_events``, ``memory_limit``, ``calendar``, ``model_reverted``, …, or ``user``."""
    text: str
