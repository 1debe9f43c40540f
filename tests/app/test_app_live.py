"""Live running: the same results as a run, however events come, whatever is killed; nothing lost, nothing twice."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import orjson
import pytest

from rarebit.app.home import Home
from rarebit.app.live import Live, LiveSettings
from rarebit.app.run import RunOptions
from rarebit.app.spool import Spool
from rarebit.app.watch import Watch
from rarebit.core.errors import BusyError, InputError, StateError
from rarebit.core.time import parse_time

OpenHome = Callable[[Path], AbstractContextManager[Home]]
OPTIONS = RunOptions(learn_until_us=parse_time("2026-10-08T00:00:00Z"), live=True)
LATER = ("expected_per_week", "expected_per_week_low", "expected_per_week_high", "record_score")
"""Fields of the latest fit: equal only where the last fit is."""


def _lines(fleet: Path) -> list[bytes]:
    """Events in the order of their time, as they happen."""
    lines = [line for file in sorted((fleet / "events").iterdir()) for line in file.read_bytes().splitlines()]
    return sorted(lines, key=lambda line: str(orjson.loads(line)["@timestamp"]))


def _first_said(home: Home) -> dict[str, dict[str, Any]]:
    records = (msgspec.to_builtins(record) for record in home.store.list_records())
    return {each["id"]: {name: value for name, value in each.items() if name not in LATER} for each in records}


def _results(home: Home) -> dict[str, Any]:
    return {
        "records": _first_said(home),
        "alerts": sorted(alert.id for alert in home.store.list_alerts()),
        "events": home.lake.summary().events,
    }


def _differing(found: dict[str, dict[str, Any]], expected: dict[str, dict[str, Any]]) -> set[str]:
    """Names of fields in which records of the same ids differ."""
    both = found.keys() & expected.keys()
    return {name for key in both for name in found[key] if found[key][name] != expected[key][name]}


def _event(number: int, minute: int = 0) -> bytes:
    return orjson.dumps(
        {"@timestamp": f"2026-10-01T00:{minute:02}:00Z", "host": {"name": f"h{number}"}, "process": {"name": "a.exe"}}
    )


def test_events_sent_and_watched_give_what_a_run_gives(
    ran: Path, fleet: Path, tmp_path: Path, open_home: OpenHome
) -> None:
    """A third is sent, a third lies in a watched directory, a third is appended to a file of it between turns."""
    lines = _lines(fleet)
    cuts = np.array_split(np.arange(len(lines)), 9)
    watched = tmp_path / "watched"
    watched.mkdir()
    with open_home(tmp_path / "home") as home:
        home.import_assets(fleet / "assets.csv")
    live = Live(tmp_path / "home", LiveSettings(watch=(watched,), still_seconds=0, options=OPTIONS))
    for number, cut in enumerate(cuts):
        part = [lines[at] for at in cut]
        if number % 3 == 0:
            live.add("sender", part)
        elif number % 3 == 1:
            (watched / f"{number}.ndjson").write_bytes(b"\n".join(part) + b"\n")
        else:
            with (watched / "growing.ndjson").open("ab") as file:
                file.write(b"\n".join(part) + b"\n")
        assert live.turn() is not None
    assert live.turn() is None
    live.stop()
    with open_home(ran) as home:
        undisturbed = _results(home)
    with open_home(tmp_path / "home") as home:
        found = _results(home)
        assert _differing(found["records"], undisturbed["records"]) == set()
        assert found == undisturbed
        sources = {source.id: source for source in home.store.live.sources.list()}
        assert sum(source.events for source in sources.values()) == len(lines)
        assert set(sources) == {"sender", str(watched)}
        reports = {report.path: report for report in home.store.list_file_reports()}
        assert reports[str(watched / "growing.ndjson")].rows == sum(len(cuts[at]) for at in (2, 5, 8))


def test_what_was_accepted_outlives_the_process(tmp_path: Path, open_home: OpenHome) -> None:
    spool = Spool(tmp_path / "home" / "spool")
    spool.add("a", [_event(1), _event(2)])
    held = next(spool.path.iterdir())
    with held.open("ab") as file:
        file.write(b'{"@timestamp": "2026-10-01T0')  # a write that was cut off, and never answered for
    live = Live(tmp_path / "home", LiveSettings(options=OPTIONS))
    live.add("a", [_event(3)])
    live.turn()
    assert list(spool.path.iterdir()) == []
    assert live.spool.bytes == 0
    live.stop()
    with open_home(tmp_path / "home") as home:
        assert home.lake.summary().events == 3
        assert home.store.list_file_reports()[0].skipped == ()


def test_a_full_spool_says_wait_and_keeps_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", bound=300)
    spool.add("a", [_event(1)])
    before = spool.bytes
    with pytest.raises(BusyError, match="wait"):
        spool.add("a", [_event(number) for number in range(4)])
    assert spool.bytes == before == sum(path.stat().st_size for path in spool.path.iterdir())
    spool.remove(spool.seal())
    spool.add("a", [_event(number) for number in range(2)])


def test_a_disk_that_fails_leaves_whole_lines_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path / "spool")
    spool.add("a", [_event(1)])

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StateError, match="No space"):
            spool.add("a", [_event(2)])
    assert [path.read_bytes() for path in spool.path.iterdir()] == [_event(1) + b"\n"]
    spool.add("a", [_event(3)])
    assert b"".join(piece.path.read_bytes() for piece in spool.seal()).count(b"\n") == 2


def test_a_failing_turn_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_home: OpenHome) -> None:
    live = Live(tmp_path / "home", LiveSettings(options=OPTIONS))
    live.add("a", [_event(1)])
    with monkeypatch.context() as patch:
        patch.setattr("rarebit.app.run.match_new", _broken)
        with pytest.raises(StateError):
            live.turn()
    live.add("a", [_event(2)])
    live.turn()
    live.stop()
    with open_home(tmp_path / "home") as home:
        assert home.lake.summary().events == 2
        assert all(not home.lake.has_since(position.lake_version) for position in home.store.list_positions())


def _broken(*_args: object, **_kwargs: object) -> None:
    raise StateError("broken")


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_file_is_taken_when_still_and_followed_by_whole_lines(tmp_path: Path, open_home: OpenHome) -> None:
    watched, clock = tmp_path / "watched", _Clock()
    watched.mkdir()
    watch = Watch([watched], still_seconds=5, clock=clock)
    file = watched / "a.ndjson"
    future = 4_000_000_000  # by its own time it is never still: only what was seen counts
    with open_home(tmp_path / "home") as home:

        def look() -> list[tuple[int, int | None]]:
            taken = watch.look(home)
            home.store.live.watched.put([each.after for each in taken])
            return [(each.piece.start, each.piece.end) for each in taken]

        def write(text: bytes, mode: str = "ab") -> None:
            with file.open(mode) as out:
                out.write(text)
            os.utime(file, (future, future))

        one = _event(1) + b"\n"
        write(one)
        assert look() == []
        clock.now = 4
        write(one)
        assert look() == []
        clock.now = 9
        assert look() == [(0, 2 * len(one))]
        assert look() == []
        write(one + b'{"@timestamp')
        assert look() == [(2 * len(one), 3 * len(one))]
        assert look() == []
        write(b'": "2026-10-01T00:00:00Z"}\n')
        ((start, end),) = look()
        assert (start, end) == (3 * len(one), file.stat().st_size)
        write(one, "wb")  # another file in its place
        assert look() == []
        clock.now = 20
        assert look() == [(0, len(one))]


def test_a_poisoned_file_is_reported_and_stops_nothing(tmp_path: Path, open_home: OpenHome) -> None:
    watched = tmp_path / "watched"
    watched.mkdir()
    (watched / "a.evtx").write_bytes(b"ElfFile\0" + bytes(range(256)) * 20)
    (watched / "b.ndjson").write_bytes(_event(1) + b"\n" + b'{"@timestamp": \xff}\n' + b"[" * 9000 + b"\n")
    (watched / "c.gz").write_bytes(b"\x1f\x8b\x08damaged")
    (watched / "d.parquet").write_bytes(b"PAR1 no it is not")
    (watched / "e.ndjson").write_bytes(_event(2) + b"\n")
    (watched / "f").symlink_to(tmp_path / "nowhere")
    live = Live(tmp_path / "home", LiveSettings(watch=(watched,), still_seconds=0, options=OPTIONS))
    live.turn()
    assert live.turn() is None
    live.stop()
    with open_home(tmp_path / "home") as home:
        assert home.lake.summary().events == 2
        reports = {Path(report.path).name: report for report in home.store.list_file_reports()}
        assert all(reports[name].error for name in ("a.evtx", "c.gz", "d.parquet"))
        assert sum(part.count for part in reports["b.ndjson"].skipped) == 2


def test_a_directory_that_is_not_there_is_refused_and_one_that_goes_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such directory"):
        Watch([tmp_path / "nowhere"])
    watched = tmp_path / "watched"
    watched.mkdir()
    live = Live(tmp_path / "home", LiveSettings(watch=(watched,)))
    watched.rmdir()
    assert live.turn() is None
    assert str(watched) in live.standing().files_with_trouble


def test_lateness_is_counted_by_source(tmp_path: Path, open_home: OpenHome) -> None:
    live = Live(tmp_path / "home", LiveSettings(options=OPTIONS))
    live.add("a", [_event(1, 30)])
    live.turn()
    live.add("a", [_event(1, 5), _event(1, 25), _event(1, 40)])
    live.add("b", [_event(2, 1)])
    live.turn()
    live.stop()
    with open_home(tmp_path / "home") as home:
        a, b = home.store.live.sources.list()
    assert (a.events, a.late_events, a.latest_us) == (4, 1, 25 * 60_000_000)
    assert a.watermark_us == parse_time("2026-10-01T00:40:00Z")
    assert (b.events, b.late_events, b.latest_us) == (1, 0, 0)
