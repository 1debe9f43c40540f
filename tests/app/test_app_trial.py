"""Trials over the past in a scratch home: the real one stays as it is, and a replay gives what the run gave."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from rarebit.app.backtest import backtest
from rarebit.app.cast import Cast, shift_of
from rarebit.app.home import Home
from rarebit.app.inject import inject
from rarebit.app.run import RunOptions, run
from rarebit.app.scratch import scratch_home
from rarebit.app.stage import stage
from rarebit.app.trace import read_trace, shapes
from rarebit.core.errors import DefinitionError, InputError, NotFoundError, StateError
from rarebit.core.names import host_key
from rarebit.core.people import ApiKey
from rarebit.core.time import DAY_US, parse_time

OpenHome = Callable[[Path], AbstractContextManager[Home]]
WriteEvents = Callable[[Path, Sequence[dict[str, Any]]], Path]


def _digest(home: Path) -> dict[str, str]:
    files = (path for path in sorted(home.rglob("*")) if path.is_file() and "rarebit.db-" not in path.name)
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where trials are made; empty before."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


def test_the_past_run_anew_gives_the_cases_of_the_run(ran: Path, open_home: OpenHome, temporary: Path) -> None:
    before = _digest(ran)
    with open_home(ran) as home:
        found = backtest(home)
        opened = home.store.list_cases(state="open")
    assert [case.id for case in found.cases] == [case.id for case in opened]
    assert [case.points for case in found.cases] == [case.points for case in opened]
    assert sum(day.cases for day in found.days) == len(opened)
    assert found.days[0].day == "2026-10-08"
    assert _digest(ran) == before
    assert not list(temporary.glob("rarebit-trial-*"))


def test_replayed_intrusions_are_played_by_the_site_and_found(ran: Path, open_home: OpenHome, temporary: Path) -> None:
    before = _digest(ran)
    with open_home(ran) as home:
        found = inject(home, shapes([], 1), budget=30.0)
        again = inject(home, shapes([], 1), budget=30.0)
        hosts = {host.name for host in stage(home, parse_time("2026-10-12T00:00Z")).hosts}
    assert found == again
    assert _digest(ran) == before
    assert not list(temporary.glob("rarebit-trial-*"))
    assert len(found.injected) == 7
    assert not set(found.injected[0].hosts) & set(found.injected[1].hosts)
    for each in found.injected:
        assert set(each.hosts) <= hosts
        assert parse_time(each.start) >= parse_time(found.told_from)
        assert (each.rank is None) == (each.outcome in ("records", "nothing"))
        assert each.records > 0 or each.outcome == "nothing"
        assert (each.outcome == "case") == (each.rank is not None and each.rank <= found.cases_open)
        assert each.hours_to_case is None or each.hours_to_case >= 0
    assert sum(each.rank is not None for each in found.injected) >= 3  # jobs have told for no more than four days


def test_events_that_people_hand_in_are_played(
    ran: Path, open_home: OpenHome, tmp_path: Path, write_events: WriteEvents
) -> None:
    lines = [
        {
            "@timestamp": f"2024-01-01T10:0{at}:00Z", "host.name": "victim", "user.name": "eve",
            "event.category": "process", "event.type": "start", "event.action": "start",
            "process.name": f"oddtool{at}.exe", "process.executable": rf"C:\Users\eve\oddtool{at}.exe",
            "process.parent.name": "explorer.exe",
        }
        for at in range(6)
    ]  # fmt: skip
    trace = read_trace(write_events(tmp_path / "trace.ndjson", lines))
    with open_home(ran) as home:
        scene = stage(home, parse_time("2026-10-12T00:00Z"))
        desk = next(host for host in scene.hosts if host.kind == "workstation" and host.people and host.windows)
        found = inject(home, [trace], hosts=[desk.name], at_us=parse_time("2026-10-11T09:00Z"), budget=5.0)
        with pytest.raises(InputError, match="after the data"):
            inject(home, [trace], at_us=parse_time("2027-10-11T09:00Z"))
        with pytest.raises(InputError, match="no host"):
            inject(home, [trace], hosts=["nowhere"])
    (only,) = found.injected
    assert only.hosts == (desk.name,)
    assert only.users == (desk.people[0],)
    assert only.start.startswith("2026-10-11T09:00")
    assert only.records >= 1
    assert only.outcome != "nothing"


def test_what_a_host_does_not_send_is_left_out_and_said(
    open_home: OpenHome, tmp_path: Path, write_events: WriteEvents
) -> None:
    start = parse_time("2026-10-05T08:00:00Z")
    lines = [
        {
            "@timestamp": f"2026-10-{5 + day:02d}T{8 + hour:02d}:00:00Z", "host.name": f"ws{host}",
            "user.name": f"person{host}", "event.category": "process", "event.type": "start",
            "process.name": "notepad.exe",
        }
        for day in range(5) for hour in range(8) for host in range(5)
    ]  # fmt: skip
    with open_home(tmp_path / "home") as home:
        run(home, [write_events(tmp_path / "events.ndjson", lines)], RunOptions())
        (trace,) = shapes(["lolbin_only"], 1)
        played = Cast(home, stage(home, start + 5 * DAY_US), 1).play(trace, 0, start + 5 * DAY_US)
        found = inject(home, [*shapes(["lolbin_only", "slow_implant"], 1)])
    assert {host_key(event["host.name"]) for event in played.events} <= {f"ws{host}" for host in range(5)}
    assert {event["user.name"] for event in played.events} <= {f"person{host}" for host in range(5)}
    assert played.unsent == {"authentication start": 1}
    assert {name for event in played.events for name in event if name.startswith("process.")} == {"process.name"}
    assert "process.command_line" in played.fields
    assert found.injected[1].outcome == "not played"
    assert "days" in found.injected[1].reason


def test_a_trial_takes_settings_and_no_secrets(ran_copy: Path, open_home: OpenHome) -> None:
    with open_home(ran_copy) as home:
        key = ApiKey(id="k", name="shipper", secret_hash="x", scopes=("intake",), created_us=0, created_by="ann")
        home.store.keys.put([key])
        with scratch_home(home) as trial:
            assert trial.lake.summary() == home.lake.summary()
            assert trial.inventory().hosts == home.inventory().hosts
            assert trial.store.list_records() == []
            assert trial.store.list_positions() == []
            assert trial.store.keys.list() == []
            path = trial.path
            assert path.exists()
            assert path.stat().st_mode & 0o077 == 0
        assert not path.exists()
        with pytest.raises(StateError, match="no room"), scratch_home(home, ran_copy / "not there"):
            pass


def test_files_are_copied_where_they_cannot_be_linked(
    ran: Path, open_home: OpenHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: Path, _target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    before = _digest(ran)
    with open_home(ran) as home, scratch_home(home) as trial:
        assert trial.lake.events(where="TRUE", limit=3) == home.lake.events(where="TRUE", limit=3)
        trial.lake.compact()
        trial.lake.retain(days=1, now_us=parse_time("2026-10-13T00:00Z"))
    assert _digest(ran) == before


def test_jobs_and_rules_of_files_are_tried_before_they_are_kept(ran: Path, open_home: OpenHome, tmp_path: Path) -> None:
    job = tmp_path / "job.json"
    job.write_text(
        '{"job_id": "mine", "analysis_config": {"bucket_span": "15m", "detectors": [{"function": "rare", '
        '"by_field_name": "process.name", "partition_field_name": "host.name"}]}, "data_description": {}}'
    )
    rule = tmp_path / "rule.yaml"
    rule.write_text("id: shells\nname: Shells\nkind: query\nquery: 'process.name: cmd.exe'\n")
    bad = tmp_path / "bad.json"
    bad.write_text(
        '{"job_id": "bad", "analysis_config": {"bucket_span": "15m", "detectors": [{"function": "sideways"}]}}'
    )
    with open_home(ran) as home:
        found = backtest(home, jobs=[str(job)], rules=[str(rule)], start_us=parse_time("2026-10-09T00:00Z"))
        assert [each.job_id for each in found.jobs] == ["mine"]
        assert found.rules[0].rule_id == "shells"
        assert len(found.rules[0].alerts) == sum(day.alerts for day in found.rules[0].days) > 0
        assert found.start.startswith("2026-10-09")
        assert [entity.name for entity in found.entities]
        assert home.store.list_jobs() == []
        only = backtest(home, rules=[str(rule)])
        assert only.jobs == ()
        with pytest.raises(InputError, match="no events to tell of"):
            backtest(home, start_us=parse_time("2020-01-01T00:00Z"))
        with pytest.raises(NotFoundError):
            backtest(home, jobs=["nope"])
        with pytest.raises(DefinitionError):
            backtest(home, jobs=[str(bad)])


def test_a_trace_is_moved_by_weeks_where_it_fits_else_by_days(write_events: WriteEvents, tmp_path: Path) -> None:
    line = {"host.name": "a", "event.category": "process"}
    begin = parse_time("2024-01-01T10:00Z")
    trace = read_trace(
        write_events(tmp_path / "t.ndjson", [line | {"@timestamp": f"2024-01-0{1 + at}T10:00:00Z"} for at in range(3)])
    )
    assert shift_of(trace, begin, begin + 30 * DAY_US) == 28 * DAY_US
    assert shift_of(trace, begin + 25 * DAY_US, begin + 30 * DAY_US + 1) == 28 * DAY_US
    assert shift_of(trace, begin + 3 * DAY_US, begin + 5 * DAY_US) == 3 * DAY_US
    assert shift_of(trace, begin + 4 * DAY_US, begin + 5 * DAY_US) is None


@pytest.mark.parametrize(
    ("content", "match"),
    [("", "no event of a host"), ('{"@timestamp": "2024-01-01T10:00:00Z", "message": "x"}\n', "no event of a host")],
)
def test_a_trace_without_hosts_is_refused(tmp_path: Path, content: str, match: str) -> None:
    (tmp_path / "t.ndjson").write_text(content)
    with pytest.raises(InputError, match=match):
        read_trace(tmp_path / "t.ndjson")
    with pytest.raises(InputError, match="no such file"):
        read_trace(tmp_path / "none")
    with pytest.raises(InputError, match="no shape"):
        shapes(["tea_party"], 1)
