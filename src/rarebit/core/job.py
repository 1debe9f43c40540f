"""Definitions of anomaly-detection jobs, in the words and JSON names of Elastic's.

Unknown fields are not dropped: they are kept in ``rest`` of the part they stood in, given back on export,
and named by ``rarebit job validate``.
"""

from __future__ import annotations

from typing import Any

import msgspec

Json = dict[str, Any]


class Detector(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One function over fields: ``function(field) by … over … partition …``."""

    function: str
    field_name: str | None = None
    by_field_name: str | None = None
    over_field_name: str | None = None
    partition_field_name: str | None = None
    use_null: bool | None = None
    exclude_frequent: str | None = None
    detector_description: str | None = None
    custom_rules: tuple[Json, ...] = ()
    rest: Json = msgspec.field(default_factory=dict)


class Datafeed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which events a job reads: Elasticsearch Query DSL over the lake."""

    query: Json = msgspec.field(default_factory=lambda: {"match_all": {}})
    rest: Json = msgspec.field(default_factory=dict)
    """Everything else of the datafeed's JSON: ids, indices, delays; kept for export."""


class Guide(msgspec.Struct, frozen=True, kw_only=True):
    """What a person needs to judge a finding of the job."""

    meaning: str = ""
    benign: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()
    tactics: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """An anomaly-detection job: detectors, their bucket span and their datafeed."""

    job_id: str
    description: str = ""
    bucket_span: str = "15m"
    detectors: tuple[Detector, ...]
    influencers: tuple[str, ...] = ()
    datafeed: Datafeed = msgspec.field(default_factory=Datafeed)
    groups: tuple[str, ...] = ()
    time_field: str = "@timestamp"
    peer_field: str | None = None
    """Field whose value names the peer group of the entity (``asset.role``, ``host.os.name``)."""
    combine: bool = False
    """Judge every event by all detectors at once and give one record for it."""
    context: tuple[str, ...] = ()
    """Fields whose values are a second entity for every detector: how often does this parent start something new?"""
    counted: str = "events"
    """What count functions count here, in the plural: ``failed logons``."""
    measured: str = ""
    """What a metric function found, with ``{}`` for the amount: ``sent {} to other hosts``."""
    acted: str = "was active"
    """What an entity did, for functions of hours and places: ``logged on``; for rare values with ``{value}``."""
    alert_score: float | None = None
    """Records at or above this score become alerts, whatever the budget; if not set, the budget decides."""
    where: str = ""
    """KQL that narrows the datafeed; set by ``job clone --where``."""
    guide: Guide = msgspec.field(default_factory=Guide)
    analysis_rest: Json = msgspec.field(default_factory=dict)
    rest: Json = msgspec.field(default_factory=dict)
