"""Values of an open bucket: what is made of them, and that cuts do not matter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarebit.model.metric_values import MEDIAN_SAMPLE, OpenValues

ROWS = st.lists(st.tuples(st.integers(1, 4), st.floats(-1e9, 1e9), st.integers(1, 5)), min_size=1, max_size=60)


def _filled(rows: Sequence[tuple[int, float, int]], edges: Sequence[int], *, restart: bool = False) -> OpenValues:
    keys = np.array([row[0] for row in rows], np.int64)
    values, weights = (np.array([row[at] for row in rows], np.float64) for at in (1, 2))
    ids = np.arange(1, keys.size + 1)
    made = OpenValues(median=True)
    for start, end in zip([0, *edges], [*edges, keys.size], strict=True):
        part = slice(start, end)
        made.add(keys[part], ids[part], values[part], weights[part])
        if restart:
            made = OpenValues(median=True).load_state(made.to_state())
    return made


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_statistics_are_those_of_the_values_each_so_often(rows: list[tuple[int, float, int]]) -> None:
    table, medians = _filled(rows, []).take()
    assert table["key"].tolist() == sorted({row[0] for row in rows})
    for place, key in enumerate(table["key"]):
        plain = [row[1] for row in rows if row[0] == key]
        spread = np.repeat(plain, [row[2] for row in rows if row[0] == key])
        found = table[place]
        assert found["sum"] == pytest.approx(sum(plain), rel=1e-9, abs=1e-3)
        assert (found["min"], found["max"], found["events"]) == (min(plain), max(plain), spread.size)
        assert found["mean"] == pytest.approx(spread.mean(), rel=1e-9, abs=1e-3)
        assert found["squares"] / found["events"] == pytest.approx(spread.var(), rel=1e-6, abs=1e-3)
        assert medians[place] == pytest.approx(np.median(spread), rel=1e-9, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.lists(st.integers(0, 60), max_size=4))
def test_cuts_and_restarts_change_no_bit(rows: list[tuple[int, float, int]], cuts: list[int]) -> None:
    edges = sorted(min(cut, len(rows)) for cut in cuts)
    whole, pieces = _filled(rows, []), _filled(rows, edges, restart=True)
    for name, array in whole.to_state().items():
        assert array.tobytes() == pieces.to_state()[name].tobytes(), name
    for one, other in zip(whole.take(), pieces.take(), strict=True):
        assert one.tobytes() == other.tobytes()


def test_a_median_of_many_values_is_drawn_from_a_sample_that_cuts_do_not_change() -> None:
    rng = np.random.default_rng(2)
    values: Any = rng.normal(5.0, 1.0, 30_000)
    rows = [(1, float(value), 1) for value in values]
    first, second = _filled(rows, []), _filled(rows, [7, 20_000], restart=True)
    assert first.to_state()["held.key"].size == MEDIAN_SAMPLE
    one, other = first.take()[1], second.take()[1]
    assert one.tobytes() == other.tobytes()
    assert one[0] == pytest.approx(np.median(values), abs=0.15)
