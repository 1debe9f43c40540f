"""One job at work: its models, its score calibration, and the findings not yet settled.

Everything happens in event time and in the order of the rows, so the same rows give the same findings however they
are cut into batches. Work that needs a whole day (refits, release of findings for calibration) is done at the first
row of the next day.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from rarebit.core.errors import StateError
from rarebit.core.time import DAY_US, HOUR_US, parse_span
from rarebit.detect.plan import DetectorPlan, JobPlan
from rarebit.maths.combine import cauchy
from rarebit.model.calibrate import TailCalibrator
from rarebit.model.rare import RareModel
from rarebit.model.rare_kernel import CANDIDATE
from rarebit.model.tables import State, Table, columns_of, rows_from

STATE_VERSION: Final = 1
KEEP_P: Final = 0.05
"""Elastic writes no record above 0.035; this is where ours begin."""
SETTLE_US: Final = DAY_US
"""A finding waits this long to learn whether it was part of a rollout before it counts for the calibration."""
REMEMBER_US: Final = 7 * DAY_US
_NULL_CODE: Final = 1

FOUND: Final = np.dtype(
    [
        ("id", "i8"),
        ("time_us", "i8"),
        ("p", "f8"),
        ("expected", "f8"),
        ("value", "i8"),
        ("window_us", "i8"),
        ("spreading", "i4"),
        ("joined", "i4"),
        ("learning", "i4"),
        ("settled", "i4"),
    ]
)
"""A finding: code of its first event's id, time, probability, expected records a week, and its spread."""

Columns = Mapping[str, NDArray[np.int64]]


class Findings:
    """Findings in order of time, and beside each the counts of every detector that judged it."""

    def __init__(self, found: Table, parts: list[Table]) -> None:
        self.found = found
        self.parts = parts

    def __len__(self) -> int:
        return int(self.found.size)

    def take(self, rows: NDArray[Any]) -> Findings:
        """Those at the given places, or where a mask is true."""
        return Findings(self.found[rows], [part[rows] for part in self.parts])

    @classmethod
    def join(cls, pieces: list[Findings], detectors: int) -> Findings:
        """All of them, one after the other."""
        found = [np.zeros(0, FOUND), *(piece.found for piece in pieces)]
        parts = [[np.zeros(0, CANDIDATE), *(piece.parts[i] for piece in pieces)] for i in range(detectors)]
        return cls(np.concatenate(found), [np.concatenate(part) for part in parts])


