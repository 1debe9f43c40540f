"""What the system writes: records, alerts, cases."""

from __future__ import annotations

from typing import Any

import msgspec

from rarebit.core.beacon import Beacon
from rarebit.core.case_part import CasePart, Notice
from rarebit.core.edr import EdrView, SensorAlert
from rarebit.core.habits import Journey, Rhythm
from rarebit.core.influencer import Influencer
from rarebit.core.peer import PeerChange


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


class LawPart(msgspec.Struct, frozen=True, kw_only=True):
    """One negative binomial law of a mixture."""

    weight: float
    mean: float
    shape: float


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How many there were in a bucket, how many are usual, and the numbers behind it.

    ``mean`` and ``shape`` are those of a negative binomial law. With ``worth = 1 + dispersion · (events +
    prior_shape) / (buckets + prior_buckets)`` and ``certainty = prior_shape + events / worth``, ``mean = certainty /
    (prior_buckets + buckets / worth) · season · fleet`` and ``1 / shape = 1 / certainty + dispersion + dispersion /
    certainty``. ``bucket_probability`` is that of more (or less) than ``actual`` and half of that of as many, twice it
    where both sides are told of; ``probability`` is that over ``share`` or, where a ``drift`` is told of, the least of
    the windows' over 0.05, whichever is less. Where ``empty`` is false the law is that of the number beyond the first.
    Of a population ``mean`` and ``shape`` are those of a mixture of such laws, and ``bucket_probability`` is the sum
    of ``weight`` times that of each of ``parts``.
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
    """Mean number in such a bucket; of a population the number that half of such buckets do not exceed."""
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
    """Other series of the peer group, or of the fleet where it has none; other members of the population."""
    peers_mean: float
    """Their mean count in the same bucket."""
    probability: float
    bucket_probability: float = 1.0
    share: float = 1.0
    """Part of the error that the bucket has beside its windows: 0.9; 1 while there are none."""
    drift: bool = False
    """Whether it is told because of its windows."""
    windows: tuple[Window, ...] = ()
    population: bool = False
    """Whether members of a population are compared, of which only those with events in the bucket are judged."""
    unit: int = 1
    """What one of what is counted here stands for in ``counted``, in the record and in the sentence."""
    parts: tuple[LawPart, ...] = ()
    """Of a population: the laws whose tails, times their weights, add up to the probability."""


