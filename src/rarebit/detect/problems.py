"""What of a job's definition would not be acted on as written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from rarebit.core.errors import DefinitionError, RarebitError
from rarebit.core.fields import TIME
from rarebit.core.job import Detector, Job
from rarebit.core.time import DAY_US, parse_span
from rarebit.detect.datafeed import condition
from rarebit.detect.functions import BEACONS, COUNTS, HOURS, METRICS, PLACES, RARE, Counting, counting, measuring
from rarebit.detect.rules import rule_of, unmeasured

_RETENTION: Final = (
    "daily_model_snapshot_retention_after_days", "model_snapshot_retention_days", "results_retention_days"
)  # fmt: skip
_HONOURED_REST: Final = frozenset(
    {"analysis_limits", "custom_settings", "groups", "allow_lazy_open", "data_description", *_RETENTION}
)
SUMMARY: Final = "summary_count_field_name"
_HONOURED_ANALYSIS: Final = frozenset({"model_prune_window", SUMMARY})
_HONOURED_DETECTOR_REST: Final = frozenset({"detector_index"})
EXCLUDED: Final = ("all", "none", "by", "over")
"""Values of ``exclude_frequent``."""
_UNSUPPORTED_FEED: Final = ("aggregations", "aggs", "runtime_mappings", "script_fields")
_ADMINISTRATIVE_FEED: Final = frozenset(
    {
        "datafeed_id", "job_id", "indices", "indexes", "indices_options", "scroll_size", "chunking_config", "frequency",
        "query_delay", "delayed_data_check_config", "max_empty_searches",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """One part of a definition that is refused, or kept and not acted on."""

    where: str
    kind: Literal["refused", "ignored"]
    text: str


def problems(job: Job) -> list[Problem]:
    """Everything in the definition that would not be acted on as written; empty when all is honoured."""
    found = [*_detector_problems(job), *_feed_problems(job)]
    found += [*_setting_problems(job), *_summary_problems(job)]
    if job.time_field != TIME:
        found.append(Problem("data_description.time_field", "refused", f"only {TIME} orders the events of the lake"))
    honoured = _HONOURED_REST
    if all(counting(detector.function) for detector in job.detectors):
        honoured |= {"model_plot_config"}  # any series can be plotted: rarebit job plot
    found += [Problem(key, "ignored", "kept for export, not acted on") for key in job.rest if key not in honoured]
    for key in job.analysis_rest.keys() - _HONOURED_ANALYSIS:
        found.append(Problem(f"analysis_config.{key}", "ignored", "not acted on by the functions that run"))
    return found


def summary_field(job: Job) -> str:
    """Field with the number of events that a row of a summary stands for; empty where rows are events."""
    return str(job.analysis_rest.get(SUMMARY) or "")


def _summary_problems(job: Job) -> Iterable[Problem]:
    where, given = f"analysis_config.{SUMMARY}", job.analysis_rest.get(SUMMARY)
    if given is None:
        return
    if not isinstance(given, str) or not given:
        yield Problem(where, "refused", f"expected the name of a field, found {given!r}")
        return
    unweighted = {d.function for d in job.detectors if d.function in _UNWEIGHTED or _is_distinct(d)}
    for function in sorted(unweighted):
        yield Problem(where, "ignored", f"{function} asks whether a value is there, which no number of events changes")


def _is_distinct(detector: Detector) -> bool:
    counts = counting(detector.function)
    return counts is not None and counts.distinct


def _setting_problems(job: Job) -> Iterable[Problem]:
    try:
        span = parse_span(job.bucket_span)
        if not _SHORTEST_SPAN_US <= span <= _LONGEST_SPAN_US:
            yield Problem("analysis_config.bucket_span", "refused", f"{job.bucket_span!r} is not 1s to 365d")
    except RarebitError as error:
        yield Problem("analysis_config.bucket_span", "refused", error.what)
    try:
        memory_limit(job)
        prune_window(job)
    except DefinitionError as error:
        yield Problem(error.where, "refused", error.what)
    yield from _retention_problems(job)


def _retention_problems(job: Job) -> Iterable[Problem]:
    days = {name: job.rest[name] for name in _RETENTION if job.rest.get(name) is not None}
    wrong = [name for name, value in days.items() if isinstance(value, bool) or not isinstance(value, int) or value < 0]
    for name in wrong:
        yield Problem(name, "refused", f"{days[name]!r} is not a whole number of days")
    daily, kept = (days.get(name) for name in _RETENTION[:2])
    if not wrong and daily is not None and kept is not None and daily > kept:
        yield Problem(_RETENTION[0], "refused", f"{daily} days is longer than {_RETENTION[1]}, {kept} days")


def prune_window(job: Job) -> int | None:
    """Microseconds of ``model_prune_window``; None where it is not set.

    Raises
    ------
    DefinitionError
        If it is no span, or shorter than two buckets.
    """
    text = job.analysis_rest.get("model_prune_window")
    if text is None:
        return None
    where = "analysis_config.model_prune_window"
    try:
        window, span = parse_span(str(text)), parse_span(job.bucket_span)
    except RarebitError as error:
        raise DefinitionError(error.what, where=where) from error
    if window < 2 * span:
        raise DefinitionError(f"{text!r} is shorter than two buckets", where=where)
    return window


def memory_limit(job: Job) -> int:
    """Bytes the job's models may hold: its ``model_memory_limit``, or 1 GiB.

    Raises
    ------
    DefinitionError
        If it is not a whole number of b, kb, mb or gb (mb where there is no unit), or less than 1 mb.
    """
    limits = job.rest.get("analysis_limits") or {}
    if not isinstance(limits, Mapping):
        raise DefinitionError(f"expected an object, found {type(limits).__name__}", where="analysis_limits")
    text = limits.get("model_memory_limit")
    if text is None:
        return 1 << 30
    match = _MEMORY.match(str(text).lower())
    size = int(match[1]) << _SHIFTS[match[2] or "m"] if match else 0
    if not 1 << 20 <= size <= 1 << 50:
        raise DefinitionError(f"{text!r} is not 1mb or more", where="analysis_limits.model_memory_limit")
    return size


_MEMORY: Final = re.compile(r"\s*(\d{1,15})\s*(b|[kmgt])?b?\s*$")
_SHIFTS: Final = {"b": 0, "k": 10, "m": 20, "g": 30, "t": 40}
_SHORTEST_SPAN_US: Final = 1_000_000
_LONGEST_SPAN_US: Final = 365 * DAY_US


def _detector_problems(job: Job) -> Iterable[Problem]:
    for index, detector in enumerate(job.detectors):
        where = f"analysis_config.detectors[{index}]"
        if detector.function in RARE:
            yield from _rare_problems(detector, where)
        elif (counts := counting(detector.function)) is not None:
            yield from _count_problems(job, detector, counts, where)
        elif measuring(detector.function) is not None:
            yield from _metric_problems(job, detector, where)
        elif detector.function in BEACONS:
            yield from _beacon_problems(job, detector, where)
        elif detector.function in (*HOURS, *PLACES):
            yield from _hours_problems(job, detector, where)
        else:
            yield Problem(f"{where}.function", "refused", f"function {detector.function!r} does not run; {_RUNS}")
            continue
        yield from _rule_problems(detector, index)
        for key in detector.rest:
            if key not in _HONOURED_DETECTOR_REST:
                yield Problem(f"{where}.{key}", "ignored", "kept for export, not acted on")


def _rule_problems(detector: Detector, index: int) -> Iterable[Problem]:
    for number, body in enumerate(detector.custom_rules):
        try:
            rule = rule_of(body, index, number, detector)
        except DefinitionError as error:
            yield Problem(error.where, "refused", error.what)
            continue
        if unmeasured(rule, detector.function):
            text = f"{detector.function} has no actual and typical value; the rule is not applied"
            yield Problem(f"analysis_config.{rule.place}", "ignored", text)


def _rare_problems(detector: Detector, where: str) -> Iterable[Problem]:
    if not detector.by_field_name:
        yield Problem(f"{where}.by_field_name", "refused", f"{detector.function} needs a by field")
    if detector.field_name:
        yield Problem(f"{where}.field_name", "refused", f"{detector.function} takes no field")
    if detector.function == "freq_rare" and not detector.over_field_name:
        yield Problem(f"{where}.over_field_name", "refused", "freq_rare needs an over field")
    if detector.exclude_frequent:
        yield Problem(f"{where}.exclude_frequent", "ignored", "frequent values are never rare here")


def _count_problems(job: Job, detector: Detector, counts: Counting, where: str) -> Iterable[Problem]:
    if counts.distinct and not detector.field_name:
        yield Problem(f"{where}.field_name", "refused", f"{detector.function} needs a field")
    if detector.field_name and not counts.distinct:
        yield Problem(f"{where}.field_name", "refused", f"{detector.function} takes no field")
    if detector.exclude_frequent and detector.exclude_frequent not in EXCLUDED:
        text = f"{detector.exclude_frequent!r} is none of {', '.join(EXCLUDED)}"
        yield Problem(f"{where}.exclude_frequent", "refused", text)
    yield from _series_problems(job, detector, where)


def _metric_problems(job: Job, detector: Detector, where: str) -> Iterable[Problem]:
    if not detector.field_name:
        yield Problem(f"{where}.field_name", "refused", f"{detector.function} needs a field with numbers")
    if detector.over_field_name:
        yield Problem(f"{where}.over_field_name", "refused", f"{detector.function} over a population does not run")
    if detector.exclude_frequent:
        yield Problem(f"{where}.exclude_frequent", "ignored", f"kept for export, not acted on by {detector.function}")
    yield from _series_problems(job, detector, where)


def _hours_problems(job: Job, detector: Detector, where: str) -> Iterable[Problem]:
    if detector.function in PLACES and not detector.field_name:
        yield Problem(f"{where}.field_name", "refused", f"{detector.function} needs a field with places")
    elif detector.field_name and detector.function not in PLACES:
        yield Problem(f"{where}.field_name", "refused", f"{detector.function} takes no field")
    if detector.exclude_frequent:
        yield Problem(f"{where}.exclude_frequent", "ignored", f"kept for export, not acted on by {detector.function}")
    yield from _series_problems(job, detector, where)


def _beacon_problems(job: Job, detector: Detector, where: str) -> Iterable[Problem]:
    for role, means in (("by_field_name", "whom is spoken to"), ("partition_field_name", "who speaks")):
        if not getattr(detector, role):
            yield Problem(f"{where}.{role}", "refused", f"{detector.function} needs a field that says {means}")
    if detector.over_field_name:
        yield Problem(f"{where}.over_field_name", "refused", f"{detector.function} compares with all others already")
    for role in ("exclude_frequent", "use_null"):
        if getattr(detector, role):
            yield Problem(f"{where}.{role}", "ignored", f"kept for export, not acted on by {detector.function}")
    yield from _series_problems(job, detector, where)


def _series_problems(job: Job, detector: Detector, where: str) -> Iterable[Problem]:
    """What detectors that judge series have in common."""
    yield from _split_problems(detector, where)
    if job.combine:
        yield Problem(f"{where}.function", "refused", f"{detector.function} cannot be combined with other detectors")
    if job.context:
        yield Problem("context", "ignored", f"{detector.function} has no second view")


def _split_problems(detector: Detector, where: str) -> Iterable[Problem]:
    """The same field in two roles."""
    roles = {"over": detector.over_field_name, "by": detector.by_field_name}
    if roles["by"] and roles["by"] == detector.partition_field_name:
        yield Problem(f"{where}.by_field_name", "refused", "by and partition are the same field")
    if roles["over"] and roles["over"] in (roles["by"], detector.partition_field_name):
        other = "by" if roles["over"] == roles["by"] else "partition"
        yield Problem(f"{where}.over_field_name", "refused", f"over and {other} are the same field")


def _feed_problems(job: Job) -> Iterable[Problem]:
    try:
        condition(job)
    except RarebitError as error:
        place = f"datafeed.query {error.where}".strip()
        yield Problem(place, "refused", error.what)
    for key in job.datafeed.rest:
        if key in _UNSUPPORTED_FEED:
            if not job.datafeed.rest[key]:
                continue
            yield Problem(f"datafeed.{key}", "refused", "events are read as they are; there is no such step")
        elif key not in _ADMINISTRATIVE_FEED:
            yield Problem(f"datafeed.{key}", "ignored", "kept for export, not acted on")


_RUNS: Final = f"those that do: {', '.join((*RARE, *COUNTS, *METRICS, *HOURS, *PLACES, *BEACONS))}"
_UNWEIGHTED: Final = (*RARE, *HOURS, *PLACES, *BEACONS)