class JobStream:
    """State of one job between batches.

    Parameters
    ----------
    plan : JobPlan
        What to run.
    learn_until_us : int
        Findings before this time are marked as learning.
    peer_of : mapping, optional
        Entity code to name of its peer group, from the inventory.
    pool, collapse : bool
        False switches off pooling, or the collapse of rollouts; to measure what each is worth.
    """

    def __init__(
        self,
        plan: JobPlan,
        *,
        learn_until_us: int = 0,
        peer_of: Mapping[int, str] | None = None,
        pool: bool = True,
        collapse: bool = True,
    ) -> None:
        self.plan = plan
        self.learn_until_us = learn_until_us
        self.collapse = collapse and not plan.job.combine
        self.rows = 0
        self.observations = 0
        self.first_us: int | None = None
        self.last_us: int | None = None
        self._day = -1
        self._groups = [plan.detectors] if plan.job.combine else [(detector,) for detector in plan.detectors]
        self._models = [[self._model(d, peer_of or {}, pool=pool) for d in group] for group in self._groups]
        self._calibrators = [TailCalibrator() for _ in self._groups]
        self._pending: list[list[Findings]] = [[] for _ in self._groups]
        self._fresh: list[list[Findings]] = [[] for _ in self._groups]
        self._spreading: list[set[tuple[int, int]]] = [set() for _ in self._groups]

    def _model(self, detector: DetectorPlan, peer_of: Mapping[int, str], *, pool: bool) -> RareModel:
        keep = 1.0 if self.plan.job.combine else KEEP_P
        limit = memory_limit(self.plan) // len(self.plan.detectors)
        model = RareModel(detector.mode, frequent=detector.frequent, keep_p=keep, pool=pool, memory_bytes=limit)
        if detector.entity == "host.name":
            model.set_peers(peer_of)
        return model

    def process(self, times_us: NDArray[np.int64], ids: NDArray[np.int64], columns: Columns) -> None:
        """Score and learn rows of events that meet the job's condition, in order of time and id.

        Parameters
        ----------
        times_us, ids : int64[n]
            Event time; code of the event's id.
        columns : mapping of field to int64[n]
            Codes of the fields in ``plan.coded``; 0 where absent.
        """
        if times_us.size == 0:
            return
        self.rows += times_us.size
        self.first_us = int(times_us[0]) if self.first_us is None else min(self.first_us, int(times_us.min()))
        self.last_us = max(self.last_us or 0, int(times_us.max()))
        days = np.maximum.accumulate(np.maximum(times_us // DAY_US, self._day))
        starts = np.flatnonzero(np.diff(days, prepend=self._day))
        edges = [0, *(int(start) for start in starts if start > 0), times_us.size]
        for begin, end in pairwise(edges):
            if days[begin] != self._day:
                self._start_day(int(days[begin]))
            part = slice(begin, end)
            self._score(times_us[part], ids[part], {name: column[part] for name, column in columns.items()})

    def _score(self, times_us: NDArray[np.int64], ids: NDArray[np.int64], columns: Columns) -> None:
        peers = columns[self.plan.job.peer_field] if self.plan.job.peer_field else np.zeros(0, np.int64)
        for index, group in enumerate(self._groups):
            judged = []
            for detector, model in zip(group, self._models[index], strict=True):
                entity, value = columns[detector.entity], columns[detector.value]
                if detector.use_null:
                    entity, value = (np.where(codes == 0, _NULL_CODE, codes) for codes in (entity, value))
                scope = columns[detector.scope] if detector.scope else np.zeros(0, np.int64)
                judged.append(model.score_and_learn(times_us, entity, value, peers=peers, scopes=scope))
            observed = int(np.count_nonzero(~np.isnan(judged[0][0])))
            self.observations += observed
            self._calibrators[index].observe(observed, self._day * DAY_US)
            findings = self._findings(index, ids, judged)
            if len(findings):
                self._pending[index].append(findings)
                self._fresh[index].append(findings)

    def _findings(
        self, index: int, ids: NDArray[np.int64], judged: list[tuple[NDArray[np.float64], Table]]
    ) -> Findings:
        parts = [candidates for _, candidates in judged]
        if len(parts) > 1:
            common = parts[0]["row"]
            for part in parts[1:]:
                common = np.intersect1d(common, part["row"], assume_unique=True)
            parts = [part[np.isin(part["row"], common)] for part in parts]
            p = cauchy(np.stack([part["p"] for part in parts])) if common.size else np.zeros(0)
            keep = p <= KEEP_P
            parts, p = [part[keep] for part in parts], p[keep]
        else:
            p = parts[0]["p"]
        lead = parts[0]
        found = np.zeros(lead.size, FOUND)
        found["id"] = ids[lead["row"]]
        for name in ("time_us", "value", "window_us", "joined"):
            found[name] = lead[name]
        found["spreading"] = lead["spreading"] if self.collapse else 0
        found["p"] = p
        found["expected"] = self._calibrators[index].expected(p, lead["time_us"] - SETTLE_US)
        found["learning"] = lead["time_us"] < self.learn_until_us
        wide = found["spreading"] > 0
        self._spreading[index].update(
            zip(found["value"][wide].tolist(), found["window_us"][wide].tolist(), strict=True)
        )
        return Findings(found, parts)

    def _start_day(self, day: int) -> None:
        self._day = day
        for index, models in enumerate(self._models):
            for model in models:
                model.start_day()
            self._settle(index, day * DAY_US - SETTLE_US)

    def _settle(self, index: int, before_us: int) -> None:
        """Teach the calibration what happened before a time, leaving out what turned out to be a rollout."""
        pending = Findings.join(self._pending[index], len(self._groups[index]))
        if not len(pending):
            return
        due = (pending.found["time_us"] < before_us) & (pending.found["settled"] == 0)
        counted = pending.found[due & ~self.in_rollout(index, pending.found)]
        self._calibrators[index].learn(counted["p"], counted["time_us"], np.zeros(counted.size, np.int64))
        pending.found["settled"][due] = 1
        kept = pending.take(pending.found["time_us"] >= before_us - REMEMBER_US)
        self._pending[index] = [kept] if len(kept) else []
        recent = set(zip(kept.found["value"].tolist(), kept.found["window_us"].tolist(), strict=True))
        self._spreading[index] &= recent

    def in_rollout(self, index: int, found: Table) -> NDArray[np.bool_]:
        """Which findings belong to a stretch of first sights that became a rollout (bool[n])."""
        if not self._spreading[index]:
            return np.zeros(found.size, np.bool_)
        known = np.array(sorted(self._spreading[index]), np.int64)
        keys = np.empty(known.shape[0], np.dtype([("value", "i8"), ("window_us", "i8")]))
        keys["value"], keys["window_us"] = known[:, 0], known[:, 1]
        asked = np.empty(found.size, keys.dtype)
        asked["value"], asked["window_us"] = found["value"], found["window_us"]
        return np.isin(asked, keys)

    @property
    def groups(self) -> list[tuple[DetectorPlan, ...]]:
        """Detectors judged together; one finding comes from one of these."""
        return [tuple(group) for group in self._groups]

    def recent(self, index: int) -> Findings:
        """Findings of the last days, those of earlier runs too: what a rollout may still take in."""
        return Findings.join(self._pending[index], len(self._groups[index]))

    def take_fresh(self, index: int) -> Findings:
        """Findings since the last call."""
        fresh = Findings.join(self._fresh[index], len(self._groups[index]))
        self._fresh[index] = []
        return fresh

    def expected_now(self, index: int, p: NDArray[np.float64]) -> NDArray[np.float64]:
        """Expected records a week at least as extreme, by the latest fit."""
        return self._calibrators[index].final(p)

    def group_codes(self, index: int) -> NDArray[np.int64]:
        """Codes of the names of peer groups, by the group number in a candidate."""
        return self._models[index][0].group_codes()

    def health(self) -> dict[str, Any]:
        """Counters for people: rows, observations, memory, evictions, state of the calibration."""
        models = [model for group in self._models for model in group]
        return {
            "rows": self.rows,
            "observations": self.observations,
            "entities": max(model.counts["entities"] for model in models),
            "pairs": max(model.counts["pairs"] for model in models),
            "memory_bytes": sum(model.memory for model in models),
            "memory_limit_bytes": memory_limit(self.plan),
            "evicted_pairs": sum(model.evicted for model in models),
            "calibration": [calibrator.health() for calibrator in self._calibrators],
        }

    def to_state(self) -> State:
        """The whole memory as plain named arrays."""
        marks = [STATE_VERSION, self.rows, self.observations, self._day, self.learn_until_us]
        marks += [-1 if self.first_us is None else self.first_us, -1 if self.last_us is None else self.last_us]
        state: State = {"marks": np.array(marks, np.int64)}
        for index, models in enumerate(self._models):
            for at, model in enumerate(models):
                state |= {f"m{index}.{at}.{name}": array for name, array in model.to_state().items()}
            state |= {f"c{index}.{name}": array for name, array in self._calibrators[index].to_state().items()}
            pending = self.recent(index)
            state |= columns_of(f"f{index}", pending.found)
            for at, part in enumerate(pending.parts):
                state |= columns_of(f"p{index}.{at}", part)
            spreading = np.array(sorted(self._spreading[index]), np.int64).reshape(-1, 2)
            state[f"s{index}"] = spreading
        return state

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take the memory of :meth:`to_state`.

        Raises
        ------
        StateError
            If it was written by another version, or by a job of other detectors.
        """
        try:
            marks = [int(mark) for mark in state["marks"]]
            if marks[0] != STATE_VERSION:
                raise StateError(f"model state of version {marks[0]}, this is version {STATE_VERSION}")
            for index, models in enumerate(self._models):
                for at, model in enumerate(models):
                    model.load_state(_under(state, f"m{index}.{at}."))
                self._calibrators[index] = TailCalibrator.from_state(_under(state, f"c{index}."))
                parts = [rows_from(f"p{index}.{at}", CANDIDATE, state) for at in range(len(models))]
                pending = Findings(rows_from(f"f{index}", FOUND, state), parts)
                self._pending[index] = [pending] if len(pending) else []
                self._spreading[index] = {(int(a), int(b)) for a, b in state[f"s{index}"]}
        except KeyError as error:
            raise StateError(
                f"the state of job {self.plan.job.job_id!r} lacks {error}", hint="Reset the job: its detectors changed"
            ) from error
        self.rows, self.observations, self._day, self.learn_until_us = marks[1:5]
        self.first_us, self.last_us = (None if mark < 0 else mark for mark in marks[5:7])
        return self


def memory_limit(plan: JobPlan) -> int:
    """Bytes the job's models may hold: its ``model_memory_limit``, or 1 GiB."""
    text = str(plan.job.rest.get("analysis_limits", {}).get("model_memory_limit", "1gb")).lower().strip()
    units = {"kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "b": 1}
    for unit, size in units.items():
        if text.endswith(unit) and text[: -len(unit)].isdigit():
            return int(text[: -len(unit)]) * size
    return int(text) * (1 << 20) if text.isdigit() else 1 << 30


def bucket_start(time_us: int, plan: JobPlan) -> int:
    """Start of the bucket a time falls into."""
    span = parse_span(plan.job.bucket_span)
    return time_us - time_us % span


def hour_end(time_us: int) -> int:
    """End of the hour of an observation: its further events lie before it."""
    return (time_us // HOUR_US + 1) * HOUR_US


def _under(state: Mapping[str, NDArray[Any]], prefix: str) -> State:
    return {name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)}
