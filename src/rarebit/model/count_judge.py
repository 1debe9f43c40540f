"""How unexpected each cell of a bucket is: as much or more, as little or less, or both."""

from __future__ import annotations

from typing import Final

import numpy as np

from rarebit.maths.count import Predicted, p_high, p_low, p_none
from rarebit.model.count_cells import Floats, Ints, Watch, at
from rarebit.model.count_settings import BOTH, HIGH, LOW
from rarebit.model.tables import Table

SURPRISING: Final = 1e-3
"""Low counts are only told of where P(Y = 0) is below this; a lasting silence is told of once, when it begins."""


def judge(cells: Table, quiet: Ints, y: Ints, law: Predicted, *, side: int, collapsed: bool) -> Ints:
    """Fill in the probability of each cell: of as much or more, of as little or less, or both.

    ``quiet`` (int[n]) says of which series a silence was told of already; what it is from now on is returned.
    """
    p = np.ones(y.size)
    cells["shape"], cells["side"] = law.shape, LOW if side == LOW else HIGH
    cells["mean"] = law.mean
    if side != LOW:
        # A fleet at rest does not make a busy series stranger, and a busy one does not make silence stranger.
        above = Predicted(law.shape, law.mean * np.maximum(cells["fleet"], 1.0))
        rows = np.flatnonzero(y > above.mean)
        p[rows] = p_high(y[rows], at(above, rows))
        cells["mean"] = above.mean
    if side != HIGH:
        below = Predicted(law.shape, law.mean * np.minimum(cells["fleet"], 1.0))
        lower, quiet = (np.ones(y.size), quiet) if collapsed else _low(quiet, y, below)
        less = (lower < p) | (side == LOW)
        cells["side"][less], cells["mean"][less] = LOW, below.mean[less]
        p = np.minimum(p, lower)
    cells["p"] = np.minimum(2.0 * p, 1.0) if side == BOTH else p
    return quiet


def _low(quiet: Ints, y: Ints, below: Predicted) -> tuple[Floats, Ints]:
    """Probability of as little, told once when a stretch of it begins; and which series are silent now."""
    p = np.ones(y.size)
    rows = np.flatnonzero((y < below.mean) & (p_none(below) < SURPRISING))
    p[rows] = p_low(y[rows], at(below, rows))
    now = (p < SURPRISING).astype(quiet.dtype)
    p[quiet > 0] = 1.0
    return p, now


def leave_out(watch: Watch | None, cells: Table, series: Table, typical: Floats, *, counted: bool) -> Ints:
    """Places of the cells that are learnt; what hides a cell is noted in it.

    ``series`` and ``typical`` are those of the cells; ``counted`` is false where they were asked for before.
    """
    if watch is None:
        return np.arange(cells.size)
    start_us, actual = int(cells["bucket_us"][0]), cells["count"].astype(np.float64)
    cells["hidden"], unlearnt = watch.cells(
        start_us, series["entity"], series["scopes"], actual, typical, counted=counted
    )
    return np.flatnonzero(~unlearnt)
