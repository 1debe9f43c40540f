"""Rows lie by host within blocks, and come back in order of time whatever is left out and however they are cut."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarebit.core.fields import CODED, ID_CODE, TIME
from rarebit.core.time import parse_time
from rarebit.lake import Lake
from rarebit.lake.compact import overlapping
from rarebit.lake.layout import BLOCK_ROWS, PLACE, blocks, restored
from rarebit.lake.log import DataFile

MakeEvents = Callable[..., pa.Table]
HOST = CODED["host.name"]
START = parse_time("2026-10-05")


@given(
    hosts=st.lists(st.integers(0, 4), min_size=1, max_size=60),
    most=st.integers(1, 20),
    cut=st.integers(1, 30),
    left_out=st.sets(st.integers(0, 59)),
)
def test_rows_come_back_in_order(hosts: list[int], most: int, cut: int, left_out: set[int]) -> None:
    table = pa.table({HOST: pa.array(hosts, pa.int64()), "number": pa.array(range(len(hosts)), pa.int64())})
    stored = pa.concat_tables(blocks(table, most=most))
    for begin in range(0, table.num_rows, most):
        of_block = stored.slice(begin, most).column(HOST).to_pylist()
        assert of_block == sorted(of_block)
    kept = stored.filter(pa.array([number not in left_out for number in stored.column("number").to_pylist()]))
    parts = (kept.slice(at, cut) for at in range(0, kept.num_rows, cut))
    back = [number for part in restored(parts) for number in part.column("number").to_pylist()]
    assert back == [number for number in range(len(hosts)) if number not in left_out]


def test_blocks_of_different_files_are_never_taken_for_one(make_events: MakeEvents) -> None:
    parts = [make_events([(START + 10 * part + n, 10 * part + n) for n in range(5)]) for part in range(4)]
    stored = pa.concat_tables([block for part in parts for block in blocks(part)])
    ordered = pa.concat_tables(restored([stored]))
    assert ordered.column("winlog.record_id").to_pylist() == sorted(ordered.column("winlog.record_id").to_pylist())


def test_files_lie_by_host_and_scans_give_time_order(lake: Lake, make_events: MakeEvents) -> None:
    with lake.writer() as writer:
        writer.append(make_events([(START + n, n) for n in range(1_000)]))
    path = next(Path(lake.path).glob("day=*/*.parquet"))
    codes = pq.ParquetFile(path).read([HOST]).column(0).to_numpy()
    assert np.all(np.diff(codes.astype(object)) >= 0)
    found = pa.concat_tables(lake.scan(columns={"at": f'epoch_us("{TIME}")', "code": f'"{ID_CODE}"'}))
    order = np.lexsort((found.column("code").to_numpy(), found.column("at").to_numpy()))
    assert np.array_equal(order, np.arange(1_000))


def test_compaction_in_rounds_gives_the_same_events(
    lake: Lake, make_events: MakeEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rarebit.lake.compact.MOST_HELD_ROWS", 40)
    with lake.writer() as writer:
        for part in range(11):
            writer.append(make_events([(START + 100 * n + part, 100 * n + part) for n in range(20)]))
            writer.commit()
    before = lake.events(where="TRUE")
    lake.compact()
    assert lake.summary().files == 1
    assert lake.events(where="TRUE").equals(before)
    listed = {str(Path(lake.path) / file.path) for file in lake._log.snapshot().files}
    written = {str(path) for path in Path(lake.path).glob("day=*/*.parquet")}
    assert listed <= written
    assert len(written - listed) == 11  # the files before; what the rounds made is gone


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(1, 2 * BLOCK_ROWS)), min_size=1))
def test_what_a_merge_must_hold(spans: list[tuple[int, int, int]]) -> None:
    files = [_file(first, first + length, rows) for first, length, rows in spans]
    moments = range(41)
    deepest = max(sum(min(f.rows, BLOCK_ROWS) for f in files if f.first_us <= at <= f.last_us) for at in moments)
    assert overlapping(files) == deepest


def _file(first: int, last: int, rows: int) -> DataFile:
    return DataFile(path="", day="", rows=rows, size=0, first_us=first, last_us=last, first_version=0, last_version=0)


def test_the_place_is_a_column_of_the_table_only(lake: Lake, make_events: MakeEvents) -> None:
    with lake.writer() as writer:
        writer.append(make_events([(START, 1)]))
    assert PLACE not in lake.events(where="TRUE").column_names
