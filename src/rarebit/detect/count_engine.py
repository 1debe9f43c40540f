"""The engine of the count functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rarebit.detect.engine import NONE, Codes, Judged, Rows
from rarebit.detect.findings import FOUND, Findings
from rarebit.detect.plan import DetectorPlan, JobPlan
from rarebit.detect.series import series_keys
from rarebit.model.count import CountModel, CountSettings
from rarebit.model.count_cells import CELL
from rarebit.model.tables import State, Table

_MOST: Final = 2.0**40
"""Events that a row may stand for."""


class CountEngine:
    """Counts of buckets: a finding is made when its bucket closes, and is then complete."""

    lasting = False
    part_types: tuple[np.dtype[Any], ...] = (CELL,)

    def __init__(
        self, plan: JobPlan, detector: DetectorPlan, *, peer_of: Mapping[int, str], pool: bool, memory_bytes: int
    ) -> None:
        assert detector.counting is not None  # noqa: S101 engine_for asks for no other
        self._detector = detector
        self._model = CountModel(
            CountSettings(
                span_us=plan.span_us,
                side=detector.counting.side,
                distinct=detector.counting.distinct,
                skip_empty=detector.counting.skip_empty,
                memory_bytes=memory_bytes * 2 // 3,
                pool=pool,
            )
        )
        if detector.entity == "host.name":
            self._model.set_peers(peer_of)

    def judge(self, rows: Rows, peers: Codes) -> Judged:
        """See :meth:`Engine.judge`."""
        times_us, ids, columns = rows.times_us, rows.ids, rows.columns
        detector = self._detector
        cells, observed = self._model.score_and_learn(
            times_us,
            ids,
            series_keys(detector, times_us.size, columns),
            values=columns[detector.value] if detector.value else NONE,
            weights=_events(rows.numbers[detector.weight]) if detector.weight else NONE,
            entities=columns[detector.entity] if detector.entity else NONE,
            peers=peers if detector.entity == "host.name" else NONE,
        )
        found = np.zeros(cells.size, FOUND)
        for name, part in (
            ("id", "id"),
            ("time_us", "time_us"),
            ("p", "p"),
            ("value", "key"),
            ("window_us", "bucket_us"),
            ("revised", "revised"),
        ):
            found[name] = cells[part]
        return Judged(Findings(found, [cells]), observed)

    def watch(self, codes: Sequence[Codes]) -> None:
        """Keep every bucket of a series from now on; ``codes`` (int64[1] each) are those of its values."""
        self._model.watched = series_keys(self._detector, 1, dict(zip(self._detector.split, codes, strict=True)))

    def watched(self) -> Table:
        """The buckets kept so far (CELL[n]), by time; ``p`` is NaN where there was nothing to judge by yet."""
        return np.concatenate([np.zeros(0, CELL), *self._model.watched_cells])

    def start_day(self, keep_p: float) -> None:
        """See :meth:`Engine.start_day`."""
        self._model.start_day()
        self.resume(keep_p)

    def resume(self, keep_p: float) -> None:
        """See :meth:`Engine.resume`."""
        self._model.keep_p = keep_p

    def group_codes(self) -> Codes:
        """See :meth:`Engine.group_codes`."""
        return self._model.group_codes()

    def health(self) -> dict[str, int]:
        """See :meth:`Engine.health`."""
        model = self._model
        return {
            "entities": model.counts["entities"],
            "pairs": 0,
            "memory": model.memory,
            "evicted": model.evicted,
            "late": model.late,
            "too_late": model.too_late,
        }

    def to_state(self) -> State:
        """See :meth:`Engine.to_state`."""
        return {f"0.{name}": array for name, array in self._model.to_state().items()}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """See :meth:`Engine.load_state`."""
        self._model.load_state({name.removeprefix("0."): array for name, array in state.items()})


def _events(numbers: NDArray[np.float64]) -> Codes:
    """Events that rows of a summary stand for (int64[n]); 0 where that is unknown."""
    return np.where(numbers > 0.0, np.minimum(np.rint(numbers), _MOST), 0.0).astype(np.int64)
