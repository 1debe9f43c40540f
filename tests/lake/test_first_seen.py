"""The first-seen memory against a dictionary that is told every event once, whatever the cuts and the order."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rarebit.core.errors import InputError, StateError
from rarebit.core.fields import CODED, ID, ID_CODE, TIME
from rarebit.core.time import DAY_US, day_of, parse_time
from rarebit.lake import FirstSeen, Lake
from rarebit.lake.learn_sightings import Learner
from rarebit.lake.sightings import SIGHTING, aged, reduced, seen_between
from rarebit.lake.traits import SEPARATOR, registered
from rarebit.maths.hashing import hash_text

START = parse_time("2026-01-01")
_UTC = pa.timestamp("us", "UTC")
Event = tuple[int, str | None, str | None, str | None]
"""Time in microseconds since START, host, process, user."""


def _table(events: Sequence[Event], **columns: Sequence[object]) -> pa.Table:
    ids = [f"{at}-{host}-{process}-{user}-{number}" for number, (at, host, process, user) in enumerate(events)]
    hosts = [host for _, host, _, _ in events]
    given = {
        TIME: pa.array([START + at for at, *_ in events]).cast(_UTC),
        ID: ids,
        ID_CODE: pa.array([hash_text(text) for text in ids], pa.int64()),
        "host.name": pa.array(hosts, pa.string()),
        CODED["host.name"]: pa.array([hash_text(host) if host else 0 for host in hosts], pa.int64()),
        "process.name": pa.array([process for _, _, process, _ in events], pa.string()),
        "user.name": pa.array([user for *_, user in events], pa.string()),
    }
    return pa.table(given | columns)


def _append(lake: Lake, table: pa.Table) -> None:
    with lake.writer() as writer:
        writer.append(table)


def _told(events: Sequence[Event]) -> dict[str, tuple[int, int, int, int, int]]:
    """Process to first and last time, days, events and hosts."""
    held: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event[2]:
            held[event[2].lower()].append(event)
    return {
        process: (
            START + min(at for at, *_ in own),
            START + max(at for at, *_ in own),
            len({day_of(START + at) for at, *_ in own}),
            len(own),
            len({host for _, host, _, _ in own if host}),
        )
        for process, own in held.items()
    }


def _asked(memory: FirstSeen, values: Sequence[str]) -> dict[str, tuple[int, int, int, int, int]]:
    found = memory.lookup("process.name", values)
    times = [found.column(name).cast(pa.int64()).to_pylist() for name in ("first", "last")]
    counts = [found.column(name).to_pylist() for name in ("days", "events", "hosts")]
    return dict(zip(found.column("value").to_pylist(), zip(*times, *counts, strict=True), strict=True))


_EVENTS = st.lists(
    st.tuples(
        st.integers(0, 300 * DAY_US),
        st.sampled_from([None, "a", "b", "c"]),
        st.sampled_from([None, "cmd.exe", "CMD.exe", "x", "y"]),
        st.sampled_from([None, "u"]),
    ),
    max_size=40,
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=_EVENTS, cuts=st.lists(st.integers(0, 40), max_size=3), seed=st.integers(0, 99), compacts=st.booleans())
def test_memory_is_what_a_dictionary_would_hold(
    events: list[Event], cuts: list[int], seed: int, compacts: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("memory")
    table = _table(events)
    order = np.random.default_rng(seed).permutation(len(events))
    with Lake(folder / "lake") as lake:
        edges = sorted({0, len(events), *(cut for cut in cuts if cut < len(events))})
        for at, end in pairwise(edges):
            _append(lake, table.take(pa.array(order[at:end], pa.int64())))
            FirstSeen(folder / "seen").update(lake)  # each time as a new process would
            if compacts:
                lake.compact()
        memory = FirstSeen(folder / "seen")
        memory.update(lake)
        memory.update(lake)
        told = _told(events)
        assert _asked(memory, ["cmd.exe", "x", "y", "never"]) == told
        for process in told:
            hosts = memory.where("process.name", process.upper())
            own = [event for event in events if (event[2] or "").lower() == process]
            assert dict(zip(hosts.column("host").to_pylist(), hosts.column("events").to_pylist(), strict=True)) == {
                host: sum(event[1] == host for event in own) for host in {event[1] for event in own}
            }


@given(st.permutations(range(30)))
@settings(max_examples=20, deadline=None)
def test_rows_add_up_in_any_order_even_where_hosts_share_half_their_code(order: list[int]) -> None:
    rows = np.zeros(30, SIGHTING)
    rows["code"] = np.arange(30) // 10
    rows["host"] = np.where(np.arange(30) % 3 == 0, (5 << 32) + 1, (5 << 32) + 2)
    rows["era"] = np.arange(30) % 2
    rows["first_us"] = rows["last_us"] = np.arange(30)
    rows["events"] = 1
    rows["days0"] = np.uint64(1) << (np.arange(30, dtype=np.uint64) % np.uint64(7))
    whole = reduced(rows)
    assert whole.size == 12
    assert whole["events"].sum() == 30
    assert np.array_equal(reduced(rows[order]), whole)
    assert np.array_equal(reduced(np.concatenate([reduced(rows[order[:11]]), rows[order[11:]]])), whole)


def test_a_value_not_seen_for_a_year_is_forgotten_and_its_stale_hosts_leave_its_first_time() -> None:
    rows = np.zeros(3, SIGHTING)
    rows["code"], rows["host"] = [1, 1, 2], [7, 8, 7]
    rows["first_us"], rows["last_us"], rows["events"] = [10, 200, 5], [50, 300, 60], 1
    left, gone = aged(reduced(rows), 100)
    assert gone == 1
    assert left["code"].tolist() == [1, 1]
    assert sorted(left["host"].tolist()) == [0, 8]
    assert left["first_us"].min() == 10


@given(st.integers(20_000, 20_800), st.integers(0, 400), st.integers(0, 400))
@settings(max_examples=60, deadline=None)
def test_days_between(day: int, before: int, after: int) -> None:
    from rarebit.lake.sightings import of_day

    one = np.ones(1, np.int64)
    rows = of_day(0, one, one, day, (one, one, one))
    low, high = np.array([day - before]), np.array([day - before + after])
    assert seen_between(rows, low, high)[0] == (low[0] <= day < high[0])


def test_memory_outlives_the_events(lake: Lake, tmp_path: Path) -> None:
    memory = FirstSeen(tmp_path / "seen")
    _append(lake, _table([(0, "a", "evil.exe", None), (DAY_US, "b", "cmd.exe", None)]))
    memory.update(lake)
    _append(lake, _table([(60 * DAY_US, "b", "cmd.exe", None)]))
    memory.update(lake)
    assert lake.retain(days=30, now_us=START + 60 * DAY_US) == ["2026-01-01", "2026-01-02"]
    assert not lake.has_since(memory.report().version)
    report = memory.update(lake)
    assert report.version == lake.version()
    assert _asked(memory, ["evil.exe", "cmd.exe"]) == {
        "evil.exe": (START, START, 1, 1, 1),
        "cmd.exe": (START + DAY_US, START + 60 * DAY_US, 2, 2, 1),
    }
    _append(lake, _table([(400 * DAY_US, "b", "other.exe", None)]))
    report = memory.update(lake)
    assert _asked(memory, ["evil.exe", "cmd.exe"]) == {"cmd.exe": (START + DAY_US, START + 60 * DAY_US, 2, 2, 1)}
    assert report.forgotten == 2  # the process on its host, and the host itself


def test_a_clock_that_runs_ahead_makes_nothing_forgotten(lake: Lake, tmp_path: Path) -> None:
    memory = FirstSeen(tmp_path / "seen")
    usual: list[Event] = [(n, "a", "cmd.exe", None) for n in range(2_000)]
    _append(lake, _table([*usual, (3_000 * DAY_US, "b", "ahead.exe", None)]))
    assert memory.update(lake).forgotten == 0
    assert set(_asked(memory, ["cmd.exe", "ahead.exe"])) == {"cmd.exe", "ahead.exe"}


def test_size_is_bounded_and_what_it_costs_is_counted(lake: Lake, tmp_path: Path) -> None:
    memory = FirstSeen(tmp_path / "seen", most_bytes=150_000)
    _append(lake, _table([(n * 60_000_000, f"h{n % 7}", f"p{n}.exe", None) for n in range(10_000)]))
    report = memory.update(lake)
    assert report.bytes <= 150_000
    assert report.evicted > 1_000
    assert memory.lookup("process.name", ["p0.exe"]).num_rows == 0
    assert memory.lookup("process.name", ["p9999.exe"]).num_rows == 1


def test_a_million_indicators_name_their_rows(lake: Lake, tmp_path: Path) -> None:
    memory = FirstSeen(tmp_path / "seen")
    names = ["a.evil.example", "EVIL.example.", "good.example", "notevil.example"]
    _append(lake, _table([(n, "a", None, None) for n in range(4)], **{"dns.question.name": names}))
    memory.update(lake)
    wanted = pa.table(
        {
            "field": ["dns.question.name", "dns.question.name", "dns.question.name", "no.such.field", "process.name"],
            "value": ["evil.example", "x.example", "evil.example", "evil.example", "evil.example"],
        }
    )
    exact = memory.join(wanted)
    assert exact.select(["row", "value"]).to_pylist() == [
        {"row": 0, "value": "evil.example"}, {"row": 2, "value": "evil.example"}
    ]  # fmt: skip
    below = memory.join(wanted, below=True)
    assert [(row["row"], row["value"]) for row in below.to_pylist()] == [
        (0, "a.evil.example"), (0, "evil.example"), (2, "a.evil.example"), (2, "evil.example")
    ]  # fmt: skip
    assert memory.matching("dns.question.name", "*.evil.example") == ["a.evil.example", "evil.example"]
    assert memory.matching("dns.question.name", "?ood.*") == ["good.example"]
    assert _values(memory, "dns.question.registered_domain", "evil.example") == [("evil.example", 2)]


def _values(memory: FirstSeen, field: str, value: str) -> list[tuple[str, int]]:
    found = memory.lookup(field, [value])
    return list(zip(found.column("value").to_pylist(), found.column("events").to_pylist(), strict=True))


def test_registered_domains() -> None:
    names = pa.array(["a.b.co.uk", "x.y.internal", "10.1.2.3", "host", "co.uk", None])
    assert registered(names).to_pylist() == ["b.co.uk", "y.internal", None, None, "co.uk", None]


def test_lists_and_combinations(lake: Lake, tmp_path: Path) -> None:
    memory = FirstSeen(tmp_path / "seen")
    addresses = [["10.0.0.1", "10.0.0.2"], None]
    events: list[Event] = [(0, "a", "cmd.exe", "ann"), (1, None, "cmd.exe", "bob")]
    _append(lake, _table(events, **{"dns.resolved_ip": pa.array(addresses, pa.list_(pa.string()))}))
    memory.update(lake)
    assert _values(memory, "dns.resolved_ip", "10.0.0.2") == [("10.0.0.2", 1)]
    with pytest.raises(InputError, match="not remembered"):
        memory.lookup("user.name+process.name", ["x"])
    memory.remember(["host.name", "user.name", "process.name"])
    assert memory.update(lake).traits[-1] == "user.name+process.name"  # what the lake still holds of it, too
    pair = SEPARATOR.join(["ann", "cmd.exe"])
    assert _values(memory, "user.name+process.name", pair) == [(pair, 1)]


def test_new_terms(lake: Lake, tmp_path: Path) -> None:
    memory = FirstSeen(tmp_path / "seen")
    events: list[Event] = [
        (0, "a", "cmd.exe", None),
        (5, "b", "cmd.exe", None),
        (9, "a", "cmd.exe", None),
        (40 * DAY_US, "a", "cmd.exe", None),
        (40 * DAY_US + 1, "a", "cmd.exe", None),
        (40 * DAY_US + 2, "b", None, None),
    ]
    table = _table(events)
    _append(lake, table)
    memory.update(lake)
    assert memory.new_since(["process.name"], table).tolist() == [True, False, False, False, False, False]
    by_host = ["host.name", "process.name"]
    assert memory.new_since(by_host, table).tolist() == [True, True, False, False, False, False]
    assert memory.new_since(by_host, table, history_days=7).tolist() == [True, True, False, True, False, False]
    assert memory.new_since(by_host, table, history_days=60).tolist() == [True, True, False, False, False, False]


def test_another_lake_begins_anew(tmp_path: Path) -> None:
    memory = FirstSeen(tmp_path / "seen")
    for name, process in (("one", "x"), ("two", "y")):
        with Lake(tmp_path / name) as lake:
            _append(lake, _table([(0, "a", process, None)]))
            assert memory.update(lake).begun_anew == (name == "two")
    assert set(_asked(memory, ["x", "y"])) == {"y"}


def test_damage_is_named_and_rebuilt(lake: Lake, tmp_path: Path) -> None:
    _append(lake, _table([(0, "a", "x", None)]))
    FirstSeen(tmp_path / "seen").update(lake)
    (tmp_path / "seen" / "memory.json").write_text("{")
    memory = FirstSeen(tmp_path / "seen")
    with pytest.raises(StateError, match=r"damaged.*\n?.*--rebuild"):
        memory.update(lake)
    memory.update(lake, rebuild=True)
    assert set(_asked(memory, ["x"])) == {"x"}


def test_rows_beyond_what_is_held_are_written_in_parts(lake: Lake, tmp_path: Path) -> None:
    _append(lake, _table([(n * DAY_US, "a", f"p{n % 3}", None) for n in range(12)]))
    whole, parts = FirstSeen(tmp_path / "whole"), Learner(tmp_path, [*FirstSeen(tmp_path).traits], held_rows=3)
    whole.update(lake)
    parts.learn(lake, [-1] * len(whole.traits), lake.version())
    assert len(parts.finish()) > 2
    assert _asked(whole, ["p0", "p1", "p2"])["p1"] == (START + DAY_US, START + 10 * DAY_US, 4, 4, 1)


def test_nothing_is_counted_twice_whatever_is_killed(tmp_path: Path) -> None:
    """A process that appends and remembers without end is killed, over and over."""
    child = Path(__file__).with_name("memory_child.py")
    marks = tmp_path / "mark"
    for turn in range(6):
        begun = marks.read_text() if marks.exists() else ""
        process = subprocess.Popen(  # noqa: S603 our own program
            [sys.executable, str(child), str(tmp_path / "lake"), str(tmp_path / "seen"), str(marks)]
        )
        deadline = time.monotonic() + 60
        while (not marks.exists() or marks.read_text() == begun) and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.013 * turn)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with Lake(tmp_path / "lake") as lake:
        memory = FirstSeen(tmp_path / "seen")
        memory.update(lake)
        events = lake.sql('SELECT epoch_us("@timestamp") AS at, "process.name" AS name FROM events').to_pylist()
        names = {event["name"] for event in events}
        known = _asked(memory, sorted(names))
        assert {name: known[name][3] for name in names} == {
            name: sum(event["name"] == name for event in events) for name in names
        }
