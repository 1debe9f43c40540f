"""The engine of ``lat_long``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rarebit.detect.care import HOST, Care
from rarebit.detect.engine import LATITUDE, LONGITUDE, NONE, Codes, Judged, Rows
from rarebit.detect.findings import Findings
from rarebit.detect.plan import DetectorPlan, JobPlan
from rarebit.detect.series import series_keys
from rarebit.detect.series_engine import SeriesEngine, found_in
from rarebit.model.maturity import KNOWN
from rarebit.model.places import CELL, PlacesModel, PlacesSettings
from rarebit.model.tables import Table


class PlacesEngine(SeriesEngine[PlacesModel]):
    """Places of series: a finding is made when its bucket closes, and is then complete."""

    part_types: tuple[np.dtype[Any], ...] = (CELL,)

    def __init__(
        self, plan: JobPlan, detector: DetectorPlan, *, peer_of: Mapping[int, str], pool: bool, memory_bytes: int
    ) -> None:
        self._detector = detector
        self._care = Care()
        self._model = PlacesModel(
            PlacesSettings(
                span_us=plan.span_us,
                memory_bytes=memory_bytes,
                prune_us=plan.prune_us,
                pool=pool,
            )
        )
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
            rows.numbers[LATITUDE + detector.place],
            rows.numbers[LONGITUDE + detector.place],
            entities=columns[detector.entity] if detector.entity else NONE,
            peers=peers if detector.entity == HOST else NONE,
            hidden=hidden,
            unlearnt=unlearnt,
        )
        found = found_in(cells)
        found["maturity"] = self._maturity(cells["seen"], cells["seen"].astype(np.int64))
        return Judged(Findings(found, [cells]), observed)

    def known(self) -> Table:
        """See :meth:`Engine.known`; hours are those in which it was seen at all, at least as many as its places."""
        series = self._model.series
        found = np.zeros(series.size, KNOWN)
        found["entity"], found["hours"], found["observations"] = series["key"], series["seen"], series["seen"]
        return found

    def health(self) -> dict[str, int]:
        """See :meth:`Engine.health`."""
        model = self._model
        return {
            "entities": model.series.size,
            "pairs": 0,
            "memory": model.memory,
            "evicted": model.evicted,
            "pruned": model.pruned,
            "late": model.late,
            "too_late": model.late,
            "misplaced": model.misplaced,
        }
