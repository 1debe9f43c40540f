"""Rules, calendars and exclusions at work: which rows and cells are passed over, not told of, or not learnt.

An engine that judges rows one by one asks :meth:`Care.rows`. One that puts them together in buckets asks
:meth:`Care.events` for the rows it is given, and :meth:`Care.resting` and :meth:`Care.cells` when a bucket closes. What
is not told of keeps the key of what hid it in ``hidden`` of its finding; the stream counts it and leaves it out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rarebit.detect.findings import Findings
from rarebit.detect.rules import TIME_OF_BUCKET, Rule
from rarebit.model.tables import State

Codes = NDArray[np.int64]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
HOST: Final = "host.name"
HIDDEN, UNLEARNT, HELD_BACK = range(3)
"""Counts of each rule and hold: findings not told of, rows or cells not learnt, rows not looked at."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A stretch of time of which results, learning or both are left out: a calendar's event, or an exclusion."""

    key: int
    """Stable code; counts are kept under it."""
    start_us: int
    end_us: int
    skip_result: bool = True
    skip_learning: bool = True
    hosts: frozenset[int] | None = None
    """Codes of hosts, or None for everybody."""

    @property
    def rests(self) -> bool:
        """Whether it is as if there were no events."""
        return self.skip_result and self.skip_learning


_Aligned = tuple[Hold, int, int]
"""A hold, and the first and the end of its whole buckets."""


class RowCare(NamedTuple):
    """What becomes of rows that are judged one by one."""

    withheld: Mask
    """Not looked at."""
    hidden: Codes
    """Key of the rule or hold for which a finding is not told of, or 0."""
    unlearnt: Mask
    """Judged and not learnt."""


class CellCare(NamedTuple):
    """What becomes of the cells of a bucket that closes."""

    hidden: Codes
    unlearnt: Mask


