"""The engine of ``time_of_day`` and ``time_of_week``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from rarebit.core.time import HOUR_US, MINUTE_US
from rarebit.detect.care import HOST, Care
from rarebit.detect.engine import NONE, Codes, Judged, Rows
from rarebit.detect.findings import Findings
from rarebit.detect.plan import DetectorPlan, JobPlan
from rarebit.detect.series import series_keys
from rarebit.detect.series_engine import SeriesEngine, found_in
from rarebit.model.hours import HoursModel, HoursSettings
from rarebit.model.maturity import KNOWN
from rarebit.model.tables import Table


def step_of(plan: JobPlan) -> int:
    """Microseconds after which hours are judged: the bucket, or the greatest part of the hour that fits into it."""
    return max(math.gcd(plan.span_us, HOUR_US), MINUTE_US)


class HoursEngine(SeriesEngine[HoursModel]):
    """Hours of series: a finding is made when the step closes in which the hour's first event came."""

    def __init__(
        self, plan: JobPlan, detector: DetectorPlan, *, peer_of: Mapping[int, str], pool: bool, memory_bytes: int
    ) -> None:
        self._detector = detector
        self._care = Care()
        self._model = HoursModel(
            HoursSettings(
                bins=detector.hours,
                step_us=step_of(plan),
                memory_bytes=memory_bytes,
                prune_us=plan.prune_us,
                pool=pool,
            )
        )
        self.part_types: tuple[np.dtype[Any], ...] = (self._model.cell,)
        if detector.entity == HOST:
            self._model.set_peers(peer_of)

    def judge(self, rows: Rows, peers: Codes) -> Judged:
        """See :meth:`Engine.judge`."""
        detector, columns = self._detector, rows.columns
        keys, hidden, unlearnt = self._heeded(rows, series_keys(detector, rows.times_us.size, columns))
        cells, observed = self._model.score_and_learn(
            rows.times_us,
            rows.ids,
            keys,
            entities=columns[detector.entity] if detector.entity else NONE,
            peers=peers if detector.entity == HOST else NONE,
            hidden=hidden,
            unlearnt=unlearnt,
        )
        found = found_in(cells)
        found["window_us"] = cells["time_us"] - cells["time_us"] % HOUR_US
        found["maturity"] = self._maturity(cells["hours"].astype(np.float64), cells["hours"])
        return Judged(Findings(found, [cells]), observed)

    def known(self) -> Table:
        """See :meth:`Engine.known`."""
        series = self._model.series
        found = np.zeros(series.size, KNOWN)
        found["entity"] = series["key"]
        found["hours"] = found["observations"] = series["hours"]
        return found

    def health(self) -> dict[str, int]:
        """See :meth:`Engine.health`."""
        model = self._model
        return {
            "entities": model.counts["entities"],
            "pairs": 0,
            "memory": model.memory,
            "evicted": model.evicted,
            "pruned": model.pruned,
            "late": model.late,
            "too_late": model.too_late,
        }
