"""Tables of records: found again, the same however they grew, exact on disk."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarebit.model.tables import (
    BURST,
    ENTITY,
    PAIR,
    PEER,
    VALUE,
    Table,
    columns_of,
    empty,
    rows_from,
    rows_of,
    slot_of,
    table_of,
)

KINDS = (PAIR, BURST, VALUE, PEER, ENTITY)
keys = st.lists(st.integers(-(2**63), 2**63 - 1).filter(bool), unique=True, max_size=200)


def filled(dtype: np.dtype[Any], some: list[int]) -> Table:
    """Rows with a different value in every field."""
    rows = np.zeros(len(some), dtype)
    rng = np.random.default_rng(len(some))
    for name in dtype.names or ():
        rows[name] = some if name == "key" else rng.integers(0, 1 << 30, len(some)).astype(dtype[name])
    return rows


@pytest.mark.parametrize("dtype", KINDS)
@settings(deadline=None)
@given(some=keys)
def test_rows_come_back_sorted(dtype: np.dtype[Any], some: list[int]) -> None:
    rows = filled(dtype, some)
    table = table_of(rows)
    assert table.size & (table.size - 1) == 0
    assert table.size >= max(16, 2 * rows.size)
    assert rows_of(table).tobytes() == rows[np.argsort(rows["key"])].tobytes()


@settings(deadline=None)
@given(some=keys, capacity=st.sampled_from([0, 3, 64, 5000]))
def test_growth_changes_nothing(some: list[int], capacity: int) -> None:
    rows = filled(PAIR, some)
    small, large = table_of(rows), table_of(rows_of(table_of(rows)), capacity)
    assert large.size >= capacity
    assert rows_of(large).tobytes() == rows_of(small).tobytes()
    for row in rows:
        assert large[slot_of(large, row["key"])] == row


@settings(deadline=None)
@given(some=keys, absent=st.integers(1, 2**40))
def test_what_is_not_there_has_an_empty_slot(some: list[int], absent: int) -> None:
    table = table_of(filled(PAIR, [key for key in some if key != absent]))
    assert table[slot_of(table, np.int64(absent))]["key"] == 0


@pytest.mark.parametrize("dtype", KINDS)
def test_snapshot_is_exact(dtype: np.dtype[Any]) -> None:
    rows = rows_of(table_of(filled(dtype, [5, -7, 2**62, -(2**63), 1])))
    state = columns_of("x", rows)
    assert sorted(state) == sorted(f"x.{name}" for name in dtype.names or ())
    assert all(array.dtype.kind in "if" and array.flags.c_contiguous for array in state.values())
    assert rows_from("x", dtype, state).tobytes() == rows.tobytes()


def test_an_empty_table_has_room() -> None:
    assert empty(PAIR, 1).size == 16
    assert empty(PAIR, 1025).size == 2048
    assert rows_of(empty(PAIR)).size == 0
    assert rows_from("x", PAIR, columns_of("x", rows_of(empty(PAIR)))).size == 0
