"""Rows cut at the ends of buckets: each once, in its bucket, or counted as late."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rarebit.model.cut import by_bucket

ROW = np.dtype([("key", "i8"), ("time_us", "i8")])


def test_late_rows_are_left_out_and_time_moves_on_without_a_key() -> None:
    rows = np.array([(1, 5), (0, 12), (2, 7), (3, 13)], ROW)
    late, parts = by_bucket(rows, 10, -1)
    assert late == 1
    assert [(bucket, part["key"].tolist()) for bucket, part in parts] == [(0, [1]), (1, [3])]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 100)), min_size=1, max_size=40),
    st.integers(1, 30),
    st.integers(-1, 5),
)
def test_every_row_is_in_the_bucket_that_was_open_when_it_came_or_late(
    rows: list[tuple[int, int]], span: int, bucket: int
) -> None:
    newest, late = bucket, 0
    expected: dict[int, list[tuple[int, int]]] = {}
    for key, time in rows:
        newest = max(newest, time // span)
        held = expected.setdefault(newest, [])
        if key and time // span < newest:
            late += 1
        elif key:
            held.append((key, time))
    found_late, parts = by_bucket(np.array(rows, ROW), span, bucket)
    assert found_late == late
    assert {at: part.tolist() for at, part in parts} == expected
