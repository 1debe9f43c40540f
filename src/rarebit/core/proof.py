"""What an installation has been worth on its site's own data."""

from __future__ import annotations

import msgspec

from rarebit.core.trial import Trial


class EdrWorth(msgspec.Struct, frozen=True, kw_only=True):
    """Cases beside what sensors saw."""

    alerts: int
    """Alerts of sensors that are kept; 0 where none is read, and then nothing of this is known."""
    cases: int
    """Cases on hosts of which a sensor was heard at that time; the shares are of these."""
    silent: int
    partial: int
    same: int
    unknown: int
    """Cases on hosts of which no sensor was heard."""
    earlier: int
    """Of ``same``: those whose first finding lay before the sensor's alert."""
    lead_hours: float | None
    """Of ``same``: median of the hours by which the events of the case came before the alert; negative: after it."""


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """Cases as rare as said, promised and counted, in weeks without a known incident."""

    expected_per_week: float
    """Of cases that are expected no more often than this,"""
    promised: float
    """so many should have come in these weeks,"""
    counted: int
    """and so many did, those below the line too;"""
    low: float
    high: float
    """what ``counted`` says of the true number, 19 times in 20, were they independent."""


class BlindHost(msgspec.Struct, frozen=True, kw_only=True):
    """A host of which nothing is seen."""

    host: str
    reason: str
    last: str = ""


class BlindDetector(msgspec.Struct, frozen=True, kw_only=True):
    """A job or rule that runs and cannot fire."""

    id: str
    kind: str
    reason: str


class Blindness(msgspec.Struct, frozen=True, kw_only=True):
    """What cannot be seen."""

    hosts: tuple[BlindHost, ...]
    hosts_heard: int
    """In the time told of."""
    without_sensor: int
    """Of these, hosts of which no sensor that sends alerts here was ever heard; 0 where no sensor is read."""
    fields: tuple[str, ...]
    """Fields that detectors which run need, and that no event has."""
    detectors: tuple[BlindDetector, ...]
    able: int
    """Detectors that run and could fire."""
    idle: int
    """Detectors that could fire and do not run."""
    absent: tuple[str, ...]
    """Kinds of events that are not here at all: ``authentication``, ``network``, …"""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Whether cases carry what they say."""

    cases: int
    complete: int
    """Cases of which all of the following are there."""
    with_events: int
    """All events they name are in the lake."""
    with_parents: int
    """Every process start among them names its parent."""
    with_reasons: int
    """Every reason stands on a record with its counts, or on an alert."""
    events: int
    events_gone: int


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """The value of an installation, in numbers that can be recomputed."""

    made_at: str
    start: str
    """Since when jobs tell."""
    end: str
    days: float
    events: int
    hosts: int
    """Heard in that time."""
    budget_per_day: float
    cases: int
    """Opened in that time, whatever became of them."""
    cases_per_day: float
    cases_per_day_per_1000_hosts: float
    judged: dict[str, int]
    """Verdicts on them."""
    edr: EdrWorth
    trial: Trial | None
    """Replayed attacks; None where none was asked for."""
    weeks: float
    quiet_weeks: float
    """Of these, without a case that was called true."""
    promises: tuple[Promise, ...]
    blind: Blindness
    evidence: Evidence
    worth: str = ""
    """``little``, ``some`` or ``much``."""
    speaks_for: tuple[str, ...] = ()
    speaks_against: tuple[str, ...] = ()
