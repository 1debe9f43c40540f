"""The budget of cases, turned into the thresholds from which jobs alert."""

from __future__ import annotations

from collections.abc import Sequence

from rarebit.alert.budget import Streams, Threshold, judged_by_job, thresholds
from rarebit.app.home import Home
from rarebit.core.time import DAY_US
from rarebit.detect.stream import JobStream


def alert_thresholds(home: Home, streams: Sequence[JobStream], budget: float) -> dict[str, Threshold]:
    """From which score on each job of a run alerts.

    Every case needs an alert, so alerts get the budget of cases: seven times ``budget`` (cases a day) a week for all
    jobs of the run together, those with a threshold of their own aside.
    """
    asked = [Streams(each.plan.job.job_id, each.plan.job.alert_score, _tests(each)) for each in streams]
    cases = [case for case in home.store.list_cases() if case.verdict]
    job_of = {reason.id: home.store.get_record(reason.id).job_id for case in cases for reason in case.reasons}
    return thresholds(asked, 7.0 * budget, judged_by_job(cases, job_of))


def _tests(stream: JobStream) -> tuple[float, ...]:
    """Observations a week of each of a job's streams, taken for equally many; no stream where nothing was seen."""
    if stream.first_us is None or stream.last_us is None:
        return ()
    weeks = max(stream.last_us - stream.first_us, DAY_US) / (7 * DAY_US)
    return (stream.observations / weeks / len(stream.groups),) * len(stream.groups)
