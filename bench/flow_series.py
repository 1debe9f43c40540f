"""What each function finds of malware that was joined to an office client, hour by hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.flows import DAYS, FIRST_DAY, JUDGED, Capture, events, labelled, write
from rarebit.app.home import Home
from rarebit.app.run import RunOptions, run
from rarebit.core.job import Datafeed, Detector, Job
from rarebit.core.result import Record
from rarebit.core.time import DAY_US, HOUR_US, parse_time

_HOST: Final = "host.name"
_ADDRESS: Final = "destination.ip"
_PORT: Final = "destination.port"
BUDGETS: Final = (5, 10, 25)
"""Records a day."""
JUDGED_FROM: Final = FIRST_DAY + (JUDGED[0] - 1) * DAY_US
HOURS: Final = 24 * (DAYS - JUDGED[0] + 1)


def _by_host(function: str, field: str | None = None) -> Detector:
    return Detector(function=function, field_name=field, partition_field_name=_HOST)


FUNCTIONS: Final[dict[str, Detector]] = {
    "high_count (flows)": _by_host("high_count"),
    "high_distinct_count (addresses)": _by_host("high_distinct_count", _ADDRESS),
    "high_info_content (addresses)": _by_host("high_info_content", _ADDRESS),
    "high_sum (bytes sent)": _by_host("high_sum", "source.bytes"),
    "metric (bytes sent)": _by_host("metric", "source.bytes"),
    "high_count over clients (flows)": Detector(function="high_count", over_field_name=_HOST),
    "high_distinct_count over clients (addresses)": Detector(
        function="high_distinct_count", field_name=_ADDRESS, over_field_name=_HOST
    ),
    "rare address of a client": Detector(function="rare", by_field_name=_ADDRESS, partition_field_name=_HOST),
    "rare port of a client": Detector(function="rare", by_field_name=_PORT, partition_field_name=_HOST),
    "rare port over clients": Detector(function="rare", by_field_name=_PORT, over_field_name=_HOST),
    "time_of_day of a client": Detector(function="time_of_day", by_field_name=_HOST),
}
"""What is asked, and the detector that asks it; each is a job of its own, in buckets of an hour."""


@dataclass(frozen=True)
class Found:
    """How a function did; ranks among all client-hours of the judged days, ties at their middle."""

    function: str
    records: int
    alerts: int
    """Of the records, those that alert: at most ten a week are expected, and nothing is learning any more."""
    labelled: int
    best_rank: float
    median_rank: float
    auc: float
    auc_awake: float
    """Among client-hours in which the client itself spoke too; not a number where none is labelled."""
    recall: tuple[float, ...]
    """Share of the labelled client-hours among the first of ``BUDGETS`` records a day."""
    on_clean: int
    """Of the first ten records a day, those about other clients."""


def jobs() -> dict[str, Job]:
    """A job for each of ``FUNCTIONS``, by what is asked."""
    feed = Datafeed(query={"bool": {"filter": [{"term": {"event.category": "network"}}]}})
    made = {}
    for number, (name, detector) in enumerate(FUNCTIONS.items()):
        weighed = {"summary_count_field_name": "network.flows"} if detector.function == "high_count" else {}
        made[name] = Job(
            job_id=f"series-{number}",
            bucket_span="1h",
            detectors=(detector,),
            influencers=(_HOST,),
            datafeed=feed,
            analysis_rest=weighed,
        )
    return made


def records(
    scratch: Path, files: Sequence[Path], asked: dict[str, Job], learn_until_us: int
) -> tuple[dict[str, list[Record]], dict[str, int]]:
    """Records from ``learn_until_us`` on of a run of the jobs over files, the most surprising first; and alerts."""
    home = Home(scratch / "home")
    for job in asked.values():
        home.store.put_job(job, "local")
    names = tuple(job.job_id for job in asked.values())
    done = run(home, list(files), RunOptions(jobs=names, learn_until_us=learn_until_us, remember=False))
    alerts = {outcome.job_id: outcome.alerts for outcome in done.jobs}
    found = {}
    for name, job in asked.items():
        own = home.store.list_records(job_id=job.job_id, start_us=learn_until_us)
        found[name] = sorted(own, key=lambda record: (record.expected_per_week, record.probability, record.id))
    home.close()
    return found, {name: alerts[job.job_id] for name, job in asked.items()}


def judge(scratch: Path, clients: Sequence[Capture], malware: Capture | None, victim: str) -> list[Found]:
    """Run every function over the clients, with a malware joined to one of them or none."""
    scratch.mkdir(parents=True)
    file = write(events(clients, malware, victim), scratch / "flows.parquet")
    found, alerts = records(scratch, [file], jobs(), JUDGED_FROM)
    names = [client.name.lower() for client in clients]
    truth = np.zeros((len(names), HOURS), bool)
    if malware is not None:
        at = [(start - JUDGED_FROM) // HOUR_US for start in labelled(malware)]
        truth[names.index(victim.lower()), at] = True
    awake = np.array([_awake(client) for client in clients])
    return [measure(name, own, alerts[name], names, truth, awake) for name, own in found.items()]


def _awake(client: Capture) -> NDArray[np.bool_]:
    out = np.zeros(HOURS, bool)
    out[[(day - JUDGED[0]) * 24 + hour for day, hour in client.hours if day >= JUDGED[0]]] = True
    return out


def measure(
    function: str,
    own: Sequence[Record],
    alerts: int,
    names: Sequence[str],
    truth: NDArray[np.bool_],
    awake: NDArray[np.bool_],
) -> Found:
    """Hold a function's records, the most surprising first, against the labelled client-hours.

    Parameters
    ----------
    truth, awake : bool[clients, HOURS]
        Which client-hours are labelled, and in which the client itself spoke.
    """
    cells = [cell for record in own if (cell := _cell(record, names)) is not None]
    score = np.zeros(truth.shape)
    for place, cell in enumerate(reversed(cells), 1):
        score[cell] = place
    rank = _ranks(-score.ravel()).reshape(score.shape)
    recall, on_clean = [], 0
    for budget in BUDGETS:
        first = cells[: budget * HOURS // 24]
        hit = {cell for cell in first if truth[cell]}
        recall.append(len(hit) / max(int(truth.sum()), 1))
        if budget == 10:
            on_clean = sum(not truth[row].any() for row, _ in first)
    return Found(
        function=function,
        records=len(own),
        alerts=alerts,
        labelled=int(truth.sum()),
        best_rank=float(rank[truth].min()) if truth.any() else float("nan"),
        median_rank=float(np.median(rank[truth])) if truth.any() else float("nan"),
        auc=auc(score.ravel(), truth.ravel()),
        auc_awake=auc(score[awake], truth[awake]),
        recall=tuple(recall),
        on_clean=on_clean,
    )


def _cell(record: Record, names: Sequence[str]) -> tuple[int, int] | None:
    hour = (parse_time(record.timestamp) - JUDGED_FROM) // HOUR_US
    fits = record.entity_id in names and 0 <= hour < HOURS
    return (names.index(record.entity_id), hour) if fits else None


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1 on, ties at their middle."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[inverse], np.float64)


def auc(score: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """How often a labelled one has the higher score, ties half (Mann and Whitney); NaN without both kinds."""
    positive, negative = int(truth.sum()), int((~truth).sum())
    if not positive or not negative:
        return float("nan")
    return float((_ranks(score)[truth].sum() - positive * (positive + 1) / 2) / (positive * negative))
