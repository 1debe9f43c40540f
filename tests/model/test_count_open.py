"""The open bucket gives the same sums however its rows are cut, and those that plain arithmetic gives."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rarebit.maths.hashing import hash_text
from rarebit.model.count_open import CountRows, OpenBucket
from rarebit.model.peer_map import PeerMap

_ROW = st.tuples(
    st.integers(0, 30), st.integers(0, 6), st.integers(0, 3), st.integers(1, 4), st.integers(0, 7), st.booleans()
)


def _plain(rows: list[tuple[Any, ...]], *, distinct: bool) -> dict[int, tuple[int, ...]]:
    """Count, timely, late, scopes, first and last id of each key, one row after another."""
    found: dict[int, list[tuple[Any, ...]]] = {}
    for at, row in enumerate(rows):
        if row[1]:
            found.setdefault(row[1], []).append((row[0], at + 1, *row[2:]))
    told: dict[int, tuple[int, ...]] = {}
    for key, own in found.items():
        timely = [row for row in own if not row[5]]
        values = {row[2] for row in timely if row[2]}
        count = len(values) if distinct else sum(row[3] for row in timely)
        scopes = int(np.bitwise_or.reduce([row[4] for row in own]))
        shown = sorted(timely or own)
        late = sum(row[3] for row in own if row[5])
        told[key] = (count, sum(row[3] for row in timely), late, scopes, shown[0][1], shown[-1][1])
    return told


@settings(max_examples=150, deadline=None)
@given(st.lists(_ROW, max_size=60), st.lists(st.integers(0, 60), max_size=4), st.booleans())
def test_sums_are_those_of_plain_arithmetic_however_rows_are_cut(
    rows: list[tuple[Any, ...]], cuts: list[int], distinct: bool
) -> None:
    opened = OpenBucket(distinct=distinct)
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    columns = [np.array(part, np.int64) for part in zip(*rows, strict=True)] if rows else [np.zeros(0, np.int64)] * 6
    times, keys, values, weights, scopes, late = columns
    ids = np.arange(1, times.size + 1)
    for start, end in pairwise(edges):
        for is_late in (False, True):
            chosen = np.arange(start, end)[late[start:end] == is_late]
            given_rows = CountRows(times, ids, keys, values=values, weights=weights, scopes=scopes).take(chosen)
            opened.add(given_rows, late=is_late)
        opened = OpenBucket(distinct=distinct).load_state(opened.to_state())
    made = opened.take()
    names = ("count", "timely", "late", "scopes", "first_id", "last_id")
    assert made["key"].tolist() == sorted(made["key"].tolist())
    assert {int(row["key"]): tuple(int(row[name]) for name in names) for row in made} == _plain(rows, distinct=distinct)
    assert opened.take().size == 0


def test_many_series_and_values_find_room() -> None:
    rng = np.random.default_rng(4)
    keys, values = rng.integers(1, 5_000, 40_000), rng.integers(1, 50, 40_000)
    opened = OpenBucket(distinct=True)
    opened.add(CountRows(np.arange(keys.size), np.arange(keys.size) + 1, keys, values=values))
    made = opened.take()
    pairs = np.unique(keys * 100 + values) // 100
    assert made["key"].tolist() == np.unique(keys).tolist()
    assert made["count"].tolist() == np.bincount(pairs)[np.unique(keys)].tolist()


def test_the_group_of_a_series_is_looked_up_of_its_first_row() -> None:
    opened = OpenBucket(distinct=False)
    ones = np.ones(3, np.int64)
    rows = CountRows(np.arange(3), ones, np.array([7, 7, 8]), groups=5 * ones, sought=np.array([1, 2, 3]))
    opened.add(rows, peers=PeerMap({1: "server", 2: "kiosk"}))
    assert opened.take()["group"].tolist() == [hash_text("server"), 5]
