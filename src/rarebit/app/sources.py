"""How sources of live events stand: how much came, how far in time each has come, how late its events are."""

from __future__ import annotations

import time
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa

from rarebit.app.home import Home
from rarebit.core.fields import TIME
from rarebit.core.live import SourceStanding
from rarebit.core.time import MINUTE_US

LATE_US: Final = 10 * MINUTE_US
"""Events older than the newest one of their source by more than this count as late."""


class Sources:
    """Takes note of events as they come; :meth:`keep` writes it down once they are safe.

    Parameters
    ----------
    home : Home
    """

    def __init__(self, home: Home) -> None:
        self._store = home.store
        self._standing: dict[str, SourceStanding] = {}

    def note(self, source: str, batch: pa.RecordBatch) -> None:
        """Events of a source came; nothing is noted of those that are nobody's."""
        if not source or not batch.num_rows:
            return
        held = self._standing.get(source) or self._store.live.sources.find(source) or SourceStanding(id=source)
        times = batch.column(TIME).cast(pa.int64()).to_numpy(zero_copy_only=False)
        newest = int(times.max())
        behind = np.zeros(1, np.int64) if held.watermark_us is None else held.watermark_us - times
        self._standing[source] = msgspec.structs.replace(
            held,
            events=held.events + times.size,
            watermark_us=newest if held.watermark_us is None else max(held.watermark_us, newest),
            arrived_us=time.time_ns() // 1000,
            late_events=held.late_events + int(np.count_nonzero(behind > LATE_US)),
            latest_us=max(held.latest_us, int(behind.max())),
        )

    def keep(self) -> None:
        """Write down what was noted."""
        if self._standing:
            self._store.live.sources.put(list(self._standing.values()))
