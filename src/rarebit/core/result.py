"""What the system writes: records, alerts, cases."""

from __future__ import annotations

from typing import Any

import msgspec


class Influencer(msgspec.Struct, frozen=True, kw_only=True):
    """Values of one field that co-occur with a record."""

    influencer_field_name: str
    influencer_field_values: tuple[str, ...]


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """How far a value was known when it was seen: the counts behind a probability.

    Every number of the sentence can be recomputed from these.
    """

    detector_index: int
    entity_field: str
    entity: str
    value_field: str
    value: str
    level: str
    """``seen``, ``new_to_entity``, ``new_to_peers`` or ``new_to_fleet``; in population form ``rare_in_fleet``."""
    entity_days: float
    """Days since the entity was first seen."""
    entity_observations: float
    """Distinct (entity, value, hour) seen before, from 72 hours after the fleet's first event on.

    Each counts half after a week of the entity's active hours.
    """
    entity_novel: float
    """Of those, novel ones, counted the same way."""
    peer_group: str
    peers: int
    """Entities of the peer group seen before; without this one where it is judged by itself."""
    peers_with_value: int
    fleet: int
    """Entities seen before; without this one where it is judged by itself."""
    fleet_with_value: int
    rate: float
    """Learnt probability that an observation of this entity is at this level or above it in novelty."""
    probability: float


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why a record is one: a sentence, and the counts it was made of."""

    sentence: str
    levels: tuple[Level, ...]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One series unusual in one bucket. Names are Elastic's; the last block is ours."""

    id: str
    job_id: str
    detector_index: int
    timestamp: str
    bucket_span: int
    """Seconds."""
    function: str
    field_name: str | None = None
    by_field_name: str | None = None
    by_field_value: str | None = None
    over_field_name: str | None = None
    over_field_value: str | None = None
    partition_field_name: str | None = None
    partition_field_value: str | None = None
    typical: tuple[float, ...] = ()
    actual: tuple[float, ...] = ()
    probability: float
    record_score: float
    initial_record_score: float
    influencers: tuple[Influencer, ...] = ()
    is_interim: bool = False

    time: str
    """Time of the first event."""
    expected_per_week: float
    """How many records a week at least this extreme this job is expected to give here, by the latest fit."""
    initial_expected_per_week: float
    learning: bool = False
    """Whether the job or the entity was still learning; such records never alert."""
    rollout: str = ""
    """Id of the rollout item that took this record in, or empty."""
    rollout_size: int = 0
    """Entities of the rollout that this record stands for; 0 if it stands for itself."""
    entity_type: str = ""
    """``host`` or ``user``: whom the record is about."""
    entity_id: str = ""
    explanation: Explanation
    event_ids: tuple[str, ...]
    event_count: int


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """A rule's word that something deserves a person."""

    id: str
    rule_id: str
    record_id: str
    timestamp: str
    score: float
    expected_per_week: float
    entity_type: str
    entity_id: str
    sentence: str
    tactics: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    event_ids: tuple[str, ...] = ()


class CaseEntity(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a case is about."""

    type: str
    id: str
    name: str


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of a case's evidence."""

    sentence: str
    id: str
    """Id of the record or alert."""
    kind: str
    """``record`` or ``alert``."""
    score: float
    expected_per_week: float
    event_ids: tuple[str, ...]


class TimelineEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a case's story."""

    time: str
    text: str
    event_id: str = ""
    record_id: str = ""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """The unit of work: everything about one entity within one stretch of time."""

    id: str
    rank: int
    score: float
    expected_per_week: float
    state: str
    """``open`` or ``closed``."""
    entity: CaseEntity
    opened_at: str
    updated_at: str
    tactics: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    edr: str = "none"
    sentence: str = ""
    reasons: tuple[Reason, ...] = ()
    timeline: tuple[TimelineEntry, ...] = ()
    queries: dict[str, str] = msgspec.field(default_factory=dict)
    verdict: str | None = None
    record_ids: tuple[str, ...] = ()
    event_count: int = 0
    context: dict[str, Any] = msgspec.field(default_factory=dict)
    """What the inventory says of the entity: role, site, criticality."""
