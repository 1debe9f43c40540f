"""The shipped jobs: sound, complete, and doing what their fixtures say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from rarebit.app.home import Home
from rarebit.app.run import RunOptions, run
from rarebit.core.result import Record
from rarebit.core.time import DAY_US, HOUR_US, iso, parse_time
from rarebit.detect.catalog import CatalogEntry, Fixture, catalog
from rarebit.detect.elastic import parse_jobs, to_elastic
from rarebit.detect.functions import HOURS, counting, measuring
from rarebit.detect.plan import plan
from rarebit.detect.problems import problems

FAMILIES = (
    "{}rare_process_by_host_windows{}",
    "{}rare_process_by_host_linux{}",
    "{}windows_anomalous_user_name{}",
    "{}linux_anomalous_user_name{}",
    "{}windows_anomalous_process_all_hosts{}",
    "{}linux_anomalous_process_all_hosts{}",
)
GENERATIONS = (("", "_ecs"), ("v2_", "_ecs"), ("v3_", ""))
ELASTIC_IDS = [name.format(*parts) for name in FAMILIES for parts in GENERATIONS]
COUNT_IDS = [
    "auth_high_count_logon_events", "auth_high_count_logon_events_for_a_source_ip", "auth_high_count_logon_fails",
    "suspicious_login_activity", "high_count_events_for_a_host_name", "low_count_events_for_a_host_name",
    "high_count_network_denies", "high_count_network_events", "high_distinct_count_destination_port_for_a_source_ip",
    "dns_tunneling_ea",
]  # fmt: skip

METRIC_IDS = ["ded_high_sent_bytes_destination_ip", "ded_high_sent_bytes_destination_port"]
HOUR_IDS = ["auth_rare_hour_for_a_user"]

TACTICS = {
    "Reconnaissance", "Resource Development", "Initial Access", "Execution", "Persistence", "Privilege Escalation",
    "Defense Evasion", "Credential Access", "Discovery", "Lateral Movement", "Collection", "Command and Control",
    "Exfiltration", "Impact",
}  # fmt: skip
ENTRIES = list(catalog().values())
IDS = [entry.job.job_id for entry in ENTRIES]
each = pytest.mark.parametrize("entry", ENTRIES, ids=IDS)
START = parse_time("2026-10-05")
HOSTS, DAYS = 30, 20


def test_every_job_of_the_field_is_there() -> None:
    assert {*ELASTIC_IDS, *COUNT_IDS, *METRIC_IDS, *HOUR_IDS, "rare_user_name_for_a_host"} <= set(IDS)


@each
def test_a_job_runs_as_written(entry: CatalogEntry) -> None:
    assert problems(entry.job) == []
    made = plan(entry.job)
    assert {"event.category", "event.type"} & made.required or {"event.action", "agent.type"} <= made.required
    assert made.vital <= made.required
    assert all(name in (*made.coded, *made.numeric) for name in made.vital)


@each
def test_a_job_is_explained(entry: CatalogEntry) -> None:
    job = entry.job
    assert re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", job.job_id)
    assert job.description.endswith(".")
    assert all(len(text) > 10 for text in (job.guide.meaning, *job.guide.benign, *job.guide.next_steps))
    assert job.guide.benign
    assert job.guide.next_steps
    assert job.groups
    assert all(detector.detector_description for detector in job.detectors)
    assert set(job.guide.tactics) <= TACTICS
    assert job.guide.tactics
    assert job.guide.techniques
    assert all(re.fullmatch(r"T\d{4}(\.\d{3})?", name) for name in job.guide.techniques)


@each
def test_a_job_goes_out_in_the_form_of_elastic_and_comes_back(entry: CatalogEntry) -> None:
    out = to_elastic(entry.job)
    (back,) = parse_jobs([out])
    assert to_elastic(back) == out
    assert (back.detectors, back.datafeed.query) == (entry.job.detectors, entry.job.datafeed.query)


def _by_bucket(entry: CatalogEntry) -> bool:
    function = entry.job.detectors[0].function
    return counting(function) is not None or measuring(function) is not None


def _by_hour(entry: CatalogEntry) -> bool:
    return entry.job.detectors[0].function in HOURS


def test_every_file_has_fixtures_of_both_kinds_and_every_other_form_says_how_it_differs() -> None:
    for entry in ENTRIES:
        if entry.default or entry.fixtures:
            assert {fixture.fires for fixture in entry.fixtures} == {True, False}, entry.job.job_id
        if not entry.default:
            assert entry.note.endswith("."), entry.job.job_id


FIXTURES = [
    (entry, fixture) for entry in ENTRIES if not _by_bucket(entry) and not _by_hour(entry) for fixture in entry.fixtures
]
HOURLY = [(entry, fixture) for entry in ENTRIES if _by_hour(entry) for fixture in entry.fixtures]
COUNTED = [(entry, fixture) for entry in ENTRIES if _by_bucket(entry) for fixture in entry.fixtures]


def _story(fixture: Fixture) -> Iterator[dict[str, Any]]:
    common = {"event.category": ["process"], "event.type": ["start"], "host.os.type": "windows"}
    for day in range(DAYS):
        for host in range(HOSTS):
            for turn in range(4):
                at = START + day * DAY_US + (6 + 3 * turn) * HOUR_US + host * 61_000_000
                yield common | {"@timestamp": iso(at), "host.name": f"host-{host:02}"} | fixture.history
    at = START + (DAYS - 1) * DAY_US + 17 * HOUR_US
    yield common | {"@timestamp": iso(at), "host.name": "host-11"} | fixture.event


@pytest.mark.parametrize(
    ("entry", "fixture"), FIXTURES, ids=[f"{entry.job.job_id}-{fixture.name}" for entry, fixture in FIXTURES]
)
def test_a_job_does_what_its_fixture_says(
    entry: CatalogEntry,
    fixture: Fixture,
    tmp_path: Path,
    write_events: Callable[[Path, Sequence[dict[str, Any]]], Path],
    open_home: Callable[[Path], AbstractContextManager[Home]],
) -> None:
    path = write_events(tmp_path / "events.ndjson", list(_story(fixture)))
    with open_home(tmp_path / "home") as home:
        run(home, [path], RunOptions(jobs=(entry.job.job_id,)))
        found = [record for record in home.store.list_records() if not record.learning]
    if not fixture.fires:
        assert found == []
        return
    assert len(found) == 1
    _assert_proof(entry, fixture, found[0])


def _busy_story(entry: CatalogEntry, fixture: Fixture) -> Iterator[dict[str, Any]]:
    """Six hosts, each with a dozen events a bucket over three days; then the event in question, or silence."""
    span = plan(entry.job).span_us
    question = START + 3 * DAY_US - max(3 * HOUR_US, 2 * span)
    for bucket in range(3 * DAY_US // span):
        for host in range(6):
            silent = fixture.repeat == 0 and host == 2 and START + bucket * span >= question
            for turn in range(0 if silent else 11 + (7 * bucket + 5 * host) % 3):
                at = START + bucket * span + turn * span // 14 + host * 1000
                yield {"@timestamp": iso(at), "host.name": f"host-{host:02}"} | _filled(fixture.history, host, turn)
    for number in range(fixture.repeat):
        at = question + 1_000_000 + number * 600_000
        yield {"@timestamp": iso(at), "host.name": "host-02", "process.pid": number} | _filled(fixture.event, 2, number)


def _filled(event: dict[str, Any], host: int, turn: int) -> dict[str, Any]:
    marks = (("{host}", str(host)), ("{turn}", str(turn)))
    return {name: _replaced(value, marks) if isinstance(value, str) else value for name, value in event.items()}


def _replaced(text: str, marks: Sequence[tuple[str, str]]) -> str:
    for mark, value in marks:
        text = text.replace(mark, value)
    return text


@pytest.mark.parametrize(
    ("entry", "fixture"), COUNTED, ids=[f"{entry.job.job_id}-{fixture.name}" for entry, fixture in COUNTED]
)
def test_a_job_over_buckets_does_what_its_fixture_says(
    entry: CatalogEntry,
    fixture: Fixture,
    tmp_path: Path,
    write_events: Callable[[Path, Sequence[dict[str, Any]]], Path],
    open_home: Callable[[Path], AbstractContextManager[Home]],
) -> None:
    path = write_events(tmp_path / "events.ndjson", list(_busy_story(entry, fixture)))
    with open_home(tmp_path / "home") as home:
        run(home, [path], RunOptions(jobs=(entry.job.job_id,)))
        alerts = home.store.list_alerts()
        found = [home.store.get_record(alert.record_id) for alert in alerts]
    if not fixture.fires:
        assert found == []
        return
    assert len(found) == 1
    (_assert_measured if found[0].explanation.gauge else _assert_counted)(entry, fixture, found[0])


def _office_story(fixture: Fixture) -> Iterator[dict[str, Any]]:
    """A dozen accounts at work from seven to sixteen, six hours a day; then one of them at the hour in question."""
    for day in range(DAYS):
        for hour in range(7, 17):
            for user in range(12):
                at = START + day * DAY_US + hour * HOUR_US + user * 60_000_000
                if (hour + day + 3 * user) % 5 < 3:
                    who = {"host.name": f"host-{user:02}", "user.name": f"user{user:02}"}
                    yield {"@timestamp": iso(at)} | who | fixture.history
    at = START + DAYS * DAY_US + fixture.hour * HOUR_US
    yield {"@timestamp": iso(at), "host.name": "host-04", "user.name": "user04"} | fixture.event
    yield {"@timestamp": iso(at + DAY_US), "host.name": "host-04"} | fixture.event


@pytest.mark.parametrize(
    ("entry", "fixture"), HOURLY, ids=[f"{entry.job.job_id}-{fixture.name}" for entry, fixture in HOURLY]
)
def test_a_job_over_hours_does_what_its_fixture_says(
    entry: CatalogEntry,
    fixture: Fixture,
    tmp_path: Path,
    write_events: Callable[[Path, Sequence[dict[str, Any]]], Path],
    open_home: Callable[[Path], AbstractContextManager[Home]],
) -> None:
    path = write_events(tmp_path / "events.ndjson", list(_office_story(fixture)))
    with open_home(tmp_path / "home") as home:
        run(home, [path], RunOptions(jobs=(entry.job.job_id,)))
        found = [record for record in home.store.list_records() if record.time > iso(START + DAYS * DAY_US)]
    assert len(found) == fixture.fires
    for record in found:
        rhythm = record.explanation.rhythm
        assert rhythm is not None
        assert (record.entity_type, record.entity_id, rhythm.hour) == ("user", "user04", fixture.hour)
        assert f"user04 {entry.job.acted} at {fixture.hour:02}:00 UTC" in record.explanation.sentence
        assert rhythm.own[rhythm.hour] == 0.0
        assert record.probability < 0.02


def _assert_counted(entry: CatalogEntry, fixture: Fixture, record: Record) -> None:
    tally = record.explanation.tally
    assert tally is not None
    assert tally.side == ("high" if fixture.repeat else "low")
    assert f"{tally.actual * tally.unit:,}" in record.explanation.sentence or not fixture.repeat
    assert (record.actual, record.typical) == ((float(tally.actual * tally.unit),), (tally.typical * tally.unit,))
    assert min(record.event_count, tally.actual) >= fixture.repeat
    assert record.event_count == tally.actual or entry.job.detectors[0].field_name
    assert len(record.event_ids) == (20 if fixture.repeat else 1)
    assert record.timestamp <= iso(START + 3 * DAY_US - 3 * HOUR_US) <= record.time
    if "host.name" in (entry.job.detectors[0].partition_field_name, entry.job.detectors[0].by_field_name):
        assert (record.entity_type, record.entity_id) == ("host", "host-02")


def _assert_measured(entry: CatalogEntry, fixture: Fixture, record: Record) -> None:
    gauge, detector = record.explanation.gauge, entry.job.detectors[0]
    assert gauge is not None
    assert (gauge.side, record.field_name) == ("high", detector.field_name)
    assert record.actual == (gauge.actual,) >= (fixture.repeat * fixture.event["source.bytes"],)
    assert record.typical == (gauge.typical,)
    assert entry.job.measured.format("4 GB") in record.explanation.sentence
    assert detector.by_field_name is not None
    assert record.by_field_value == str(fixture.event[detector.by_field_name])
    assert record.event_count == gauge.events >= fixture.repeat


def _assert_proof(entry: CatalogEntry, fixture: Fixture, record: Record) -> None:
    detector = entry.job.detectors[0]
    assert detector.by_field_name is not None
    value = str(fixture.event[detector.by_field_name])
    assert record.by_field_value == value
    assert record.entity_id == "host-11"
    assert record.event_count == len(record.event_ids) == 1
    (first, *_) = record.explanation.levels
    assert (first.value, first.fleet_with_value) == (value, 0)
    assert value in record.explanation.sentence
