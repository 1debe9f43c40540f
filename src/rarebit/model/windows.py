"""Evidence of all windows of time at once: for each finding, what its entity's window up to it adds up to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rarebit.model.windows_kernel import TACTICS, cut, sum_windows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def window_sums(
    time_us: Ints, entity: Ints, tactic: Ints, family: Ints, points: Floats, *, span_us: int
) -> tuple[Floats, Floats]:
    """Evidence and order of each window that ends with a finding.

    Within a tactic the best finding counts, and half of the best one of another family.

    Parameters
    ----------
    time_us, entity, tactic, family : int64[n]
        Rows by entity, then by time. Tactics are numbered along the kill chain from 0; the last of :data:`TACTICS`
        has no place in it.
    points : float64[n]
        Evidence of each finding; not negative. Those of 0 have no part in anything.
    span_us : int
        Length of the window.

    Returns
    -------
    evidence, order : float64[n]
        Sum over tactics; half a point for each pair of tactics whose best findings come in the order of the chain,
        less half a point for each pair against it.
    """
    evidence, order = np.zeros(points.size), np.zeros(points.size)
    scratch = np.zeros((3, TACTICS)), np.zeros((2, TACTICS), np.int64)
    rows = (np.ascontiguousarray(part, np.int64) for part in (time_us, entity, tactic, family))
    sum_windows(*rows, np.ascontiguousarray(points), span_us, *scratch, evidence, order)
    return evidence, order


def stretches(time_us: Ints, entity: Ints, told: Ints, *, gap_us: int, longest_us: int) -> Ints:
    """Number of the stretch each finding belongs to (int64[n]), rising from 0.

    Parameters
    ----------
    time_us, entity : int64[n]
        Rows by entity, then time.
    told : int64[n]
        What a finding was told of under, or 0: two that were told of apart stay apart, together together.
    gap_us, longest_us : int
        A longer silence ends a stretch, and so does this time since its first finding.
    """
    out = np.zeros(time_us.size, np.int64)
    cut(*(np.ascontiguousarray(part, np.int64) for part in (time_us, entity, told)), gap_us, longest_us, out)
    return out
