"""The engine of ``beacon``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rarebit.detect.care import HOST, Care
from rarebit.detect.engine import NONE, Codes, Judged, Rows
from rarebit.detect.findings import Findings
from rarebit.detect.plan import NULL_CODE, DetectorPlan, JobPlan
from rarebit.detect.series_engine import SeriesEngine, found_in
from rarebit.maths.hashing import pair_codes
from rarebit.model.beacon import CELL, BeaconModel, BeaconSettings
from rarebit.model.maturity import KNOWN
from rarebit.model.tables import Table


class BeaconEngine(SeriesEngine[BeaconModel]):
    """Rhythms of series: a finding is made when its bucket closes, and is then complete."""

    part_types: tuple[np.dtype[Any], ...] = (CELL,)

    def __init__(self, plan: JobPlan, detector: DetectorPlan, *, peer_of: Mapping[int, str], memory_bytes: int) -> None:
        self._detector = detector
        self._care = Care()
        self._model = BeaconModel(
            BeaconSettings(span_us=plan.span_us, memory_bytes=memory_bytes, prune_us=plan.prune_us)
        )
        if detector.entity == HOST:
            self._model.set_peers(peer_of)

    def judge(self, rows: Rows, peers: Codes) -> Judged:
        """See :meth:`Engine.judge`; a contact that is not to be learnt is not judged either."""
        detector, columns = self._detector, rows.columns
        hosts, destinations = columns[detector.entity], columns[detector.destination]
        keys = pair_codes(hosts, destinations)
        if detector.program:
            programs = columns[detector.program]
            keys = pair_codes(keys, np.where(programs == 0, NULL_CODE, programs))
        keys, hidden, unlearnt = self._heeded(rows, np.where((hosts != 0) & (destinations != 0), keys, 0))
        cells, observed = self._model.score_and_learn(
            rows.times_us,
            rows.ids,
            np.where(unlearnt, 0, keys) if unlearnt.size else keys,
            entities=hosts,
            destinations=destinations,
            sizes=rows.numbers[detector.size],
            peers=peers if detector.entity == HOST else NONE,
            hidden=hidden,
        )
        return Judged(Findings(found_in(cells), [cells]), observed)

    def known(self) -> Table:
        """See :meth:`Engine.known`; of each series, for the hours since its first contact."""
        series = self._model.series
        found = np.zeros(series.size, KNOWN)
        found["entity"], found["observations"] = series["key"], np.where(series["judged_us"] > 0, 1, 0)
        found["hours"] = (series["last_us"] - series["first_us"]) / 3_600_000_000
        return found

    def health(self) -> dict[str, int]:
        """See :meth:`Engine.health`."""
        model = self._model
        return {
            "entities": model.series.size,
            "pairs": model.contacts.size,
            "memory": model.memory,
            "evicted": model.evicted,
            "pruned": model.pruned,
            "late": model.late,
            "too_late": model.late,
        }
