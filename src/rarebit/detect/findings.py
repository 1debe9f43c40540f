"""Findings: what a job's detectors noticed, before names, counts and events are put to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rarebit.maths.tail import Rate
from rarebit.model.tables import Table

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
        ("revised", "i4"),
        ("hidden", "i8"),
        ("maturity", "i4"),
        ("apart", "i4"),
    ]
)
"""A finding: code of its first event's id, time, probability, expected records a week, its spread, whether late events
changed it, and the key of the rule or hold for which it is not told of (see :mod:`rarebit.detect.care`), or 0.
``maturity`` is the state of its entity: 0 is mature, as in :mod:`rarebit.model.maturity`; ``apart`` says that it is
as odd beside all others, whatever is known of the entity itself."""


class Findings:
    """Findings in order of time, and beside each the counts of every detector that judged it."""

    def __init__(self, found: Table, parts: list[Table]) -> None:
        self.found = found
        self.parts = parts

    def __len__(self) -> int:
        return int(self.found.size)

    def take(self, rows: NDArray[Any]) -> Findings:
        """Those at the given places, or where a mask is true."""
        if rows.dtype == np.bool_ and rows.all():
            return self
        return Findings(self.found[rows], [part[rows] for part in self.parts])

    @classmethod
    def join(cls, pieces: list[Findings], part_types: Sequence[np.dtype[Any]]) -> Findings:
        """All of them, one after the other; ``part_types`` says what stands beside a finding."""
        found = [np.zeros(0, FOUND), *(piece.found for piece in pieces)]
        parts = [[np.zeros(0, kind), *(piece.parts[i] for piece in pieces)] for i, kind in enumerate(part_types)]
        return cls(np.concatenate(found), [np.concatenate(part) for part in parts])


class Later(NamedTuple):
    """Expected records a week by the latest fit, and the ends of their 80 % intervals (float64[n] each)."""

    expected: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def at(self, row: int) -> Rate:
        """Of one record."""
        return Rate(float(self.expected[row]), float(self.low[row]), float(self.high[row]))


def differs(column: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each value differs from the one before it; the first does."""
    return np.concatenate([np.ones(1, np.bool_), column[1:] != column[:-1]])