class Gauge(msgspec.Struct, frozen=True, kw_only=True):
    """What a field's values came to in a bucket, what is usual, and the numbers behind it.

    Values are judged by their logarithm, ``y = ln(1 + actual)``, or as they are where ``signed``. With ``own =
    (prior_worth · prior_mean + weight · mean) / (prior_worth + weight)``, ``location = own + season + offset + fleet``.
    With ``spread = (prior_shape · prior_variance + squares / 2 + prior_worth · weight · (mean - prior_mean)² /
    (2 · (prior_worth + weight))) / (prior_shape + seen / 2)``, or the square of a thousandth of ``own`` where that is
    more, ``scale² = spread · (noise + 1 / (prior_worth + weight))``. ``law_probability`` is that of a Student's t law
    of so much ``freedom`` beyond ``(y - location) / scale``.

    Where ``rank_of`` is 0, ``tail_probability`` is the same; else the law did not fit the group, and it is the part of
    the ``rank_of`` values of the group that lay as deep. With ``depth = √(-2 ln law_probability)``, beyond
    ``rank_start`` that is ``rank_share · (1 + rank_shape · (depth - rank_start) / rank_scale) ^ (-1 / rank_shape)``.

    ``probability`` is ``(1 - absence) · tail_probability``, for low values with ``absence`` added, half of ``absence``
    where the bucket was empty; times 2 where both sides are told of, times ``tests``.
    """

    detector_index: int
    entity_field: str
    entity: str
    measured: str
    """``sum of source.bytes``."""
    side: str
    """``high`` or ``low``."""
    both: bool
    """Whether the other side would have been told of too."""
    tests: int
    """Statistics judged together, of which this is the oddest."""
    zero: bool
    """Whether a bucket without events is a value of 0; else it is none."""
    signed: bool
    actual: float
    events: float
    """Events that it is made of."""
    typical: float
    """Median of such buckets."""
    lower: float
    """Less comes in 1 of 100 such buckets."""
    upper: float
    """More comes in 1 of 100 such buckets."""
    buckets_seen: int
    """Buckets with a value before."""
    location: float
    scale: float
    freedom: float
    seen: float
    """Values before; each counts half after a week."""
    weight: float
    """The same, each by how sure its number of events makes it."""
    mean: float
    squares: float
    """Squared deviations from the mean, counted the same way."""
    prior_mean: float
    """What peers tell of the mean,"""
    prior_worth: float
    """as if from so many values;"""
    prior_shape: float
    """and of the variance, as if from twice so many."""
    prior_variance: float
    season: float
    """What the hour of the week adds."""
    fleet: float
    """What the fleet shares in this bucket; at least 0 for high values, at most 0 for low ones."""
    offset: float
    """What so many events add to a mean or an extreme."""
    noise: float
    """What they do to its variance."""
    absence: float
    """Probability of a bucket without events; 0 where that is no value."""
    rank_of: float
    rank_start: float
    rank_share: float
    rank_shape: float
    rank_scale: float
    law_probability: float
    tail_probability: float
    peer_group: str
    peers: int
    """Other series of the peer group, or of the fleet; where an empty bucket is no value, those with any."""
    peers_beyond: int
    """Of those, with more in this bucket, or with less if the value is low."""
    probability: float


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why a record is one: a sentence, and the counts it was made of.

    Levels, or what stands for them: of counts, metrics, hours, places, beacons, or of a change of peer group.
    """

    sentence: str
    levels: tuple[Level, ...] = ()
    tally: Tally | None = None
    gauge: Gauge | None = None
    rhythm: Rhythm | None = None
    journey: Journey | None = None
    beacon: Beacon | None = None
    change: PeerChange | None = None


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
    """As first given; never changed."""
    expected_per_week_low: float | None = None
    """Ends of the 80 % interval of ``expected_per_week``; none where it is set and not estimated."""
    expected_per_week_high: float | None = None
    learning: bool = False
    """Whether the job or the entity was still learning; such records never alert."""
    revised: bool = False
    """Whether events that came late have changed it since it was first told."""
    maturity: str = "mature"
    """How well the entity was known then: ``learning``, ``usable`` or ``mature``."""
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
    """Empty where events made it, not a record."""
    timestamp: str
    """Time of the first event."""
    score: float
    expected_per_week: float | None  # None where a rule over events made it
    expected_per_week_low: float | None = None
    expected_per_week_high: float | None = None
    entity_type: str
    entity_id: str
    sentence: str
    tactics: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    event_ids: tuple[str, ...] = ()
    rule_name: str = ""
    severity: str = ""
    state: str = "new"
    """``new``; ``grown`` when more events have come since it was first told of; ``ongoing`` when the same was told of
    the window before."""
    group: dict[str, str] = msgspec.field(default_factory=dict)
    """Values that its events share."""
    event_count: int = 0
    """Its events; the first is told of, the others are suppressed."""
    last: str = ""
    """Time of the last event."""
    window: str = ""
    """Span within which events of one group are one alert."""
    edr: SensorAlert | None = None
    """Of an alert that a sensor sent."""


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
    points: float = 0.0
    """What its parts add up to."""
    state: str
    """``open``, ``closed``, ``below`` (the budget left it out) or ``withdrawn``."""
    entity: CaseEntity
    opened_at: str
    updated_at: str
    tactics: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    edr: str = "none"
    edr_view: EdrView | None = None
    sentence: str = ""
    reasons: tuple[Reason, ...] = ()
    parts: tuple[CasePart, ...] = ()
    joined_parts: tuple[CasePart, ...] = ()
    """What the points of joined entities are made of; of each, half of the sum is in ``parts``."""
    notices: tuple[Notice, ...] = ()
    changed: str = ""
    """What changed materially in the last run; empty if there is nothing to be told."""
    joined: tuple[CaseEntity, ...] = ()
    """Other entities whose findings are part of it."""
    budget: float = 0.0
    """Cases a day within which it was opened; 0 if it never was."""
    timeline: tuple[TimelineEntry, ...] = ()
    queries: dict[str, str] = msgspec.field(default_factory=dict)
    verdict: str | None = None
    record_ids: tuple[str, ...] = ()
    event_count: int = 0
    context: dict[str, Any] = msgspec.field(default_factory=dict)
    """What the inventory says of the entity: role, site, criticality."""
