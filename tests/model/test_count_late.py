"""Late events of counts: the same as if they had come in time, within the allowed lateness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rarebit.core.time import DAY_US, HOUR_US
from rarebit.model.count import CountModel
from rarebit.model.count_cells import CELL
from rarebit.model.count_late import LATENESS_US
from rarebit.model.count_settings import BOTH, HIGH, LOW, CountSettings
from rarebit.model.population import PopulationModel

START = 20_003 * DAY_US
"""A Monday."""
DAYS = 6
Ints = NDArray[np.int64]
Row = tuple[Ints, Ints, Ints, Ints]


def _rows(seed: int, *, silent: bool = True) -> Row:
    """Times, ids, keys and values of six series, with bursts, silences, a quiet day and rows of no series."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson([1, 6, 6, 6, 40, 2], (24 * DAYS, 6)) + 80 * (rng.random((24 * DAYS, 6)) < 0.01)
    if silent:
        counts[rng.integers(60, 100) :, 4] = 0
    if seed % 2:
        counts[24 * 3 : 24 * 4] = 0
    hour, key = (np.repeat(part, counts.ravel()) for part in np.divmod(np.arange(counts.size), 6))
    times = START + hour * HOUR_US + rng.integers(0, HOUR_US // 1000, hour.size) * 1000
    order = np.argsort(times, kind="stable")
    return times[order], np.arange(1, hour.size + 1), key[order], rng.integers(0, 5, hour.size)


def _take(rows: Row, chosen: NDArray[Any]) -> Row:
    times, ids, keys, values = (part[chosen] for part in rows)
    return times, ids, keys, values


class _Feed:
    """Gives a model rows as a stream does: days begin when the first row of a newer day comes."""

    def __init__(self, *, population: bool = False, **changes: Any) -> None:
        self.changes = changes
        self.kind = PopulationModel if population else CountModel
        self.model: CountModel = self.kind(CountSettings(span_us=HOUR_US, **changes))
        self.model.keep_p = 0.05
        self.day = -1
        self.told: dict[tuple[int, int], Any] = {}
        self.judged = 0

    def __call__(self, rows: Row) -> None:
        times, ids, keys, values = rows
        days = np.maximum.accumulate(np.maximum(times // DAY_US, self.day))
        for day in np.unique(days).tolist():
            part = days == day
            if day > self.day:
                self.day = day
                self.model.start_day()
            cells, judged = self.model.score_and_learn(times[part], ids[part], keys[part], values=values[part])
            self.judged += judged
            for cell in cells:
                at = int(cell["bucket_us"]), int(cell["key"])
                plain = cell.copy()
                plain["revised"] = 0
                if cell["p"] > 0.05:
                    self.told.pop(at, None)
                else:
                    self.told[at] = plain.tobytes()

    def restart(self) -> None:
        """Go on from the saved state."""
        state = self.model.to_state()
        self.model = self.kind(CountSettings(span_us=HOUR_US, **self.changes)).load_state(state)
        self.model.keep_p = 0.05

    @property
    def learnt(self) -> dict[str, bytes]:
        """The whole memory, but for how many came late."""
        return {name: array.tobytes() for name, array in self.model.to_state().items() if name != "late_rows"}


_KINDS = (
    {"side": HIGH},
    {"side": BOTH},
    {"side": LOW, "skip_empty": True},
    {"side": HIGH, "distinct": True},
    {"side": BOTH, "skip_empty": True, "population": True},
)


@settings(max_examples=12, deadline=None)
@given(
    kind=st.sampled_from(_KINDS), seed=st.integers(0, 9), restart=st.booleans(),
    edges=st.lists(st.integers(10, 24 * DAYS - 1), min_size=1, max_size=4),
    share=st.floats(0.01, 0.6), delay=st.integers(1, 46),
)  # fmt: skip
def test_the_order_of_files_does_not_matter(
    kind: dict[str, Any], seed: int, edges: Sequence[int], share: float, delay: int, *, restart: bool
) -> None:
    rows = _rows(seed)
    in_order = _Feed(**kind)
    in_order(rows)
    late = np.random.default_rng(seed).random(rows[0].size) < share
    comes = (rows[0] - START) // HOUR_US + np.where(late, delay, 0)
    mixed = _Feed(**kind)
    for begin, end in zip([0, *sorted(edges)], [*sorted(edges), 10**9], strict=True):
        part = (comes >= begin) & (comes < end)
        if part.any():
            mixed(_take(rows, part))
        if restart:
            mixed.restart()
    assert mixed.told == in_order.told
    assert mixed.judged == in_order.judged
    assert mixed.learnt == in_order.learnt
    assert mixed.model.too_late == 0


def test_late_events_make_a_burst_that_was_not_seen() -> None:
    feed = _Feed()
    rows = _rows(0)
    feed(rows)
    at = START + (24 * DAYS - 20) * HOUR_US
    feed((at + np.arange(400), np.arange(400) + 10**6, np.full(400, 3), np.zeros(400, np.int64)))
    cell = np.frombuffer(feed.told[at, 3], CELL)[0]
    assert cell["count"] >= 400
    assert cell["p"] < 1e-6
    assert (feed.model.late, feed.model.too_late) == (400, 0)


def test_a_silence_that_was_only_late_is_taken_back() -> None:
    rows = _rows(2, silent=False)
    host = (rows[2] == 4) & (rows[0] >= START + 5 * DAY_US)
    in_order, feed = _Feed(side=LOW), _Feed(side=LOW)
    in_order(rows)
    feed(_take(rows, ~host))
    assert {name for name in feed.told if name[1] == 4 and name[0] >= START + 5 * DAY_US}
    feed(_take(rows, host))
    assert feed.told == in_order.told


def test_events_later_than_allowed_are_learnt_and_counted() -> None:
    feed = _Feed()
    rows = _rows(0)
    feed(rows)
    before = set(feed.told)
    events = feed.model.to_state()["series.events"].sum()
    at = int(rows[0][-1]) - LATENESS_US - DAY_US
    feed((np.full(500, at), np.arange(500) + 10**6, np.full(500, 3), np.zeros(500, np.int64)))
    feed((rows[0][-1:] + HOUR_US, np.array([10**7]), np.array([1]), np.array([0])))
    assert feed.model.too_late == 500
    assert feed.model.to_state()["series.events"].sum() > events + 400
    assert not any(name[0] <= at for name in set(feed.told) - before)


def test_what_is_kept_for_late_events_is_bounded() -> None:
    roomy, tight = _Feed(), _Feed(memory_bytes=20_000)
    for feed in (roomy, tight):
        feed(_rows(0))
    assert roomy.model.memory > 40_000
    assert tight.model.memory < 20_000
    at = int(_rows(0)[0][-1]) - 30 * HOUR_US
    for feed in (roomy, tight):
        feed((np.full(9, at), np.arange(9) + 10**6, np.full(9, 3), np.zeros(9, np.int64)))
    assert (roomy.model.too_late, tight.model.too_late) == (0, 9)


@pytest.mark.parametrize("hours", [1, 30])
def test_a_late_event_of_a_time_before_the_first_is_taken(hours: int) -> None:
    rows = _rows(0)
    early = rows[0] < START + hours * HOUR_US
    first, whole = _Feed(), _Feed()
    day = rows[0] < START + 2 * DAY_US
    whole(_take(rows, day))
    first(_take(rows, day & ~early))
    first(_take(rows, early))
    assert first.learnt == whole.learnt
    assert first.told == whole.told
