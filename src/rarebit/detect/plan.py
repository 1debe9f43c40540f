"""From a job's definition to what has to run: detectors, coded fields, the condition on events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from rarebit.core.errors import DefinitionError
from rarebit.core.fields import TIME
from rarebit.core.job import Detector, Job
from rarebit.core.time import parse_span
from rarebit.detect.care import Care, Hold
from rarebit.detect.datafeed import condition
from rarebit.detect.functions import BEACON_SIZE, BEACONS, HOURS, PLACES, RARE, Counting, Measuring, counting, measuring
from rarebit.detect.problems import problems, prune_window, summary_field
from rarebit.detect.rules import rules_of, unmeasured
from rarebit.model.rare_kernel import FLEET, INDIVIDUAL, POPULATION
from rarebit.query.tree import Node, fields_of

NULL_CODE: Final = 1
"""Code under which an absent value is judged where the detector says ``use_null``; 0 in the lake."""
ENTITIES: Final = ("host.name", "user.name")


@dataclass(frozen=True, slots=True)
class DetectorPlan:
    """One detector: whom it watches, for which values, in which world."""

    index: int
    detector: Detector
    mode: int
    frequent: bool
    entity: str
    value: str
    scope: str | None
    use_null: bool
    is_context: bool = False
    """A second view of the same observation, from another of its fields."""
    counting: Counting | None = None
    """What is counted; then ``value`` is the field of distinct counts, and ``entity`` whom the series are about."""
    measuring: Measuring | None = None
    """What is made of the values of ``metric``."""
    metric: str = ""
    """Field that is measured."""
    hours: int = 0
    """Hours told apart by a function of the hours of a day or a week; 0 for others."""
    place: str = ""
    """Field with a place on the earth."""
    destination: str = ""
    """Field with whom a beacon speaks to; empty for other functions."""
    program: str = ""
    """Field with the program that does, which events need not have."""
    size: str = ""
    """Field with the bytes that it sends, which events need not have."""
    weight: str = ""
    """Field with the number of events that a row stands for."""
    split: tuple[str, ...] = ()
    """Fields that make the series of a detector that judges series: partition, by, over."""

    @property
    def texts(self) -> tuple[str, ...]:
        """Fields of which it asks how much each value tells."""
        return (self.value,) if self.counting is not None and self.counting.information else ()

    @property
    def skips_empty(self) -> bool:
        """Whether a bucket without events is no observation of a series."""
        return bool(self.detector.over_field_name) or (self.counting is not None and self.counting.skip_empty)

    @property
    def populations(self) -> tuple[str, ...]:
        """Fields that make the populations a member is judged in; only with an over field."""
        return tuple(name for name in self.split if name != self.detector.over_field_name)

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields it needs the codes of."""
        return tuple(dict.fromkeys(name for name in (self.entity, self.value, self.scope, *self.split) if name))

    @property
    def numbers(self) -> tuple[str, ...]:
        """Fields it takes as numbers, not as codes."""
        return tuple(name for name in (self.metric, self.weight, self.size) if name)

    @property
    def optional(self) -> tuple[str, ...]:
        """Fields that it takes where events have them, and does without where not."""
        return tuple(name for name in (self.program, self.size) if name)


@dataclass(frozen=True, slots=True)
class JobPlan:
    """A job made ready: detectors, condition, and the fields its kernels need as codes."""

    job: Job
    groups: tuple[tuple[DetectorPlan, ...], ...]
    """Detectors that judge an observation together; the first leads, each group gives findings of its own."""
    condition: Node
    coded: tuple[str, ...]
    flags: Mapping[str, str] = field(default_factory=dict)
    """SQL condition on events for the scope of each rule that has one, by the rule's ``flag``."""
    holds: tuple[Hold, ...] = ()
    """Events of calendars, and exclusions."""

    def care(self, group: tuple[DetectorPlan, ...]) -> Care:
        """What is left out of the work of one of ``groups``."""
        own = {detector.index: detector.detector.function for detector in group}
        rules = [rule for rule in rules_of(self.job) if rule.detector_index in own]
        applied = [rule for rule in rules if not unmeasured(rule, own[rule.detector_index])]
        return Care(applied, self.holds, self.span_us)

    @property
    def codes(self) -> tuple[str, ...]:
        """Fields whose codes are read: those of the engines, and influencers."""
        return tuple(sorted({*self.coded, *self.job.influencers}))

    @property
    def prune_us(self) -> int | None:
        """What was not seen for so long is forgotten; None where the job does not say."""
        return prune_window(self.job)

    @property
    def span_us(self) -> int:
        """Microseconds of a bucket."""
        return parse_span(self.job.bucket_span)

    @property
    def detectors(self) -> tuple[DetectorPlan, ...]:
        """All detectors, those of contexts too."""
        return tuple(detector for group in self.groups for detector in group)

    @property
    def vital(self) -> frozenset[str]:
        """Fields without which no detector has anything to judge."""
        views = [detector for detector in self.detectors if not detector.is_context]
        return frozenset(
            name
            for view in views
            for name in (*view.fields, *view.numbers, view.place)
            if name and name not in view.optional
        )

    @property
    def numeric(self) -> tuple[str, ...]:
        """Fields its engines need as numbers."""
        return tuple(sorted({name for detector in self.detectors for name in detector.numbers}))

    @property
    def placed(self) -> tuple[str, ...]:
        """Fields its engines need as places."""
        return tuple(sorted({detector.place for detector in self.detectors if detector.place}))

    @property
    def informative(self) -> tuple[str, ...]:
        """Fields of which its engines need to know how much each value tells."""
        return tuple(sorted({name for detector in self.detectors for name in detector.texts}))

    @property
    def required(self) -> frozenset[str]:
        """Fields without which the job sees nothing: those of its query and of its detectors."""
        return frozenset({*fields_of(self.condition), *self.vital} - {TIME})


