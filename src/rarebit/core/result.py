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


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A series over longer than a bucket; each bucket counts ``exp(-age / hours)`` of itself."""

    hours: float
    actual: float
    """Counted, a single bucket no further than six standard deviations; beyond the first of each bucket where empty
    buckets are passed over."""
    typical: float
    """What was expected of each bucket before it came, added up the same way."""
    variance: float
    """Of ``actual``, by the law of each bucket and by how much more such sums are learnt to vary."""
    probability: float
    """Of as much or more (or less), by a gamma law of this mean and variance, twice that where both sides are told of;
    1 within two standard deviations."""


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How many there were in a bucket, how many are usual, and the numbers behind it.

    ``mean`` and ``shape`` are those of a negative binomial law. With ``worth = 1 + dispersion · (events +
    prior_shape) / (buckets + prior_buckets)`` and ``certainty = prior_shape + events / worth``, ``mean = certainty /
    (prior_buckets + buckets / worth) · season · fleet`` and ``1 / shape = 1 / certainty + dispersion + dispersion /
    certainty``. ``bucket_probability`` is that of more (or less) than ``actual`` and half of that of as many, twice it
    where both sides are told of; ``probability`` is that over ``share`` or, where a ``drift`` is told of, the least of
    the windows' over 0.05, whichever is less. Where ``empty`` is false the law is that of the number beyond the first.
    """

    detector_index: int
    entity_field: str
    entity: str
    counted: str
    side: str
    """``high`` or ``low``."""
    both: bool
    """Whether the other side would have been told of too."""
    empty: bool
    """Whether buckets without events count as 0; else they are passed over."""
    actual: int
    typical: float
    """Mean number in such a bucket."""
    lower: int
    """Fewer come in 1 of 100 such buckets at most."""
    upper: int
    """More come in 1 of 100 such buckets at most."""
    mean: float
    shape: float
    events: float
    """Counted before; each counts half after a week."""
    buckets: float
    """In so many usual buckets, counted the same way."""
    buckets_seen: int
    """Buckets judged or learnt before."""
    dispersion: float
    """Square of the coefficient of variation of the rate from bucket to bucket."""
    prior_shape: float
    """What peers tell of the rate: so many events,"""
    prior_buckets: float
    """in so many buckets."""
    season: float
    """Factor of the hour of the week."""
    fleet: float
    """Factor of how busy everybody is; at least 1 where there are many, at most 1 where there are few."""
    peer_group: str
    peers: int
    """Other series of the peer group, or of the fleet where it has none."""
    peers_mean: float
    """Their mean count in the same bucket."""
    probability: float
    bucket_probability: float = 1.0
    share: float = 1.0
    """Part of the error that the bucket has beside its windows: 0.9; 1 while there are none."""
    drift: bool = False
    """Whether it is told because of its windows."""
    windows: tuple[Window, ...] = ()


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why a record is one: a sentence, and the counts it was made of."""

    sentence: str
    levels: tuple[Level, ...] = ()
    tally: Tally | None = None
    """Instead of levels, for counts."""


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
    multi_bucket_impact: float | None = None
    """How much of the probability is due to windows beside the bucket: -5 none, 5 all; of counts only."""
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
    revised: bool = False
    """Whether events that came late have changed it since it was first told."""
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
