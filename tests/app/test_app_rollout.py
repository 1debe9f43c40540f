"""A rollout that spreads over several runs ends as it would have in one: one item, and the same verdict on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from rarebit.app.home import Home
from rarebit.app.run import RunOptions, run
from rarebit.core.result import Record
from rarebit.core.time import DAY_US, HOUR_US, iso, parse_time

START = parse_time("2026-09-01")
DAYS, HOSTS, JOINED = 14, 30, 16
MAIN = "v3_rare_process_by_host_windows"
WriteEvents = Callable[[Path, Sequence[dict[str, Any]]], Path]
OpenHome = Callable[[Path], AbstractContextManager[Home]]


def _event(at_us: int, host: int, **fields: Any) -> dict[str, Any]:
    common = {"event.category": ["process"], "event.type": ["start"], "host.os.type": "windows", "user.name": "SYSTEM"}
    return common | {"@timestamp": iso(at_us), "host.name": f"host-{host:02}"} | fields


def _story(parent: str, trusted: bool | None) -> list[dict[str, Any]]:
    life = [
        _event(START + day * DAY_US + 6 * HOUR_US * turn + host * 61_000_000, host, **{"process.name": "svchost.exe"})
        for day in range(DAYS)
        for turn in range(4)
        for host in range(HOSTS)
    ]
    start = START + (DAYS - 2) * DAY_US + 9 * HOUR_US
    fields = {"process.name": "agent-setup.exe", "process.parent.name": parent}
    if trusted is not None:
        fields["process.code_signature.trusted"] = str(trusted).lower()
    spread = [_event(start + n * HOUR_US // 4, n, **fields) for n in range(JOINED)]
    return sorted([*life, *spread], key=lambda event: str(event["@timestamp"]))


def _found(home: Home) -> dict[str, Record]:
    found = home.store.list_records(job_id=MAIN)
    return {record.entity_id: record for record in found if record.by_field_value == "agent-setup.exe"}


@pytest.mark.parametrize(
    ("parent", "trusted", "explained"), [("ccmexec.exe", True, True), ("psexesvc.exe", None, False)]
)
def test_a_rollout_over_several_runs(
    parent: str, trusted: bool | None, explained: bool, tmp_path: Path, write_events: WriteEvents, open_home: OpenHome
) -> None:
    story = _story(parent, trusted)
    options = RunOptions(jobs=(MAIN,), learn_until_us=START + 7 * DAY_US)
    with open_home(tmp_path / "whole") as home:
        run(home, [write_events(tmp_path / "whole.ndjson", story)], options)
        whole = _found(home)
    first = next(n for n, event in enumerate(story) if event["process.name"] == "agent-setup.exe")
    cuts = [0, first + 2, first + 7, first + 12, len(story)]
    with open_home(tmp_path / "parts") as home:
        for begin, end in pairwise(cuts):
            run(home, [write_events(tmp_path / f"{begin}.ndjson", story[begin:end])], options)
        parts = _found(home)
    assert parts.keys() == whole.keys() == {f"host-{n:02}" for n in range(JOINED)}
    for found in (whole, parts):
        lead = found["host-00"]
        assert f"seen first on {JOINED} hosts" in lead.explanation.sentence
        assert {record.rollout for name, record in found.items() if name != "host-00"} == {lead.id}
        assert (lead.record_score == 0.0) == explained
    for name, record in whole.items():
        assert parts[name].explanation.levels == record.explanation.levels
        assert parts[name].record_score == pytest.approx(record.record_score, abs=2.0)
        assert parts[name].initial_record_score == record.initial_record_score
    assert parts["host-00"].explanation.sentence == whole["host-00"].explanation.sentence
