"""The engine of ``rare`` and ``freq_rare``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rarebit.detect.care import Care
from rarebit.detect.engine import NONE, Codes, Judged, PeerMaps, Rows, with_null
from rarebit.detect.findings import FOUND, Findings
from rarebit.detect.plan import DetectorPlan
from rarebit.detect.views import View, beside, together
from rarebit.model.maturity import maturity
from rarebit.model.rare import RareModel
from rarebit.model.rare_kernel import CANDIDATE, HOUR_US
from rarebit.model.tables import State, Table

_NEW_TO_ENTITY: Final = 1
"""Level of what others of the peer group have; what is rarer is so beside all of them."""


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
        prune_us: int | None = None,
    ) -> None:
        self.part_types: tuple[np.dtype[Any], ...] = (CANDIDATE,) * len(group)
        self._group = group
        self._collapse = collapse
        self._care = Care()
        self._models = [
            RareModel(
                each.mode,
                frequent=each.frequent,
                pool=pool,
                memory_bytes=memory_bytes,
                prune_hours=None if prune_us is None else prune_us // HOUR_US,
            )
            for each in group
        ]
        for detector, model in zip(group, self._models, strict=True):
            if detector.entity == "host.name":
                model.set_peers(peer_of)

    def heed(self, care: Care) -> None:
        """See :meth:`Engine.heed`."""
        self._care = care

    def judge(self, rows: Rows, peers: Codes) -> Judged:
        """See :meth:`Engine.judge`."""
        times_us, ids, columns = rows.times_us, rows.ids, rows.columns
        care = self._care.rows(times_us, columns)
        unlearnt = NONE if care is None else care.unlearnt.astype(np.int64)
        judged = []
        for detector, model in zip(self._group, self._models, strict=True):
            entity, value = (with_null(columns[name], detector) for name in (detector.entity, detector.value))
            entity = entity if care is None else np.where(care.withheld, 0, entity)
            scope = columns[detector.scope] if detector.scope else NONE
            own_peers = peers if detector.entity == "host.name" else NONE
            p, seen = model.score_and_learn(times_us, entity, value, peers=own_peers, scopes=scope, unlearnt=unlearnt)
            judged.append(View(p, seen, entity != 0))
        lead = judged[0].candidates
        found = np.zeros(lead.size, FOUND)
        found["id"] = ids[lead["row"]]
        for name in ("time_us", "value", "window_us", "joined"):
            found[name] = lead[name]
        found["p"] = together(judged)
        found["spreading"] = lead["spreading"] if self._collapse else 0
        found["hidden"] = 0 if care is None else care.hidden[lead["row"]]
        found["maturity"] = maturity(lead["hours"] - 1.0, lead["hours"] - 1)  # an active hour has an observation
        found["apart"] = lead["level"] > _NEW_TO_ENTITY
        parts = [lead, *(beside(lead, view) for view in judged[1:])]
        return Judged(Findings(found, parts), int(np.count_nonzero(~np.isnan(judged[0].p))))

    def regroup(self, peers: PeerMaps) -> None:
        """See :meth:`Engine.regroup`."""
        for detector, model in zip(self._group, self._models, strict=True):
            if detector.entity in peers:
                model.set_peers(peers[detector.entity])

    def start_day(self, keep_p: float) -> None:
        """See :meth:`Engine.start_day`."""
        for model in self._models:
            model.start_day()
        self.resume(keep_p)

    def resume(self, keep_p: float) -> None:
        """See :meth:`Engine.resume`; where several judge, what one of them finds likely may yet matter."""
        for model in self._models:
            model.keep_p = 1.0 if len(self._models) > 1 else keep_p

    def group_codes(self, part: int = 0) -> Codes:
        """See :meth:`Engine.group_codes`."""
        return self._models[part].group_codes()

    def known(self) -> Table:
        """See :meth:`Engine.known`."""
        return self._models[0].known()

    def health(self) -> dict[str, int]:
        """See :meth:`Engine.health`."""
        return {
            "entities": self._models[0].counts["entities"],
            "pairs": max(model.counts["pairs"] for model in self._models),
            "memory": sum(model.memory for model in self._models),
            "evicted": sum(model.evicted for model in self._models),
            "pruned": sum(model.pruned for model in self._models),
            "late": 0,
            "too_late": 0,
        }

    def to_state(self) -> State:
        """See :meth:`Engine.to_state`."""
        models = enumerate(self._models)
        return {f"{at}.{name}": array for at, model in models for name, array in model.to_state().items()}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """See :meth:`Engine.load_state`."""
        for at, model in enumerate(self._models):
            model.load_state({name[len(f"{at}.") :]: a for name, a in state.items() if name.startswith(f"{at}.")})
