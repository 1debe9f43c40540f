"""One job at work: its models, its score calibration, and the findings not yet settled.

Everything happens in event time and in the order of the rows, so the same rows give the same findings however they
are cut into batches. Work that needs a whole day (refits, release of findings for calibration) is done at the first
row of the next day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from rarebit.core.errors import StateError
from rarebit.core.time import DAY_US, HOUR_US
from rarebit.detect.ahead import Ahead, taken
from rarebit.detect.care import added
from rarebit.detect.engine import NO_NUMBERS, Columns, Engine, Numbers, PeerMaps, Rows
from rarebit.detect.engines import engine_for
from rarebit.detect.findings import FOUND, Findings, Later
from rarebit.detect.flow import Flow
from rarebit.detect.plan import DetectorPlan, JobPlan
from rarebit.detect.problems import memory_limit
from rarebit.detect.revise import give_way
from rarebit.detect.spreading import Spreading
from rarebit.detect.usual import BucketTally, DaySample
from rarebit.maths.hashing import hash_text
from rarebit.model.calibrate import TailCalibrator
from rarebit.model.maturity import LEARNING
from rarebit.model.tables import State, Table, columns_of, rows_from, under

STATE_VERSION: Final = 9
KEEP_P: Final = 0.05
"""Observations up to this probability are looked at in a busy fleet (Elastic writes no record above 0.035)."""
COLD_DAYS: Final = 7.0
"""As long as learning lasts at most; then the fit of the tail stands alone."""
KEPT_A_WEEK: Final = 20_000.0
"""Where a job makes fewer observations, likelier ones are looked at too: about so many a week."""
SETTLE_US: Final = DAY_US
"""A finding waits this long to learn whether it was part of a rollout before it counts for the calibration."""
REMEMBER_US: Final = 7 * DAY_US
MOST_EXPECTED: Final = 300.0
"""Findings expected more often than this a week are not kept as records."""
_NONE: Final = np.zeros(0, np.int64)
_NEVER_US: Final = 1 << 62
UNLISTED: Final = "unlisted"
"""Peer group of hosts that an inventory does not name."""
_UNLISTED: Final = hash_text(UNLISTED)


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
    regroupings : sequence of (int, PeerMaps), optional
        Learnt peer groups and the time from which each is in force (microseconds, the start of a day), by time. They
        take the place of `peer_of` for the entities they name, unless the job says itself what makes peers.
    pool, collapse : bool
        False switches off pooling, or the collapse of rollouts; to measure what each is worth.
    """

    def __init__(
        self,
        plan: JobPlan,
        *,
        learn_until_us: int = 0,
        peer_of: Mapping[int, str] | None = None,
        regroupings: Sequence[tuple[int, PeerMaps]] = (),
        pool: bool = True,
        collapse: bool = True,
    ) -> None:
        self.plan = plan
        self.learn_until_us = learn_until_us
        self.collapse = collapse and not plan.job.combine
        self._has_inventory = bool(peer_of)
        self._regroupings = [] if plan.job.peer_field else list(regroupings)
        self.rows = 0
        self.observations = 0
        self.first_us: int | None = None
        self.last_us: int | None = None
        self.horizon_us = _NEVER_US
        """Events beyond are ahead of the fleet's clock: they do not move time on, and are not counted yet."""
        self._ahead = Ahead()
        self._day = -1
        self._keep_p = 1.0
        self._weekly = np.inf
        self._groups = plan.groups
        self._engines = [
            engine_for(plan, group, peer_of=peer_of or {}, pool=pool, collapse=self.collapse) for group in self._groups
        ]
        self._cares = [plan.care(group) for group in self._groups]
        for engine, care in zip(self._engines, self._cares, strict=True):
            engine.heed(care)
        self.flow = Flow()
        self.sample = DaySample(plan.job.influencers)
        self.tally = BucketTally(plan.span_us)
        self._evicted_before = 0
        self._calibrators = [TailCalibrator(cold_days=COLD_DAYS) for _ in self._groups]
        self._pending: list[list[Table]] = [[] for _ in self._groups]
        self._fresh: list[list[Findings]] = [[] for _ in self._groups]
        self._spreading = [Spreading() for _ in self._groups]
        self._told: list[Findings] = [Findings.join([], engine.part_types) for engine in self._engines]
        self._told_us = [-1] * len(self._groups)

    def process(
        self,
        times_us: NDArray[np.int64],
        ids: NDArray[np.int64],
        columns: Columns,
        numbers: Numbers = NO_NUMBERS,
    ) -> None:
        """Score and learn rows of events that meet the job's condition, in order of time and id.

        Parameters
        ----------
        times_us, ids : int64[n]
            Event time; code of the event's id.
        columns : mapping of field to int64[n]
            Codes of the fields in ``plan.coded`` and of the influencers; 0 where absent.
        numbers : mapping of field to float64[n]
            The fields in ``plan.numeric``; NaN where absent or no number.
        """
        if times_us.size == 0:
            return
        rows = Rows(times_us, ids, columns, numbers)
        self._process(rows if self._lasting else self._ahead.admit(rows, self.horizon_us, int(times_us[-1])))

    def catch_up(self) -> None:
        """Process what was held back as ahead of the fleet's clock and no longer is; call when all rows were given."""
        self._process(self._ahead.admit(Rows(_NONE, _NONE, {}), self.horizon_us, None))

    @property
    def _lasting(self) -> bool:
        """Whether findings are made as events come, in no bucket that has to wait for them."""
        return any(engine.lasting for engine in self._engines)

    def _process(self, rows: Rows) -> None:
        times_us = rows.times_us
        if times_us.size == 0:
            return
        self.rows += times_us.size
        self.first_us = int(times_us.min()) if self.first_us is None else min(self.first_us, int(times_us.min()))
        moving = np.minimum(times_us, self.horizon_us)
        self.last_us = max(self.last_us or 0, int(moving.max()))
        self.flow.add(moving)
        self.sample.add(rows)
        self.tally.add(times_us)
        days = np.maximum.accumulate(np.maximum(moving // DAY_US, self._day))
        starts = np.flatnonzero(np.diff(days, prepend=self._day))
        edges = [0, *(int(start) for start in starts if start > 0), times_us.size]
        for begin, end in pairwise(edges):
            if days[begin] != self._day:
                self._start_day(int(days[begin]))
            self._score(taken(rows, slice(begin, end)))

    def _score(self, rows: Rows) -> None:
        peers = self._peers(rows.times_us.size, rows.columns)
        for index, engine in enumerate(self._engines):
            judged = engine.judge(rows, peers)
            self.observations += judged.observed
            self._calibrators[index].observe(judged.observed, self._day * DAY_US)
            findings = self._cares[index].told(self._expected(index, judged.findings), MOST_EXPECTED)
            found = findings.found
            if len(findings):
                self._pending[index].append(found[found["p"] <= self._keep_p])
                self._fresh[index].append(findings.take((found["expected"] <= MOST_EXPECTED) | (found["revised"] > 0)))

    def _peers(self, size: int, columns: Columns) -> NDArray[np.int64]:
        if self.plan.job.peer_field:
            return columns[self.plan.job.peer_field]
        return np.full(size, _UNLISTED, np.int64) if self._has_inventory else _NONE

    def _expected(self, index: int, judged: Findings) -> Findings:
        """Those worth a look, with their expected number a week."""
        early = judged.found["time_us"] < self.learn_until_us
        judged.found["learning"] = early | ((judged.found["maturity"] == LEARNING) & (judged.found["apart"] == 0))
        self._spreading[index].note(judged.found)
        revised = np.flatnonzero(judged.found["revised"])
        if revised.size:
            again = judged.found[revised]
            self._pending[index], self._fresh[index] = give_way(
                again, self._pending[index], self._fresh[index], most_expected=MOST_EXPECTED
            )
            judged.found[revised] = again
        findings = judged.take((judged.found["p"] <= self._keep_p) | (judged.found["revised"] > 0))
        judged_us = findings.found["time_us"] - SETTLE_US
        found = findings.found
        found["expected"] = self._calibrators[index].expected(found["p"], judged_us)
        # Before there is a tail to go by, no finding is rarer than its own p says.
        untold = not self._calibrators[index].fitted and bool(np.isfinite(self._weekly))
        learning = (found["time_us"] < self.learn_until_us) | untold
        found["expected"][learning] = np.maximum(found["expected"], found["p"] * self._weekly)[learning]
        return findings

    def _regroup(self, since_day: int) -> None:
        """Take the latest groups in force, if they came into force after the start of a day."""
        due = [(at, maps) for at, maps in self._regroupings if since_day * DAY_US < at <= self._day * DAY_US]
        if due:
            for engine in self._engines:
                engine.regroup(due[-1][1])

    def _start_day(self, day: int) -> None:
        before, self._day = self._day, day
        self._regroup(before)
        days = day - (self.first_us or 0) / DAY_US
        if days >= 1.0:
            self._weekly = 7.0 * max(1, self.observations) / days
            self._keep_p = float(np.clip(KEPT_A_WEEK / self._weekly, KEEP_P, 1.0))
        for index, engine in enumerate(self._engines):
            engine.start_day(self._keep_p)
            self._settle(index, day * DAY_US - SETTLE_US)

    def _settle(self, index: int, before_us: int) -> None:
        """Teach the calibration what happened before a time, leaving out what turned out to be a rollout."""
        kept, counted = [], [np.zeros(0, FOUND)]
        for found in self._pending[index]:
            due = (found["time_us"] < before_us) & (found["settled"] == 0)
            if due.any():
                settled = found[due]
                counted.append(settled[~self.in_rollout(index, settled)])
                found["settled"][due] = 1
            recent = found["time_us"] >= before_us - REMEMBER_US
            if recent.any():
                kept.append(found if recent.all() else found[recent])
        if not self._pending[index]:
            return
        learnt = np.concatenate(counted)
        self._calibrators[index].learn(learnt["p"], learnt["time_us"], np.zeros(learnt.size, np.int64))
        self._pending[index] = kept
        told = self._told[index]
        self._told[index] = told.take(told.found["time_us"] >= before_us - REMEMBER_US)
        self._spreading[index].forget(before_us - REMEMBER_US)

    def in_rollout(self, index: int, found: Table) -> NDArray[np.bool_]:
        """Which findings belong to a stretch of first sights that became a rollout (bool[n])."""
        return self._spreading[index].holds(found)

    @property
    def groups(self) -> list[tuple[DetectorPlan, ...]]:
        """Detectors judged together; one finding comes from one of these."""
        return list(self._groups)

    def engine(self, index: int) -> Engine:
        """The engine of one of :attr:`groups`."""
        return self._engines[index]

    def joined(self, index: int, key: tuple[int, int]) -> tuple[int, int]:
        """Entities that joined a rollout (value code, start of its stretch), and the time of the last."""
        return self._spreading[index].joined(key)

    def recent(self, index: int) -> Table:
        """Findings (FOUND[n]) of the last days, those of earlier runs too: what a rollout may still take in."""
        return np.concatenate([np.zeros(0, FOUND), *self._pending[index]])

    def take_fresh(self, index: int) -> Findings:
        """Findings since the last call, without those expected more than ``MOST_EXPECTED`` times a week."""
        engine = self._engines[index]
        fresh = Findings.join(self._fresh[index], engine.part_types)
        self._fresh[index] = []
        if not engine.lasting:
            return fresh
        told = Findings.join([self._told[index], fresh], engine.part_types)
        for part in told.parts:
            part["row"] = np.minimum(part["row"], 0)  # rows are counted within a batch, which is gone
        self._told[index] = told
        self._told_us[index] = -1 if self.last_us is None else self.last_us
        return fresh

    def continued(self, index: int, leads: Iterable[int]) -> Findings:
        """Findings taken before whose hour has gone on since, and those of the given ids that others joined since."""
        told = self._told[index]
        hour_us = self._told_us[index] - self._told_us[index] % HOUR_US
        return told.take((told.found["time_us"] >= hour_us) | np.isin(told.found["id"], np.array([*leads], np.int64)))

    def told_us(self, index: int) -> int:
        """Time of the last row at the last :meth:`take_fresh`, of an earlier run too; -1 before the first."""
        return self._told_us[index]

    def later(self, index: int, p: NDArray[np.float64]) -> Later:
        """Expected records a week at least as extreme, by the latest fit, and how sure that is."""
        expected, low, high = self._calibrators[index].final_interval(p)
        if self._calibrators[index].fitted:
            return Later(expected, low, high)
        days = ((self.last_us or 0) - (self.first_us or 0)) / DAY_US
        nominal = p * 7.0 * self.observations / max(1.0, days)
        return Later(np.maximum(expected, nominal), low, np.maximum(high, nominal))

    def known(self, index: int) -> Table:
        """What is known of the entities, or series, of a group (KNOWN[n])."""
        return self._engines[index].known()

    def group_codes(self, index: int, part: int = 0) -> NDArray[np.int64]:
        """Codes of the names of peer groups, by the group number in the counts of one of its detectors."""
        return self._engines[index].group_codes(part)

    def health(self) -> dict[str, Any]:
        """Counters for people: rows, observations, memory, evictions, state of the calibration."""
        engines = [engine.health() for engine in self._engines]
        return {
            "rows": self.rows,
            "observations": self.observations,
            "entities": max(each["entities"] for each in engines),
            "pairs": max(each["pairs"] for each in engines),
            "late": sum(each["late"] for each in engines),
            "too_late": sum(each["too_late"] for each in engines) + self._ahead.let_go,
            "ahead": len(self._ahead),
            "memory_bytes": sum(each["memory"] for each in engines),
            "memory_limit_bytes": memory_limit(self.plan.job),
            "evicted_pairs": sum(each["evicted"] for each in engines),
            "pruned": sum(each.get("pruned", 0) for each in engines),
            "evicted_lately": sum(each["evicted"] for each in engines) - self._evicted_before,
            "left_out": added([care.counts for care in self._cares]),
            "calibration": [calibrator.health() for calibrator in self._calibrators],
        }

    def to_state(self) -> State:
        """The whole memory as plain named arrays."""
        state: State = {"rates": np.array([self._keep_p, self._weekly])}
        marks = [STATE_VERSION, self.rows, self.observations, self._day, self.learn_until_us]
        marks += [-1 if self.first_us is None else self.first_us, -1 if self.last_us is None else self.last_us]
        state["marks"] = np.array(marks, np.int64)
        state |= {f"ahead.{name}": array for name, array in self._ahead.to_state().items()}
        state |= {f"flow.{name}": array for name, array in self.flow.to_state().items()}
        newest_us = self.last_us or 0
        state |= {f"sample.{name}": array for name, array in self.sample.to_state(newest_us // DAY_US).items()}
        state |= {f"tally.{name}": array for name, array in self.tally.to_state(newest_us).items()}
        for index, engine in enumerate(self._engines):
            state |= {f"m{index}.{name}": array for name, array in engine.to_state().items()}
            state |= {f"c{index}.{name}": array for name, array in self._calibrators[index].to_state().items()}
            state |= {f"r{index}.{name}": array for name, array in self._cares[index].to_state().items()}
            state |= columns_of(f"f{index}", self.recent(index))
            state |= columns_of(f"t{index}", self._told[index].found)
            for at, part in enumerate(self._told[index].parts):
                state |= columns_of(f"t{index}.{at}", part)
            state[f"s{index}"] = self._spreading[index].to_state()
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
            self._ahead.load_state(under(state, "ahead."))
            self.flow.load_state(under(state, "flow."))
            self.sample.load_state(under(state, "sample."))
            self.tally.load_state(under(state, "tally."))
            for index, engine in enumerate(self._engines):
                engine.load_state(under(state, f"m{index}."))
                self._calibrators[index] = TailCalibrator.from_state(under(state, f"c{index}."))
                self._cares[index].load_state(under(state, f"r{index}."))
                pending = rows_from(f"f{index}", FOUND, state)
                self._pending[index] = [pending] if pending.size else []
                told = [rows_from(f"t{index}.{at}", kind, state) for at, kind in enumerate(engine.part_types)]
                self._told[index] = Findings(rows_from(f"t{index}", FOUND, state), told)
                self._spreading[index].load_state(state[f"s{index}"])
        except KeyError as error:
            raise StateError(
                f"the state of job {self.plan.job.job_id!r} lacks {error}", hint="Reset the job: its detectors changed"
            ) from error
        self.rows, self.observations, self._day, self.learn_until_us = marks[1:5]
        self._regroup(-1)
        self._keep_p, self._weekly = map(float, state["rates"])
        for engine in self._engines:
            engine.resume(self._keep_p)
        self.first_us, self.last_us = (None if mark < 0 else mark for mark in marks[5:7])
        self._evicted_before = sum(engine.health()["evicted"] for engine in self._engines)
        self._told_us = [marks[6]] * len(self._groups)
        return self
