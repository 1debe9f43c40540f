"""What turns rows into findings: one engine for every group of detectors that judge together.

An engine knows its model and what a row means to it. The stream around it knows days, calibration and rollouts, and
nothing of the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rarebit.detect.findings import FOUND, Findings
from rarebit.detect.plan import NULL_CODE, DetectorPlan, JobPlan, memory_limit
from rarebit.detect.views import View, beside, together
from rarebit.maths.hashing import pair_codes
from rarebit.model.count import CountModel, CountSettings
from rarebit.model.count_cells import CELL
from rarebit.model.rare import RareModel
from rarebit.model.rare_kernel import CANDIDATE
from rarebit.model.tables import State

Codes = NDArray[np.int64]
Columns = Mapping[str, Codes]
_WHOLE: Final = 1
"""Key of the one series of a detector without by and partition field."""
_NONE: Final = np.zeros(0, np.int64)


class Judged(NamedTuple):
    """What an engine says of a stretch of rows."""

    findings: Findings
    """Without their expected number a week."""
    observed: int
    """Observations judged; findings are the surprising ones among them."""


class Engine(Protocol):
    """A model at work for one group of detectors."""

    part_types: tuple[np.dtype[Any], ...]
    """Types of the counts beside a finding, one a detector."""
    lasting: bool
    """Whether a finding can go on after it was handed out: within its hour, or as a rollout."""

    def judge(self, times_us: Codes, ids: Codes, columns: Columns, peers: Codes) -> Judged:
        """Judge rows in order, then learn them; ``peers`` are codes of the peer group of each row's host, or empty."""

    def start_day(self, keep_p: float) -> None:
        """Refit at a new day; from now on findings with p up to ``keep_p`` are wanted."""

    def resume(self, keep_p: float) -> None:
        """Go on from a loaded state."""

    def group_codes(self) -> Codes:
        """Codes of the names of peer groups, by the group number in a part."""

    def health(self) -> dict[str, int]:
        """``entities``, ``pairs``, ``memory``, ``evicted``, ``late``."""

    def to_state(self) -> State:
        """Memory as named arrays."""

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the memory of :meth:`to_state`."""


def engine_for(
    plan: JobPlan, group: tuple[DetectorPlan, ...], *, peer_of: Mapping[int, str], pool: bool, collapse: bool
) -> Engine:
    """The engine of a group of detectors, without memory yet."""
    limit = memory_limit(plan.job) // len(plan.detectors)
    if group[0].counting is not None:
        return CountEngine(plan, group[0], peer_of=peer_of, pool=pool, memory_bytes=limit)
    return RareEngine(group, peer_of=peer_of, pool=pool, collapse=collapse, memory_bytes=limit)


class RareEngine:
    """Rare values: the first detector leads, the others are asked about what it finds."""

    lasting = True

    def __init__(
        self,
        group: tuple[DetectorPlan, ...],
        *,
        peer_of: Mapping[int, str],
        pool: bool,
        collapse: bool,
        memory_bytes: int,
    ) -> None:
        self.part_types: tuple[np.dtype[Any], ...] = (CANDIDATE,) * len(group)
        self._group = group
        self._collapse = collapse
        self._models = [
            RareModel(each.mode, frequent=each.frequent, pool=pool, memory_bytes=memory_bytes) for each in group
        ]
        for detector, model in zip(group, self._models, strict=True):
            if detector.entity == "host.name":
                model.set_peers(peer_of)

    def judge(self, times_us: Codes, ids: Codes, columns: Columns, peers: Codes) -> Judged:
        """See :meth:`Engine.judge`."""
        judged = []
        for detector, model in zip(self._group, self._models, strict=True):
            entity, value = (_with_null(columns[name], detector) for name in (detector.entity, detector.value))
            scope = columns[detector.scope] if detector.scope else _NONE
            own_peers = peers if detector.entity == "host.name" else _NONE
            p, seen = model.score_and_learn(times_us, entity, value, peers=own_peers, scopes=scope)
            judged.append(View(p, seen, entity != 0))
        lead = judged[0].candidates
        found = np.zeros(lead.size, FOUND)
        found["id"] = ids[lead["row"]]
        for name in ("time_us", "value", "window_us", "joined"):
            found[name] = lead[name]
        found["p"] = together(judged)
        found["spreading"] = lead["spreading"] if self._collapse else 0
        parts = [lead, *(beside(lead, view) for view in judged[1:])]
        return Judged(Findings(found, parts), int(np.count_nonzero(~np.isnan(judged[0].p))))

    def start_day(self, keep_p: float) -> None:
        """See :meth:`Engine.start_day`."""
        for model in self._models:
            model.start_day()
        self.resume(keep_p)

    def resume(self, keep_p: float) -> None:
        """See :meth:`Engine.resume`; where several judge, what one of them finds likely may yet matter."""
        for model in self._models:
            model.keep_p = 1.0 if len(self._models) > 1 else keep_p

    def group_codes(self) -> Codes:
        """See :meth:`Engine.group_codes`."""
        return self._models[0].group_codes()

    def health(self) -> dict[str, int]:
        """See :meth:`Engine.health`."""
        return {
            "entities": self._models[0].counts["entities"],
            "pairs": max(model.counts["pairs"] for model in self._models),
            "memory": sum(model.memory for model in self._models),
            "evicted": sum(model.evicted for model in self._models),
            "late": 0,
        }

    def to_state(self) -> State:
        """See :meth:`Engine.to_state`."""
        models = enumerate(self._models)
        return {f"{at}.{name}": array for at, model in models for name, array in model.to_state().items()}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """See :meth:`Engine.load_state`."""
        for at, model in enumerate(self._models):
            model.load_state({name[len(f"{at}.") :]: a for name, a in state.items() if name.startswith(f"{at}.")})


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
                memory_bytes=memory_bytes,
                pool=pool,
            )
        )
        if detector.entity == "host.name":
            self._model.set_peers(peer_of)

    def judge(self, times_us: Codes, ids: Codes, columns: Columns, peers: Codes) -> Judged:
        """See :meth:`Engine.judge`."""
        detector = self._detector
        cells, observed = self._model.score_and_learn(
            times_us,
            ids,
            self._keys(times_us.size, columns),
            values=columns[detector.value] if detector.value else _NONE,
            entities=columns[detector.entity] if detector.entity else _NONE,
            peers=peers if detector.entity == "host.name" else _NONE,
        )
        found = np.zeros(cells.size, FOUND)
        for name, part in (
            ("id", "id"),
            ("time_us", "time_us"),
            ("p", "p"),
            ("value", "key"),
            ("window_us", "bucket_us"),
        ):
            found[name] = cells[part]
        return Judged(Findings(found, [cells]), observed)

    def _keys(self, size: int, columns: Columns) -> Codes:
        """Code of each row's series; 0 where one of its fields is absent."""
        split = [_with_null(columns[name], self._detector) for name in self._detector.split]
        if not split:
            return np.full(size, _WHOLE, np.int64)
        if len(split) == 1:
            return split[0]
        present = (split[0] != 0) & (split[1] != 0)
        return np.where(present, pair_codes(split[0], split[1]), 0)

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
        }

    def to_state(self) -> State:
        """See :meth:`Engine.to_state`."""
        return {f"0.{name}": array for name, array in self._model.to_state().items()}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """See :meth:`Engine.load_state`."""
        self._model.load_state({name.removeprefix("0."): array for name, array in state.items()})


def _with_null(codes: Codes, detector: DetectorPlan) -> Codes:
    return np.where(codes == 0, NULL_CODE, codes) if detector.use_null else codes
