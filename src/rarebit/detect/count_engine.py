"""The engine of the count functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rarebit.core.time import HOUR_US
from rarebit.detect.care import HOST, Care
from rarebit.detect.engine import INFORMATION, NONE, Codes, Columns, Judged, PeerMaps, Rows
from rarebit.detect.findings import Findings
from rarebit.detect.plan import DetectorPlan, JobPlan
from rarebit.detect.series import population_keys, series_keys
from rarebit.detect.series_engine import SeriesEngine, found_in
from rarebit.model.count import CountModel
from rarebit.model.count_settings import CountSettings
from rarebit.model.maturity import known_series
from rarebit.model.population import PopulationModel
from rarebit.model.tables import State, Table

UNIT: Final = 8
"""Bytes; about half of what a short name tells, so that one value more is about one count more."""
_MOST: Final = 2.0**40
"""Events that a row may stand for."""


def unit_of(detector: DetectorPlan) -> int:
    """What one of what a detector counts stands for."""
    return UNIT if detector.texts else 1


def sizes_of(bits: NDArray[np.float64]) -> Codes:
    """How many units of :data:`UNIT` bytes each value tells (int64[n]), at least one."""
    units = np.rint(np.nan_to_num(bits) / (8 * UNIT))
    return np.maximum(units, 1).astype(np.int64)


class CountEngine(SeriesEngine[CountModel]):
    """Counts of buckets: a finding is made when its bucket closes, and is then complete."""

    def __init__(
        self, plan: JobPlan, detector: DetectorPlan, *, peer_of: Mapping[int, str], pool: bool, memory_bytes: int
    ) -> None:
        assert detector.counting is not None  # noqa: S101 engine_for asks for no other
        self._detector = detector
        self._care = Care()
        self._bucket_hours = plan.span_us / HOUR_US
        self._over = detector.detector.over_field_name
        left_out = detector.detector.exclude_frequent
        settings = CountSettings(
            span_us=plan.span_us,
            side=detector.counting.side,
            distinct=detector.counting.distinct,
            skip_empty=detector.skips_empty,
            memory_bytes=memory_bytes * 2 // 3,
            prune_us=plan.prune_us,
            pool=pool,
            exclude_frequent=left_out in (("all", "over") if self._over else ("all", "by")),
            exclude_common=bool(self._over) and left_out in ("all", "by"),
        )
        self._model = PopulationModel(settings) if self._over else CountModel(settings)
        self.part_types: tuple[np.dtype[Any], ...] = (self._model.cell_type,)
        if detector.entity == HOST and not self._over:
            self._model.set_peers(peer_of)

    def heed(self, care: Care) -> None:
        """See :meth:`Engine.heed`."""
        self._care = care
        self._model.watch = None if care.is_idle else care

    def judge(self, rows: Rows, peers: Codes) -> Judged:
        """See :meth:`Engine.judge`."""
        times_us, ids, columns = rows.times_us, rows.ids, rows.columns
        detector = self._detector
        withheld, scopes = self._care.events(times_us, columns)
        cells, observed = self._model.score_and_learn(
            times_us,
            ids,
            np.where(withheld, 0, series_keys(detector, times_us.size, columns)),
            values=columns[detector.value] if detector.value else NONE,
            sizes=sizes_of(rows.numbers[INFORMATION + detector.texts[0]]) if detector.texts else NONE,
            weights=_events(rows.numbers[detector.weight]) if detector.weight else NONE,
            scopes=scopes,
            **self._belongs(times_us.size, columns, peers),
        )
        found = found_in(cells, "revised")
        found["maturity"] = self._maturity(cells["buckets"] * self._bucket_hours, cells["buckets"])
        return Judged(Findings(found, [cells]), observed)

    def watch(self, codes: Sequence[Codes]) -> None:
        """Keep every bucket of a series from now on; ``codes`` (int64[1] each) are those of its values."""
        self._model.watched = series_keys(self._detector, 1, dict(zip(self._detector.split, codes, strict=True)))

    def watched(self) -> Table:
        """The buckets kept so far (CELL[n]), by time; ``p`` is NaN where there was nothing to judge by yet."""
        return np.concatenate([np.zeros(0, self._model.cell_type), *self._model.watched_cells])

    def _belongs(self, size: int, columns: Columns, peers: Codes) -> dict[str, Codes]:
        """Whom each row is compared with: the population of its member, or the peers of its entity."""
        entity = columns[self._detector.entity] if self._detector.entity else NONE
        of_hosts = self._detector.entity == HOST
        belongs = {"hosts": entity if of_hosts else NONE}
        if self._over:
            return belongs | {"peers": population_keys(self._detector, size, columns), "members": entity}
        return belongs | {"entities": entity, "peers": peers if of_hosts else NONE}

    def regroup(self, peers: PeerMaps) -> None:
        """See :meth:`Engine.regroup`; members of a population are compared with the whole of it."""
        if not self._over:
            super().regroup(peers)

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
            "too_late": model.too_late,
        }

    def to_state(self) -> State:
        """See :meth:`Engine.to_state`."""
        state = {f"0.{name}": array for name, array in self._model.to_state().items()}
        return state | {"rules": self._care.rule_keys}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """See :meth:`Engine.load_state`."""
        self._model.load_state({name.removeprefix("0."): array for name, array in state.items()})
        if not np.array_equal(state["rules"], self._care.rule_keys):
            self._model.forget_scopes()


def _events(numbers: NDArray[np.float64]) -> Codes:
    """Events that rows of a summary stand for (int64[n]); 0 where that is unknown."""
    return np.where(numbers > 0.0, np.minimum(np.rint(numbers), _MOST), 0.0).astype(np.int64)
