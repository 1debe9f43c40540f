"""Appending: every event once, whatever is given twice, in whatever order, with whatever interruptions."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarebit.core.errors import InputError, StateError
from rarebit.core.fields import ID, ID_CODE, TIME
from rarebit.core.time import DAY_US, parse_time
from rarebit.lake import AppendResult, Lake, LakeWriter
from rarebit.lake.log import DeltaLog

MakeEvents = Callable[..., pa.Table]
START = parse_time("2026-11-20")

_rows = st.lists(
    st.tuples(st.integers(0, 2).map(lambda day: START + day * DAY_US + 5), st.integers(0, 25)), max_size=15
)


def _content(lake: Lake) -> list[tuple[str, str]]:
    found = lake.events(where="TRUE", columns=["day", ID])
    return list(zip(found.column("day").to_pylist(), found.column(ID).to_pylist(), strict=True))


def _expected(batches: list[list[tuple[int, int]]]) -> list[tuple[str, str]]:
    unique = {(at, number) for rows in batches for at, number in rows}
    return sorted((f"2026-11-{20 + (at - START) // DAY_US}", f"id-{number}") for at, number in unique)


@settings(max_examples=12, deadline=None)
@given(
    batches=st.lists(_rows, max_size=5),
    seed=st.randoms(),
    limit=st.integers(1, 30),
    memory=st.sampled_from([1, 1 << 30]),
)
def test_the_same_rows_whatever_comes_twice_in_whatever_order_across_restarts(
    make_events: MakeEvents, batches: list[list[tuple[int, int]]], seed: random.Random, limit: int, memory: int
) -> None:
    with TemporaryDirectory() as folder, Lake(Path(folder)) as lake:
        new = 0
        again = [*batches]
        for _ in range(2):
            with LakeWriter(DeltaLog(lake.path), flush_rows=limit, seen_bytes=memory) as writer:
                for rows in again:
                    result = writer.append(make_events(rows))
                    assert result.given == result.new + result.duplicate
                    new += result.new
            seed.shuffle(again)
        assert sorted(_content(lake)) == _expected(batches)
        assert new == lake.summary().events == len(_expected(batches))


def test_append_counts_new_duplicate_and_rejected(lake: Lake, make_events: MakeEvents) -> None:
    table = make_events([(START, 1), (START, 1), (START + 1, 2), (START + 2, 3), (START + 3, 4), (START + 4, 5)])
    times = [START, START, None, parse_time("1500-01-01"), START + 3, START + 4]
    codes = table.column(ID_CODE).to_pylist()
    broken = table.set_column(0, TIME, pa.array(times, pa.timestamp("us", "UTC")))
    broken = broken.set_column(table.schema.get_field_index(ID_CODE), ID_CODE, pa.array([*codes[:4], 0, None]))
    with lake.writer() as writer:
        assert writer.append(broken) == AppendResult(given=6, new=1, duplicate=1, rejected=4)
        assert writer.append(table) == AppendResult(given=6, new=4, duplicate=2, rejected=0)
        assert writer.append(table.slice(0, 0)) == AppendResult(given=0, new=0, duplicate=0, rejected=0)
    assert lake.summary().events == 5


def test_batches_may_lack_columns_and_hold_dictionaries(lake: Lake, make_events: MakeEvents) -> None:
    table = make_events([(START + n, n) for n in range(4)])
    host = table.column("host.name").dictionary_encode()
    narrow = pa.table(
        {"host.name": host, ID_CODE: table.column(ID_CODE), TIME: table.column(TIME), ID: table.column(ID)}
    )
    with lake.writer() as writer:
        for batch in narrow.to_batches(max_chunksize=2):
            writer.append(batch)
        writer.append(make_events([(START + 9, 9)]))
    assert lake.events(where="TRUE").column("host.name").to_pylist() == ["WS0", "WS1", "WS2", "WS0", "WS0"]


def test_what_does_not_fit_the_schema_is_an_input_error_and_nothing_is_taken(
    lake: Lake, make_events: MakeEvents
) -> None:
    table = make_events([(START, 1)])
    at = table.schema.get_field_index("winlog.record_id")
    torn = pa.StringArray.from_buffers(1, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff"))
    with lake.writer() as writer:
        for wrong in (
            table.append_column("nobody", pa.array(["x"])),
            table.drop_columns([ID_CODE]),
            table.set_column(at, "winlog.record_id", pa.array(["x"])),
            table.set_column(at, "winlog.record_id", pa.array([{"a": 1}])),
            table.set_column(0, TIME, pa.array(["yesterday"])),
            table.set_column(table.schema.get_field_index("message"), "message", torn),
        ):
            with pytest.raises(InputError):
                writer.append(wrong)
        assert writer.append(table).new == 1


def test_a_large_batch_is_taken_whole(lake: Lake, make_events: MakeEvents) -> None:
    count = 300_000
    table = pa.table(
        {
            TIME: pa.array(range(START, START + count)).cast(pa.timestamp("us", "UTC")),
            ID: pa.array(map(str, range(count))),
            ID_CODE: pa.array(range(1, count + 1)),
        }
    )
    with lake.writer() as writer:
        assert writer.append(table).new == count
        assert writer.append(table).duplicate == count
        assert writer.append(make_events([(START, 1)])).new == 1
    assert lake.summary().events == count + 1


def test_ids_dropped_for_want_of_memory_are_read_anew_and_counted(lake: Lake, make_events: MakeEvents) -> None:
    days = [make_events([(START + day * DAY_US + n, n) for n in range(9)]) for day in range(2)]
    with LakeWriter(DeltaLog(lake.path), seen_bytes=1) as writer:
        assert [writer.append(days[turn % 2]).new for turn in range(4)] == [9, 9, 0, 0]
        assert writer.reloads == 2
    assert lake.summary().events == 18


def test_versions_rise_only_when_rows_come(lake: Lake, make_events: MakeEvents) -> None:
    with lake.writer() as writer:
        assert writer.commit() == -1
        writer.append(make_events([(START, 1)]))
        first = writer.commit()
        writer.append(make_events([(START, 1)]))
        assert writer.commit() == first == lake.version()
        writer.append(make_events([(START, 2)]))
        assert writer.commit() == first + 1


def test_an_error_in_the_block_drops_what_was_not_committed(lake: Lake, make_events: MakeEvents) -> None:
    def work() -> None:
        with lake.writer() as writer:
            writer.append(make_events([(START, 1)]))
            writer.commit()
            writer.append(make_events([(START, 2)]))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert lake.summary().events == 1
    with lake.writer() as writer:
        assert writer.append(make_events([(START, 2)])).new == 1


def test_a_closed_writer_says_so(lake: Lake, make_events: MakeEvents) -> None:
    with lake.writer() as writer:
        pass
    with pytest.raises(StateError, match="closed"):
        writer.append(make_events([(START, 1)]))
    with pytest.raises(StateError, match="closed"):
        writer.commit()


def test_there_is_one_writer(lake: Lake, make_events: MakeEvents) -> None:
    with lake.writer() as writer:
        writer.append(make_events([(START, 1)]))
        writer.commit()
        for second in (lake.writer, Lake(lake.path).writer, lake.compact, lambda: lake.retain(days=1, now_us=START)):
            with pytest.raises(StateError, match=f"process {os.getpid()} is already writing here"):
                second()
        assert lake.summary().events == 1
    lake.compact()


def test_another_program_that_writes_is_noticed(lake: Lake, make_events: MakeEvents) -> None:
    with lake.writer() as writer:
        writer.append(make_events([(START, 1)]))
        writer.commit()
        log = DeltaLog(lake.path)
        snapshot = log.snapshot()
        log.commit(add=[], remove=snapshot.files, expected_version=snapshot.version + 1)
        with pytest.raises(StateError, match="another program"):
            log.commit(add=[], expected_version=snapshot.version + 1)


def test_a_place_that_cannot_be_written_is_a_state_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot be written"):
        Lake(tmp_path / "file" / "lake").writer()


def test_compaction_leaves_the_same_rows_in_one_file_a_day(lake: Lake, make_events: MakeEvents) -> None:
    with lake.writer() as writer:
        for start in range(3):
            writer.append(
                make_events([(START + day * DAY_US + n, 10 * n + day) for day in range(2) for n in range(start, 9, 3)])
            )
            writer.commit()
    before = lake.events(where="TRUE")
    report = lake.compact(before_day="2026-11-21")
    assert (report.days, report.files_before, report.files_after, report.version) == (1, 3, 1, lake.version())
    assert lake.summary().files == 4
    assert lake.compact().days == 1
    assert lake.compact().days == 0
    assert lake.events(where="TRUE").equals(before)


def test_retention_drops_whole_days(lake: Lake, make_events: MakeEvents) -> None:
    with lake.writer() as writer:
        writer.append(make_events([(START + day * DAY_US, day) for day in range(4)]))
    now = START + 3 * DAY_US + 1
    assert lake.retain(days=2, now_us=now) == ["2026-11-20"]
    assert lake.retain(days=2, now_us=now) == []
    assert list(lake.summary().days) == ["2026-11-21", "2026-11-22", "2026-11-23"]
    with lake.writer() as writer:
        assert writer.append(make_events([(START, 0), (START + DAY_US, 1)])).new == 1


def _child(work: str, lake: Lake, marks: Path) -> subprocess.Popen[bytes]:
    marks.mkdir()
    script = Path(__file__).with_name("lake_child.py")
    return subprocess.Popen([sys.executable, script, work, lake.path, marks])  # noqa: S603 - our own script


def _run_and_kill(work: str, lake: Lake, marks: Path, delay: float) -> None:
    with _child(work, lake, marks) as child:
        while child.poll() is None and not any(marks.iterdir()):
            time.sleep(0.002)
        time.sleep(delay)
        assert child.poll() is None
        child.kill()


@pytest.mark.parametrize("delay", [0.0, 0.031, 0.117])
def test_kill_while_committing_loses_and_doubles_nothing(
    lake: Lake, tmp_path: Path, make_events: MakeEvents, delay: float
) -> None:
    marks = tmp_path / "marks"
    _run_and_kill("append", lake, marks, delay)
    promised = max(int(path.read_text() or 0) for path in marks.iterdir())
    found = lake.summary().events
    assert promised <= found <= promised + 50
    assert len(set(_content(lake))) == found
    with lake.writer() as writer:
        writer.append(make_events([(START + n % 2 * DAY_US + n, n) for n in range(450)]))
    assert len(set(_content(lake))) == lake.summary().events == max(found, 450)


@pytest.mark.parametrize("delay", [0.02, 0.09, 0.15])
def test_kill_while_compacting_loses_and_doubles_nothing(
    lake: Lake, tmp_path: Path, make_events: MakeEvents, delay: float
) -> None:
    rows = [(START + n % 2 * DAY_US + n, n) for n in range(60)]
    with lake.writer() as writer:
        for start in range(4):
            writer.append(make_events(rows[start::4]))
            writer.commit()
    _run_and_kill("compact", lake, tmp_path / "marks", delay)
    content = _content(lake)
    assert len(content) == len(set(content)) == lake.summary().events
    assert set(_expected([rows])) <= set(content)
    lake.compact()
    assert sorted(_content(lake)) == sorted(content)
    assert lake.summary().files == 2


def test_a_full_disk_is_a_state_error_and_leaves_the_lake_whole(
    lake: Lake, tmp_path: Path, make_events: MakeEvents
) -> None:
    with lake.writer() as writer:
        writer.append(make_events([(START, 1)]))
    with _child("fill", lake, tmp_path / "marks") as child:
        assert child.wait(60) == 0
    assert "cannot be written" in (tmp_path / "marks" / "outcome").read_text()
    assert _content(lake) == [("2026-11-20", "id-1")]
    assert len(list(lake.path.rglob("*.parquet"))) == 1
