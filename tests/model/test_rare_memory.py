"""Memory of the rare model: exact through any cut and restart; bounded, with what is dropped counted."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarebit.core.time import DAY_US, HOUR_US
from rarebit.model.rare import RareModel
from rarebit.model.rare_kernel import FLEET, INDIVIDUAL, POPULATION

START = 490_000 * HOUR_US
MODES = (INDIVIDUAL, FLEET, POPULATION)
Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


def rows(*parts: tuple[float, int, int]) -> Rows:
    """(hours since the start, entity, value) as columns."""
    table = np.array(parts, np.float64).reshape(-1, 3)
    return START + (table[:, 0] * HOUR_US).astype(np.int64), table[:, 1].astype(np.int64), table[:, 2].astype(np.int64)


def model(mode: int = INDIVIDUAL, **options: Any) -> RareModel:
    return RareModel(mode, **{"keep_p": 1.0, **options})


def stream(seed: int, size: int, *, hosts: int = 12, values: int = 40, hours: float = 60.0) -> Rows:
    """A busy little fleet: common values for all, rare ones for some, times in order."""
    rng = np.random.default_rng(seed)
    times = START + np.sort(rng.integers(0, round(hours * HOUR_US), size))
    return times, rng.integers(1, hosts + 1, size), 1 + (values * rng.random(size) ** 3).astype(np.int64)


def by_days(made: RareModel, data: Rows, cuts: list[int], *, restore: bool) -> tuple[bytes, bytes]:
    """Results of a stream cut into batches; a new day is told at every midnight, at the first row of the day."""
    p, found = [], []
    days = data[0] // DAY_US
    edges = sorted({0, data[0].size, *cuts, *(np.flatnonzero(np.diff(days)) + 1).tolist()})
    for begin, end in pairwise(edges):
        if restore and begin in cuts:
            made = model(int(made._setting["mode"][0]), full=True, memory_bytes=made.memory_bytes).load_state(
                made.to_state()
            )
        if begin and days[begin] != days[begin - 1]:
            made.start_day()
        part = slice(begin, end)
        some, judged = made.score_and_learn(*(column[part] for column in data), peers=1 + data[1][part] % 3)
        judged["row"] += begin
        p.append(some)
        found.append(judged)
    return np.concatenate(p).tobytes(), np.concatenate(found).tobytes()


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    mode=st.sampled_from(MODES),
    memory=st.sampled_from([1 << 30, 6000]),
    cuts=st.lists(st.integers(1, 1499), max_size=12, unique=True),
)
def test_cuts_and_restarts_change_no_bit(seed: int, mode: int, memory: int, cuts: list[int]) -> None:
    data = stream(seed, 1500, values=200, hours=100)
    whole = by_days(model(mode, full=True, memory_bytes=memory), data, [], restore=False)
    assert by_days(model(mode, full=True, memory_bytes=memory), data, cuts, restore=False) == whole
    assert by_days(model(mode, full=True, memory_bytes=memory), data, cuts, restore=True) == whole


@pytest.mark.parametrize("pool", [True, False])
def test_a_restart_keeps_the_pooling(pool: bool) -> None:
    first = stream(12, 500)
    later = tuple(column + shift for column, shift in zip(stream(13, 500), (60 * HOUR_US, 100, 0), strict=True))
    made = model(pool=pool, full=True)
    made.score_and_learn(*first)
    again = model(pool=pool, full=True).load_state(made.to_state())
    groups = later[1] % 20 + 1  # more groups than the snapshot had
    kept, restored = (m.score_and_learn(*later, peers=groups)[0].tobytes() for m in (made, again))
    assert kept == restored


def test_snapshots_of_equal_memories_are_equal() -> None:
    data = stream(14, 1000)
    one, other = model(), model()
    one.score_and_learn(*data)
    for part in np.array_split(np.arange(1000), 7):
        other.score_and_learn(*(column[part] for column in data))
    first, second = one.to_state(), other.to_state()
    assert list(first) == list(second)
    assert all(first[name].tobytes() == second[name].tobytes() for name in first)


def test_memory_is_bounded_and_what_is_dropped_is_counted() -> None:
    bound = 400_000
    free, tight = model(), model(memory_bytes=bound)
    size = 20_000
    for day in range(4):
        times = START + day * DAY_US + np.sort(np.random.default_rng(day).integers(0, DAY_US, size))
        values = np.arange(size) + 1 + day * size  # every one of them new
        for made in (free, tight):
            made.start_day()
            made.score_and_learn(times, 1 + np.arange(size) % 50, values)
        assert free.evicted == 0
    tight.start_day()
    assert tight.memory <= bound
    assert tight.evicted == free.counts["pairs"] - tight.counts["pairs"]
    assert tight.counts["entities"] == 50


def test_the_bound_changes_nothing_before_it_bites() -> None:
    data = stream(15, 1500, hours=100)
    wide = model()
    results = by_days(wide, data, [], restore=False)
    tight = model(memory_bytes=wide.memory)
    assert by_days(tight, data, [], restore=False) == results
    assert tight.evicted == 0


def test_eviction_drops_the_longest_unseen() -> None:
    made = model(memory_bytes=20_000)
    made.score_and_learn(*rows(*((0.0, 1, value) for value in range(1, 2001)), *((5.0, 1, v) for v in range(1, 51))))
    made.start_day()
    assert made.evicted > 0
    p, found = made.score_and_learn(*rows(*((6.0, 1, value) for value in range(1, 51))))
    assert found.size == 0
    assert np.all(p == 1.0)
