"""The engine of ``lat_long``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rarebit.detect.care import HOST, Care
from rarebit.detect.engine import LATITUDE, LONGITUDE, NONE, Codes, Judged, PeerMaps, Rows
from rarebit.detect.findings import FOUND, Findings
from rarebit.detect.plan import DetectorPlan, JobPlan
from rarebit.detect.series import series_keys
from rarebit.model.places import CELL, PlacesModel, PlacesSettings
from rarebit.model.tables import State


class PlacesEngine:
    """Places of series: a finding is made when its bucket closes, and is then complete."""

    lasting = False
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

    def heed(self, care: Care) -> None:
        """See :meth:`Engine.heed`; what becomes of a place is decided by its first event in a bucket."""
        self._care = care

    def judge(self, rows: Rows, peers: Codes) -> Judged:
        """See :meth:`Engine.judge`."""
        detector, columns = self._detector, rows.columns
        care = self._care.rows(rows.times_us, columns)
        keys = series_keys(detector, rows.times_us.size, columns)
        cells, observed = self._model.score_and_learn(
            rows.times_us,
            rows.ids,
            keys if care is None else np.where(care.withheld, 0, keys),
            rows.numbers[LATITUDE + detector.place],
            rows.numbers[LONGITUDE + detector.place],
            entities=columns[detector.entity] if detector.entity else NONE,
            peers=peers if detector.entity == HOST else NONE,
            hidden=NONE if care is None else care.hidden,
            unlearnt=NONE if care is None else care.unlearnt.astype(np.int64),
        )
        found = np.zeros(cells.size, FOUND)
        for name, part in (
            ("id", "id"),
            ("time_us", "time_us"),
            ("p", "p"),
            ("value", "key"),
            ("window_us", "bucket_us"),
            ("hidden", "hidden"),
        ):
            found[name] = cells[part]
        return Judged(Findings(found, [cells]), observed)

    def regroup(self, peers: PeerMaps) -> None:
        """See :meth:`Engine.regroup`; a series already known keeps its group."""
        if self._detector.entity in peers:
            self._model.set_peers(peers[self._detector.entity])

    def start_day(self, keep_p: float) -> None:
        """See :meth:`Engine.start_day`."""
        self._model.start_day()
        self.resume(keep_p)

    def resume(self, keep_p: float) -> None:
        """See :meth:`Engine.resume`."""
        self._model.keep_p = keep_p

    def group_codes(self, part: int = 0) -> Codes:  # noqa: ARG002 places have one part
        """See :meth:`Engine.group_codes`."""
        return self._model.group_codes()

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

    def to_state(self) -> State:
        """See :meth:`Engine.to_state`."""
        return self._model.to_state()

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """See :meth:`Engine.load_state`."""
        self._model.load_state(state)
