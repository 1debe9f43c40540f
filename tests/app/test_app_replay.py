"""Replay equals live: however the same events come, the same findings come out, bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import orjson
import pyarrow as pa
import pytest

from rarebit.app.home import Home
from rarebit.app.jobs import default_jobs, planned
from rarebit.app.run import RunOptions, group_names, run
from rarebit.core.job import Job
from rarebit.core.result import Record
from rarebit.core.time import parse_time
from rarebit.detect.records import materialise
from rarebit.detect.scan import feed, request
from rarebit.detect.stream import JobStream

OpenHome = Callable[[Path], AbstractContextManager[Home]]
OPTIONS = RunOptions(learn_until_us=parse_time("2026-10-08T00:00:00Z"))
LATER = ("expected_per_week", "expected_per_week_low", "expected_per_week_high", "record_score")
"""Fields of the latest fit: equal only where the last fit is."""


def _records(path: Path, open_home: OpenHome) -> dict[str, dict[str, Any]]:
    with open_home(path) as home:
        return {record.id: msgspec.to_builtins(record) for record in home.store.list_records()}


def _first_said(records: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {key: {name: value for name, value in each.items() if name not in LATER} for key, each in records.items()}


def test_order_and_cut_of_files_do_not_matter(ran: Path, fleet: Path, tmp_path: Path, open_home: OpenHome) -> None:
    lines = [line for file in sorted((fleet / "events").iterdir()) for line in file.read_bytes().splitlines()]
    lines = [lines[at] for at in np.random.default_rng(5).permutation(len(lines))]
    parts = [tmp_path / f"{number}.ndjson" for number in (3, 1, 2)]
    for number, part in enumerate(parts):
        part.write_bytes(b"\n".join(lines[number::3]) + b"\n")
    with open_home(tmp_path / "home") as home:
        home.import_assets(fleet / "assets.csv")
        run(home, parts, OPTIONS)
        shuffled = msgspec.to_builtins(home.store.list_cases())
    assert _records(tmp_path / "home", open_home) == _records(ran, open_home)
    with open_home(ran) as home:
        assert shuffled == msgspec.to_builtins(home.store.list_cases())


def _tables(home: Home, streams: Sequence[JobStream]) -> list[pa.Table]:
    asked = request([stream.plan for stream in streams])
    return list(home.lake.scan(columns=asked.columns, where=asked.where, since_version=None))


def _found(home: Home, streams: Sequence[JobStream]) -> list[Record]:
    names = group_names(home)
    return [
        record
        for stream in streams
        for index in range(len(stream.groups))
        for record in materialise(stream, index, home.lake.join, names).records
    ]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_batches_may_be_cut_anywhere_and_state_saved_between(ran_copy: Path, open_home: OpenHome, seed: int) -> None:
    chance = np.random.default_rng(seed)
    with open_home(ran_copy) as home:
        plans = [planned(home, job) for job in default_jobs(home)]
        for plan in plans:
            home.store.put_position(plan.job.job_id, -1, 0, "none")
        streams = [_stream(home, plan.job) for plan in plans]
        table = pa.concat_tables(_tables(home, streams))
        whole = [_stream(home, plan.job) for plan in plans]
        list(feed(whole, [table]))
        cuts = sorted({0, table.num_rows, *chance.integers(table.num_rows, size=12).tolist()})
        found: list[Record] = []
        for begin, end in pairwise(cuts):
            list(feed(streams, [table.slice(begin, end - begin)]))
            if chance.random() < 0.6:
                found += _found(home, streams)
                states = [stream.to_state() for stream in streams]
                streams = [_stream(home, plan.job).load_state(s) for plan, s in zip(plans, states, strict=True)]
        found += _found(home, streams)
        _assert_same(found, _found(home, whole))
        for stream, undisturbed in zip(streams, whole, strict=True):
            ours, theirs = stream.to_state(), undisturbed.to_state()
            assert ours.keys() == theirs.keys()
            assert [name for name in ours if not np.array_equal(ours[name], theirs[name], equal_nan=True)] == []


def _stream(home: Home, job: Job) -> JobStream:
    return JobStream(planned(home, job), learn_until_us=OPTIONS.learn_until_us or 0)


def _assert_same(found: Sequence[Record], expected: Sequence[Record]) -> None:
    ours = {record.id: msgspec.to_builtins(record) for record in found}
    theirs = {record.id: msgspec.to_builtins(record) for record in expected}
    assert ours.keys() == theirs.keys()
    for key, record in _first_said(theirs).items():
        assert _first_said(ours)[key] == record


def _daily(fleet: Path, _: Path) -> list[Path]:
    return sorted((fleet / "events").iterdir())


def _hours_of_any_day(fleet: Path, folder: Path) -> list[Path]:
    """The events in order of time, cut in the middle of hours."""
    lines = [line for file in _daily(fleet, folder) for line in file.read_bytes().splitlines()]
    lines.sort(key=lambda line: str(orjson.loads(line)["@timestamp"]))
    cuts = sorted({0, len(lines), *np.random.default_rng(9).integers(len(lines), size=9).tolist()})
    parts = []
    for begin, end in pairwise(cuts):
        parts.append(folder / f"{begin:06}.ndjson")
        parts[-1].write_bytes(b"\n".join(lines[begin:end]))
    return parts


@pytest.mark.parametrize("cut", [_daily, _hours_of_any_day])
def test_several_runs_give_the_records_of_one(
    cut: Callable[[Path, Path], list[Path]], ran: Path, fleet: Path, tmp_path: Path, open_home: OpenHome
) -> None:
    """The learning period is fixed by --learn-until; left to itself it grows with the history known at each run."""
    with open_home(tmp_path / "home") as home:
        home.import_assets(fleet / "assets.csv")
    for part in cut(fleet, tmp_path):
        with open_home(tmp_path / "home") as home:
            run(home, [part], OPTIONS)
    ours, theirs = _records(tmp_path / "home", open_home), _records(ran, open_home)
    assert _first_said(ours) == _first_said(theirs)
    later = [(ours[key]["expected_per_week"], theirs[key]["expected_per_week"]) for key in ours]
    assert [ours for ours, theirs in later] == pytest.approx([theirs for ours, theirs in later], rel=0.05)
    with open_home(tmp_path / "home") as home, open_home(ran) as undisturbed:
        assert [case.id for case in home.store.list_cases("open")] == [
            case.id for case in undisturbed.store.list_cases("open")
        ]
        assert _buckets(home) == _buckets(undisturbed)


def _buckets(home: Home) -> dict[tuple[str, str], tuple[float, int, int]]:
    """What was first said of each bucket, and how many events and records it has."""
    return {
        (each.job_id, each.timestamp): (each.initial_anomaly_score, each.event_count, each.record_count)
        for each in home.store.buckets.buckets()
    }
