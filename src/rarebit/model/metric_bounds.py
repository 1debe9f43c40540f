"""What is usual for a metric in a bucket, and between what nearly all such buckets lie."""

from __future__ import annotations

from typing import Final

import numpy as np

from rarebit.maths.metric import Student, value_at
from rarebit.model.metric_cells import Floats, backward, law_of
from rarebit.model.metric_ranks import HIGH_SIDE, LOW_SIDE, Ranks
from rarebit.model.tables import Table

HIGH: Final = 1
LOW: Final = -1
BOTH: Final = 0
_OFTEN: Final = 0.99


def usual(cells: Table, law: Student, *, signed: bool) -> Floats:
    """What is usual, on the side that each cell lies (float64[n])."""
    side = np.where(cells["side"] == HIGH, np.maximum(cells["fleet"], 0.0), np.minimum(cells["fleet"], 0.0))
    typical = backward(law.location + side, signed=signed)
    return np.where(cells["absence"] > 0.5, 0.0, typical)  # noqa: PLR2004 - the median


def fill_bounds(cells: Table, ranks: Ranks, *, signed: bool) -> None:
    """Fill in what is usual, and between what 98 of 100 such buckets lie."""
    if not cells.size:
        return
    law = law_of(cells)
    group = cells["group"]
    at_least, at_most = np.minimum(cells["fleet"], 0.0), np.maximum(cells["fleet"], 0.0)
    present = 1.0 - cells["absence"]
    high = ranks.asked(HIGH_SIDE, group, np.minimum((1.0 - _OFTEN) / present, 0.5))
    upper = value_at(1.0 - high, law) + at_most
    # What empty buckets take of the lower end is no value at all.
    left = 1.0 - _OFTEN - cells["absence"]
    low = ranks.asked(LOW_SIDE, group, np.clip(left / present, 1e-9, 0.5))
    lower = backward(value_at(low, law) + at_least, signed=signed)
    cells["upper"] = backward(upper, signed=signed)
    cells["lower"] = np.where(left > 0.0, lower, 0.0)
    cells["typical"] = usual(cells, law, signed=signed)
