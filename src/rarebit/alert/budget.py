"""From which score on each job alerts, so that all together give as many alerts a week as the budget has room for.

A stream is what one calibration judges: a detector, or those judged together. One expected number a week is common to
all streams, each weighted by how often its cases proved right; a stream that cannot give so many leaves its share to
the others. A job with a threshold of its own stands outside: what is asked for there comes on top.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from rarebit.core.result import Case
from rarebit.maths.share import water_level
from rarebit.maths.tail import expected_of, score_of

LEAST_WEIGHT: Final = 0.25
"""However often its cases proved wrong, a job keeps so much of a say."""


class Streams(NamedTuple):
    """What a job can give."""

    job_id: str
    own_score: float | None
    """Threshold set for it, which wins."""
    tests_per_week: tuple[float, ...]
    """The most each of its streams can give a week; empty for a job that saw nothing."""


class Threshold(NamedTuple):
    """From which score on a job alerts, and how many alerts a week that promises."""

    score: float
    per_week: float


class Judged(NamedTuple):
    """How often cases with a job's records were judged, and how."""

    true: int = 0
    false: int = 0


def precision_weight(judged: Judged) -> float:
    """Posterior mean of the share of true cases, uniform prior: Beta(1 + true, 1 + false); never below a quarter."""
    return max(LEAST_WEIGHT, (1.0 + judged.true) / (2.0 + judged.true + judged.false))


def judged_by_job(cases: Sequence[Case], job_of: Mapping[str, str]) -> dict[str, Judged]:
    """Verdicts on cases, by the jobs whose records led to them.

    Parameters
    ----------
    cases : sequence of Case
        Verdicts ``benign`` and ``false`` count against, ``true`` for, ``unsure`` and none not at all.
    job_of : mapping
        Record id to job id.
    """
    found: dict[str, Judged] = {}
    for case in cases:
        if case.verdict not in ("true", "benign", "false"):
            continue
        for job_id in {job_of[reason.id] for reason in case.reasons if reason.id in job_of}:
            true, false = found.get(job_id, Judged())
            right = case.verdict == "true"
            found[job_id] = Judged(true + right, false + (not right))
    return found


def thresholds(streams: Sequence[Streams], per_week: float, judged: Mapping[str, Judged]) -> dict[str, Threshold]:
    """The threshold of each job, by its id.

    Parameters
    ----------
    streams : sequence of Streams
        The jobs of a run.
    per_week : float
        Alerts a week that all jobs without a threshold of their own may give together, > 0.
    judged : mapping
        By job id; one that is missing was never judged.
    """
    weight = {job.job_id: precision_weight(judged.get(job.job_id, Judged())) for job in streams}
    shared = [(weight[job.job_id], most) for job in streams if job.own_score is None for most in job.tests_per_week]
    level = water_level(per_week, [w for w, _ in shared], [most for _, most in shared]) if shared else 0.0
    return {job.job_id: _threshold(job, level * weight[job.job_id]) for job in streams}


def _threshold(job: Streams, share: float) -> Threshold:
    each = share if job.own_score is None else float(expected_of(job.own_score))
    score = float(score_of(each)) if job.own_score is None else job.own_score
    return Threshold(round(score, 2), sum(min(each, most) for most in job.tests_per_week))
