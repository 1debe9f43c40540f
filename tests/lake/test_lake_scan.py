"""Scans give every event once, in exact order, whatever the files."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarebit.core.fields import ID_CODE, TIME
from rarebit.core.time import DAY_US, parse_time
from rarebit.lake import Lake
from rarebit.lake.log import DataFile, DeltaLog
from rarebit.lake.merge import merged
from rarebit.lake.scan import MOST_SEGMENTS, segments

MakeEvents = Callable[..., pa.Table]
START = parse_time("2026-11-20")
PLACE = {"at": f'epoch_us("{TIME}")', "code": f'"{ID_CODE}"', "number": '"winlog.record_id"'}

_event = st.tuples(
    st.integers(START, START + 40) | st.integers(START + DAY_US - 3, START + DAY_US + 3), st.integers(0, 60)
)


def _scan(lake: Lake, **limits: int) -> list[tuple[int, int]]:
    tables = list(lake.scan(columns=PLACE, **limits))  # type: ignore[arg-type]
    return [(row["at"], row["code"]) for table in tables for row in table.to_pylist()]


def _kept(rows: list[tuple[int, int]]) -> list[tuple[int, int]]:
    first: dict[tuple[int, int], int] = {}
    for at, number in rows:
        first.setdefault((at // DAY_US, number), at)
    return [(at, number) for (_, number), at in first.items()]


@settings(max_examples=12, deadline=None)
@given(commits=st.lists(st.lists(_event, min_size=1, max_size=12), min_size=1, max_size=5), data=st.data())
def test_scan_is_in_exact_order_over_overlapping_files(
    make_events: MakeEvents, commits: list[list[tuple[int, int]]], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder, Lake(Path(folder)) as lake:
        with lake.writer() as writer:
            for rows in commits:
                writer.append(make_events(rows))
                writer.commit()
        kept = make_events(_kept([row for rows in commits for row in rows]))
        times, codes = kept.column(TIME).cast(pa.int64()).to_pylist(), kept.column(ID_CODE).to_pylist()
        expected = sorted(zip(times, codes, strict=True))
        assert _scan(lake) == expected
        start = data.draw(st.integers(START - 2, START + DAY_US + 5))
        end = data.draw(st.integers(start, START + DAY_US + 5))
        assert _scan(lake, start_us=start, end_us=end) == [row for row in expected if start <= row[0] < end]
        lake.compact()
        assert _scan(lake) == expected
        assert lake.summary().files == len({at // DAY_US for at in times})


@settings(max_examples=8, deadline=None)
@given(commits=st.lists(st.lists(_event, min_size=1, max_size=6), min_size=2, max_size=5))
def test_since_version_gives_what_came_later_also_after_compaction(
    make_events: MakeEvents, commits: list[list[tuple[int, int]]]
) -> None:
    with TemporaryDirectory() as folder, Lake(Path(folder)) as lake:
        seen: list[tuple[int, list[tuple[int, int]]]] = []
        with lake.writer() as writer:
            for rows in commits:
                writer.append(make_events(rows))
                seen.append((writer.commit(), []))
                seen[-1][1].extend(_scan(lake))
        everything = seen[-1][1]
        for _ in range(2):
            for version, before in seen:
                assert _scan(lake, since_version=version) == [row for row in everything if row not in before]
                assert _scan(lake, until_version=version) == before
            lake.compact()


_span = st.tuples(st.integers(0, 40), st.integers(0, 12))


@given(spans=st.lists(_span, max_size=14))
def test_segments_hold_every_moment_of_every_file_once_and_sort_no_more_than_they_must(
    spans: list[tuple[int, int]],
) -> None:
    files = [
        DataFile(path=str(n), day="d", rows=1, size=1, first_us=a, last_us=a + length, first_version=0, last_version=0)
        for n, (a, length) in enumerate(spans)
    ]
    cut = list(segments(files))
    assert all(one.end_us <= two.start_us for one, two in pairwise(cut))
    for moment in range(60):
        active = {f.path for f in files if f.first_us <= moment <= f.last_us}
        inside = [s for s in cut if s.start_us <= moment < s.end_us]
        assert len(inside) <= 1
        if active:
            assert active <= {f.path for f in inside[0].files}
            assert inside[0].overlap or len(active) == 1


def test_files_that_touch_are_read_without_sorting() -> None:
    files = [
        DataFile(
            path=str(n), day="d", rows=1, size=1, first_us=n * 10, last_us=n * 10 + 9, first_version=0, last_version=0
        )
        for n in range(100)
    ]
    assert [(s.overlap, len(s.files)) for s in segments(files[::-1])] == [(False, 100)]


def test_a_day_cut_too_fine_is_sorted_as_a_whole() -> None:
    files = [
        DataFile(
            path=str(n), day="d", rows=1, size=1, first_us=n * 10, last_us=n * 10 + 11, first_version=0, last_version=0
        )
        for n in range(MOST_SEGMENTS)
    ]
    (only,) = segments(files)
    assert only.overlap
    assert (only.start_us, only.end_us) == (0, files[-1].last_us + 1)


def test_order_does_not_follow_output_names(lake: Lake, make_events: MakeEvents) -> None:
    with lake.writer() as writer:
        for numbers in (range(0, 20, 2), range(1, 20, 2)):
            writer.append(make_events([(START + n, n) for n in numbers]))
            writer.commit()
    columns = {TIME: '-"winlog.record_id"', ID_CODE: "1"}
    assert pa.concat_tables(lake.scan(columns=columns)).column(TIME).to_pylist() == [-n for n in range(20)]


def test_many_rows_keep_their_order(lake: Lake, make_events: MakeEvents) -> None:
    rng = np.random.default_rng(5)
    base = make_events([(START + n, n) for n in range(400_000 // 200)])
    with lake.writer() as writer:
        for _ in range(200):
            codes = rng.integers(1, 1 << 62, base.num_rows)
            times = START + rng.integers(0, 500_000, base.num_rows)
            shuffled = base.set_column(0, TIME, pa.array(times).cast(pa.timestamp("us", "UTC")))
            writer.append(shuffled.set_column(base.schema.get_field_index(ID_CODE), ID_CODE, pa.array(codes)))
    found = pa.concat_tables(lake.scan(columns=PLACE))
    order = np.lexsort((found.column("code").to_numpy(), found.column("at").to_numpy()))
    assert found.num_rows == 400_000
    assert np.array_equal(order, np.arange(order.size))


def test_leaving_a_scan_early_ends_its_thread(
    lake: Lake, make_events: MakeEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rarebit.lake.scan.BATCH_ROWS", 1)
    with lake.writer() as writer:
        for day in range(6):
            writer.append(make_events([(START + day * DAY_US, day)]))
    scan = lake.scan(columns=PLACE)
    assert next(scan).column("number").to_pylist() == [0]
    scan.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name == "lake-reader"]
    assert len(_scan(lake)) == 6


def test_a_scan_sees_one_version_while_a_writer_commits(lake: Lake, make_events: MakeEvents) -> None:
    with lake.writer() as writer:
        for day in range(5):
            writer.append(make_events([(START + day * DAY_US + n, 10 * day + n) for n in range(10)]))
            writer.commit()
        scan = lake.scan(columns=PLACE)
        found = [next(scan).num_rows]
        writer.append(make_events([(START + day * DAY_US + n, 10 * day + n) for day in range(9) for n in range(20)]))
        writer.commit()
        found += [table.num_rows for table in scan]
    assert sum(found) == 50
    assert lake.summary().events > 50
    lake.compact()
    assert len(_scan(lake)) == lake.summary().events


def test_a_merge_of_large_files_keeps_every_row_in_order(lake: Lake, make_events: MakeEvents) -> None:
    rng = np.random.default_rng(7)
    with lake.writer() as writer:
        for first in range(3):
            numbers = range(first, 60_000, 3)
            # Few moments, so that many rows of several files have the same time.
            times = START + np.sort(rng.integers(0, 6, len(numbers))) * 1_000_000
            writer.append(make_events(list(zip(times.tolist(), numbers, strict=True))))
            writer.commit()
    files = DeltaLog(lake.path).snapshot().files
    tables = list(merged(lake.path, files, held_rows=5_000))
    found = [
        pair
        for table in tables
        for pair in zip(table.column(TIME).cast(pa.int64()).to_pylist(), table.column(ID_CODE).to_pylist(), strict=True)
    ]
    assert found == _scan(lake)
    assert len(set(found)) == 60_000


def test_a_long_list_of_values_leaves_the_order_of_many_files_alone(lake: Lake, make_events: MakeEvents) -> None:
    with lake.writer() as writer:
        for day in range(14):
            writer.append(make_events([(START + day * DAY_US + n, day * 3_000 + n) for n in range(3_000)]))
            writer.commit()
    hosts = ", ".join(f"'WS{n}'" for n in range(1, 30))
    columns = {"time": f'epoch_us("{TIME}")', "listed": f'"host.name" IS NOT NULL AND "host.name" IN ({hosts})'}
    for where in ("TRUE", f'NOT ("host.name" IN ({hosts}))'):
        times = np.concatenate([table.column("time").to_numpy() for table in lake.scan(columns=columns, where=where)])
        assert times.size
        assert np.all(np.diff(times) > 0)
