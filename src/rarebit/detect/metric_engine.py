"""The engine of the metric functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rarebit.core.time import HOUR_US
from rarebit.detect.care import HOST, Care
from rarebit.detect.engine import NONE, Codes, Judged, Rows
from rarebit.detect.findings import Findings
from rarebit.detect.plan import DetectorPlan, JobPlan
from rarebit.detect.series import series_keys
from rarebit.detect.series_engine import SeriesEngine, found_in
from rarebit.model.maturity import known_series
from rarebit.model.metric import MetricModel, MetricSettings
from rarebit.model.metric_cells import CELL
from rarebit.model.tables import State, Table

_NO_WEIGHTS = np.zeros(0)


class MetricEngine(SeriesEngine[MetricModel]):
    """Statistics of a field in buckets: a finding is made when its bucket closes, and is then complete."""

    part_types: tuple[np.dtype[Any], ...] = (CELL,)

    def __init__(
        self, plan: JobPlan, detector: DetectorPlan, *, peer_of: Mapping[int, str], pool: bool, memory_bytes: int
    ) -> None:
        assert detector.measuring is not None  # noqa: S101 engine_for asks for no other
        self._detector = detector
        self._care = Care()
        self._bucket_hours = plan.span_us / HOUR_US
        self._model = MetricModel(
            MetricSettings(
                span_us=plan.span_us,
                statistics=detector.measuring.statistics,
                side=detector.measuring.side,
                zero=detector.measuring.zero,
                memory_bytes=memory_bytes,
                prune_us=plan.prune_us,
                pool=pool,
            )
        )
        if detector.entity == HOST:
            self._model.set_peers(peer_of)

    def heed(self, care: Care) -> None:
        """See :meth:`Engine.heed`."""
        self._care = care
        self._model.watch = None if care.is_idle else care

    def judge(self, rows: Rows, peers: Codes) -> Judged:
        """See :meth:`Engine.judge`."""
        detector, columns = self._detector, rows.columns
        withheld, scopes = self._care.events(rows.times_us, columns)
        of_hosts = detector.entity == HOST
        cells, observed = self._model.score_and_learn(
            rows.times_us,
            rows.ids,
            np.where(withheld, 0, series_keys(detector, rows.times_us.size, columns)),
            rows.numbers[detector.metric],
            weights=rows.numbers[detector.weight] if detector.weight else _NO_WEIGHTS,
            entities=columns[detector.entity] if detector.entity else NONE,
            hosts=columns[HOST] if of_hosts else NONE,
            peers=peers if of_hosts else NONE,
            scopes=scopes,
        )
        found = found_in(cells)
        found["maturity"] = self._maturity(cells["buckets"] * self._bucket_hours, cells["buckets"])
        return Judged(Findings(found, [cells]), observed)

    def known(self) -> Table:
        """See :meth:`Engine.known`."""
        return known_series(self._model.series, self._model.settings.span_us)

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
            "too_late": model.late,
        }

    def to_state(self) -> State:
        """See :meth:`Engine.to_state`."""
        return self._model.to_state() | {"rules": self._care.rule_keys}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """See :meth:`Engine.load_state`."""
        self._model.load_state(state)
        if not np.array_equal(state["rules"], self._care.rule_keys):
            self._model.forget_scopes()
