"""Series that a detector with ``exclude_frequent`` leaves out: what is always there, and what everybody has."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rarebit.model.tables import Table

FREQUENT: Final = 0.1
"""Share of the buckets, or of the members, from which on a value is frequent, as in Elastic."""
FEWEST_BUCKETS: Final = 20
"""Buckets before anything is called frequent."""


def left_out(series: Table, chosen: NDArray[np.int64], lived: int, asked: tuple[bool, bool]) -> NDArray[np.bool_]:
    """Which of the chosen series are too frequent to be judged (bool[n]): series, groups, as it is asked of each."""
    left = np.zeros(chosen.size, np.bool_)
    if lived >= FEWEST_BUCKETS and asked[0]:
        left |= is_frequent(series[chosen], lived)
    if lived >= FEWEST_BUCKETS and asked[1]:
        left |= is_common(series)[chosen]
    return left


def is_frequent(series: Table, lived: int) -> NDArray[np.bool_]:
    """Which series (of the count model's type) had events in more than a tenth of ``lived`` buckets (bool[n])."""
    found: NDArray[np.bool_] = series["present"] > FREQUENT * lived
    return found


def is_common(series: Table) -> NDArray[np.bool_]:
    """Which series belong to a group that more than a tenth of all members belong to (bool[n])."""
    members = np.unique(series["member"]).size
    held = np.bincount(series["group"])
    found: NDArray[np.bool_] = held[series["group"]] > FREQUENT * members
    return found
