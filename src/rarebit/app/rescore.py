"""What earlier records are worth by now: taken in by a rollout, or scored by the latest fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from rarebit.app.home import Home
from rarebit.core.result import Record
from rarebit.core.time import DAY_US
from rarebit.detect.evidence import Materialised
from rarebit.detect.records import rescored
from rarebit.detect.rollout import INFORMATIONAL
from rarebit.detect.stream import REMEMBER_US, JobStream

_RESCORE_US: Final = 28 * DAY_US
_WORTH_A_CHANGE: Final = 0.02
"""Relative change of the expected number below which a record is left as it stands."""


def settle_older(home: Home, stream: JobStream, found: Sequence[Materialised], fresh: set[str]) -> list[Record]:
    """Earlier records with their later values: taken in by a rollout, or scored by the latest fit."""
    if stream.last_us is None:
        return []
    absorbed = {key: lead for part in found for key, lead in part.absorbed.items()}
    start = stream.last_us - max(_RESCORE_US, REMEMBER_US)
    older = home.store.list_records(job_id=stream.plan.job.job_id, start_us=start)
    changed = []
    for index, group in enumerate(stream.groups):
        own = {view.index for view in group}
        part = [r for r in older if r.detector_index in own and r.id not in fresh and not r.rollout]
        later = stream.later(index, np.array([record.probability for record in part]))
        for at, record in enumerate(part):
            rate = later.at(at)
            if record.id in absorbed:
                changed.append(rescored(record, rate.become(INFORMATIONAL), rollout=absorbed[record.id]))
            elif abs(rate.expected / record.expected_per_week - 1.0) > _WORTH_A_CHANGE and not record.rollout_size:
                changed.append(rescored(record, rate))
    return changed