def plan(job: Job) -> JobPlan:
    """Plan a job.

    Raises
    ------
    DefinitionError
        If a part is refused; all refused parts are named.
    """
    refused = [p for p in problems(job) if p.kind == "refused"]
    if refused:
        text = "; ".join(f"{p.where}: {p.text}" for p in refused)
        raise DefinitionError(f"job {job.job_id!r} cannot run: {text}", hint="See rarebit job validate")
    views = [_detector_plan(job, index, detector) for index, detector in enumerate(job.detectors)]
    groups = (tuple(views),) if job.combine else tuple((view, *_contexts(job, view)) for view in views)
    coded = {name for group in groups for detector in group for name in detector.fields}
    if job.peer_field:
        coded.add(job.peer_field)
    return JobPlan(job, groups, condition(job), tuple(sorted(coded)))


def _contexts(job: Job, view: DetectorPlan) -> list[DetectorPlan]:
    if view.detector.function not in RARE:
        return []
    fields = [name for name in job.context if name not in (view.entity, view.value)]
    return [replace(view, mode=INDIVIDUAL, frequent=False, entity=name, scope=None, is_context=True) for name in fields]


def _detector_plan(job: Job, index: int, detector: Detector) -> DetectorPlan:
    counts = counting(detector.function)
    if counts is not None:
        return replace(
            _series_plan(job, index, detector, detector.field_name if counts.distinct else None), counting=counts
        )
    measures = measuring(detector.function)
    if measures is not None:
        return replace(_series_plan(job, index, detector, None), measuring=measures, metric=detector.field_name or "")
    if detector.function in HOURS:
        made = _series_plan(job, index, detector, None)
        return replace(made, hours=HOURS[detector.function], weight="")
    if detector.function in PLACES:
        return replace(_series_plan(job, index, detector, None), place=detector.field_name or "", weight="")
    if detector.function in BEACONS:
        made = _series_plan(job, index, detector, None)
        program, destination = detector.field_name or "", detector.by_field_name or ""
        split = tuple(name for name in (detector.partition_field_name, program, destination) if name)
        return replace(made, destination=destination, program=program, size=BEACON_SIZE, split=split, weight="")
    value = detector.by_field_name or ""
    if detector.over_field_name:
        mode, entity, scope = POPULATION, detector.over_field_name, detector.partition_field_name
    elif detector.partition_field_name:
        mode, entity, scope = INDIVIDUAL, detector.partition_field_name, None
    else:
        watched = [name for name in ENTITIES if name != value]
        entity = next((name for name in watched if name in job.influencers), watched[0])
        mode, scope = FLEET, None
    frequent = detector.function == "freq_rare"
    return DetectorPlan(index, detector, mode, frequent, entity, value, scope, bool(detector.use_null))


def _series_plan(job: Job, index: int, detector: Detector, value: str | None) -> DetectorPlan:
    names = (detector.partition_field_name, detector.by_field_name, detector.over_field_name)
    split = tuple(name for name in names if name)
    entity = next((name for name in ENTITIES if name in split), split[0] if split else "")
    return DetectorPlan(
        index=index,
        detector=detector,
        mode=INDIVIDUAL,
        frequent=False,
        entity=detector.over_field_name or entity,
        value=value or "",
        scope=None,
        use_null=bool(detector.use_null),
        split=split,
        weight="" if value else summary_field(job),
    )


def bucket_start(time_us: int, plan: JobPlan) -> int:
    """Start of the bucket a time falls into."""
    return time_us - time_us % plan.span_us
