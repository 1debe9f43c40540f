"""Which series a count model keeps: those that have not faded, within its memory."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rarebit.core.time import DAY_US
from rarebit.model.count_cells import SERIES
from rarebit.model.count_settings import CountSettings
from rarebit.model.tables import Table

PRUNE_US: Final = 30 * DAY_US
"""A series whose empty buckets are no observation does not fade; it is forgotten when not seen for so long."""
_GONE: Final = 0.02
"""Events, decayed, below which a series is forgotten."""
_ROOM: Final = 0.8
"""Part of the memory that stays taken where there was too little, so that it does not run short every day."""


def remembered(series: Table, settings: CountSettings) -> tuple[NDArray[np.bool_], int, int]:
    """Which series are kept (bool[n]); how many were not seen for the prune window; and how many are given up.

    They are given up for want of memory, those not seen longest first.
    """
    newest = series["last_us"].max(initial=0)
    if settings.skip_empty:
        kept = series["last_us"] >= newest - max(PRUNE_US, settings.prune_us or 0)
    else:
        kept = series["events"] >= _GONE
    pruned = 0
    if settings.prune_us is not None:
        lately = series["last_us"] >= newest - settings.prune_us
        pruned = int(np.count_nonzero(kept & ~lately))
        kept = kept & lately
    most = max(1, settings.memory_bytes // SERIES.itemsize)
    if np.count_nonzero(kept) <= most:
        return kept, pruned, 0
    oldest = np.lexsort((series["key"], -series["last_us"], ~kept))
    held = np.zeros(series.size, np.bool_)
    held[oldest[: round(_ROOM * most)]] = True
    return kept & held, pruned, int(np.count_nonzero(kept & ~held))