class Care:
    """What is left out of the work of one group of detectors.

    Where several detectors judge together, a rule of one holds for all of them.

    Parameters
    ----------
    rules : sequence of Rule
        Of the group's detectors.
    holds : sequence of Hold
        Of the job.
    span_us : int
        Length of a bucket; holds take whole buckets, as Elastic's calendars do.
    """

    def __init__(self, rules: Sequence[Rule] = (), holds: Sequence[Hold] = (), span_us: int = 1) -> None:
        self._rules = tuple(rules)
        self._span_us = span_us
        self._holds = [
            (hold, hold.start_us - hold.start_us % span_us, hold.end_us + -hold.end_us % span_us) for hold in holds
        ]
        self._hosts = {hold.key: np.array(sorted(hold.hosts or ()), np.int64) for hold in holds}
        self._counts: dict[int, list[int]] = {}

    @property
    def is_idle(self) -> bool:
        """Whether nothing is ever left out."""
        return not self._rules and not self._holds

    @property
    def rule_keys(self) -> Codes:
        """Keys of the rules by their bit in the scopes of a row."""
        return np.array([rule.key for rule in self._rules], np.int64)

    def rows(self, times_us: Codes, columns: Mapping[str, Codes]) -> RowCare | None:
        """What becomes of rows that are judged one by one; None where nothing is left out of them.

        Conditions on ``actual`` and ``typical`` are not for rows: a rule that has one does nothing here.

        Parameters
        ----------
        times_us : int64[n]
            Event time.
        columns : mapping of str to int64[n]
            Codes of fields; ``rule.flag`` is not 0 for rows in the scope of a rule that has one.
        """
        met = self._met(times_us)
        if not met and not self._rules:
            return None
        size = times_us.size
        care = RowCare(np.zeros(size, np.bool_), np.zeros(size, np.int64), np.zeros(size, np.bool_))
        for hold, rows in self._held(met, times_us, columns):
            if hold.rests:
                care.withheld[rows] = True
                self._count(hold.key, HELD_BACK, rows)
            else:
                self._mark(CellCare(care.hidden, care.unlearnt), hold, rows)
        buckets = (times_us - times_us % self._span_us).astype(np.float64)
        for rule in self._rules:
            if all(condition.applies_to == TIME_OF_BUCKET for condition in rule.conditions):
                rows = self._in_scope(rule, columns, size) & ~care.withheld
                for condition in rule.conditions:
                    rows &= condition.holds(buckets, buckets, buckets)
                self._mark(CellCare(care.hidden, care.unlearnt), rule, rows)
        return care

    def events(self, times_us: Codes, columns: Mapping[str, Codes]) -> tuple[Mask, Codes]:
        """For events that are put together in buckets: whether each is passed over, and the scopes it is in.

        Bit ``r`` of the scopes says that the event is in the scope of rule ``r``. Parameters are those of
        :meth:`rows`.
        """
        withheld, scopes = np.zeros(times_us.size, np.bool_), np.zeros(times_us.size, np.int64)
        for hold, rows in self._held(self._met(times_us), times_us, columns):
            if hold.rests:
                withheld |= rows
                self._count(hold.key, HELD_BACK, rows)
        for bit, rule in enumerate(self._rules):
            scopes[self._in_scope(rule, columns, times_us.size)] |= np.int64(1) << bit
        return withheld, scopes

    def resting(self, start_us: int, entities: Codes) -> Mask:
        """Of which series of these entities (int64[n]) a bucket is passed over: neither judged nor learnt."""
        resting = np.zeros(entities.size, np.bool_)
        for hold, first_us, end_us in self._holds:
            if hold.rests and first_us <= start_us < end_us:
                resting |= self._is_of(hold, entities)
        return resting

    def cells(
        self, start_us: int, entities: Codes, scopes: Codes, actual: Floats, typical: Floats, *, counted: bool = True
    ) -> CellCare:
        """What becomes of the cells of a bucket that closes (all ``[n]``), judged and not yet learnt.

        A bucket that late events close again is not counted again.
        """
        care = CellCare(np.zeros(entities.size, np.int64), np.zeros(entities.size, np.bool_))
        for hold, first_us, end_us in self._holds:
            if not hold.rests and first_us <= start_us < end_us:
                self._mark(care, hold, self._is_of(hold, entities), counted=counted)
        bucket = np.full(entities.size, float(start_us))
        for bit, rule in enumerate(self._rules):
            cells = scopes >> bit & 1 != 0
            for condition in rule.conditions:
                cells &= condition.holds(actual, typical, bucket)
            self._mark(care, rule, cells, counted=counted)
        return care

    def told(self, findings: Findings, most_expected: float) -> Findings:
        """Findings without the hidden ones; those of these that would have become records are counted.

        One that was told of before late events brought it into a rule's scope is told of still: its record stands.
        """
        hidden = np.where(findings.found["revised"] > 0, 0, findings.found["hidden"])
        if not hidden.any():
            return findings
        missed = hidden[(hidden != 0) & (findings.found["expected"] <= most_expected)]
        for key, number in zip(*np.unique(missed, return_counts=True), strict=True):
            self._counts.setdefault(int(key), [0, 0, 0])[HIDDEN] += int(number)
        return findings.take(hidden == 0)

    @property
    def counts(self) -> dict[int, list[int]]:
        """By key of a rule or hold: findings hidden, rows or cells not learnt, rows passed over."""
        return {key: list(counts) for key, counts in sorted(self._counts.items())}

    def to_state(self) -> State:
        """Counts as named arrays."""
        rows = [(key, *counts) for key, counts in sorted(self._counts.items())]
        return {"care": np.array(rows, np.int64).reshape(-1, 4)}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the counts of :meth:`to_state`."""
        self._counts = {key: counts for key, *counts in state["care"].tolist()}

    def _met(self, times_us: Codes) -> list[_Aligned]:
        """Holds that some of the times may lie in."""
        if times_us.size == 0 or not self._holds:
            return []
        first, last = int(times_us.min()), int(times_us.max())
        return [each for each in self._holds if each[1] <= last and each[2] > first]

    def _held(self, met: list[_Aligned], times_us: Codes, columns: Mapping[str, Codes]) -> list[tuple[Hold, Mask]]:
        """The rows of each hold."""
        found = []
        for hold, first_us, end_us in met:
            rows = (times_us >= first_us) & (times_us < end_us)
            if hold.hosts is not None:
                rows &= self._is_of(hold, columns.get(HOST, np.zeros(times_us.size, np.int64)))
            found.append((hold, rows))
        return found

    def _is_of(self, hold: Hold, entities: Codes) -> Mask:
        if hold.hosts is None:
            return np.ones(entities.size, np.bool_)
        return np.isin(entities, self._hosts[hold.key])

    @staticmethod
    def _in_scope(rule: Rule, columns: Mapping[str, Codes], size: int) -> Mask:
        if not rule.scopes:
            return np.ones(size, np.bool_)
        return columns[rule.flag] != 0 if rule.flag in columns else np.zeros(size, np.bool_)

    def _mark(self, care: CellCare, by: Rule | Hold, rows: Mask, *, counted: bool = True) -> None:
        if by.skip_result:
            care.hidden[rows & (care.hidden == 0)] = by.key
        if by.skip_learning:
            care.unlearnt[rows] = True
            if counted:
                self._count(by.key, UNLEARNT, rows)

    def _count(self, key: int, what: int, rows: Mask) -> None:
        number = int(np.count_nonzero(rows))
        if number:
            self._counts.setdefault(key, [0, 0, 0])[what] += number


def added(counts: Sequence[Mapping[int, Sequence[int]]]) -> dict[int, list[int]]:
    """Counts by key of several groups, added up."""
    found: dict[int, list[int]] = {}
    for each in counts:
        for key, numbers in each.items():
            found[key] = [a + b for a, b in zip(found.get(key, [0, 0, 0]), numbers, strict=True)]
    return found
