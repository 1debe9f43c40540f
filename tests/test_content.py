"""The shipped jobs: sound, complete, and doing what their fixtures say."""

from __future__ import annotations

import re

import pytest

from catalog_stories import BUSY_HOST, HOME_HOST, START, kind_of, question_us, records
from rarebit.alert.rules import alerts_of
from rarebit.core.result import Record
from rarebit.core.time import DAY_US, iso
from rarebit.detect.catalog import CatalogEntry, Fixture, catalog
from rarebit.detect.elastic import parse_jobs, to_elastic
from rarebit.detect.plan import plan
from rarebit.detect.problems import problems

TACTICS = {
    "Reconnaissance", "Resource Development", "Initial Access", "Execution", "Persistence", "Privilege Escalation",
    "Defense Evasion", "Credential Access", "Discovery", "Lateral Movement", "Collection", "Command and Control",
    "Exfiltration", "Impact",
}  # fmt: skip
ENTRIES = list(catalog().values())
IDS = [entry.job.job_id for entry in ENTRIES]
each = pytest.mark.parametrize("entry", ENTRIES, ids=IDS)
HEADS = [entry for entry in ENTRIES if entry.job.job_id == entry.head]
SCOPES = {"event.category", "event.dataset", "event.code", "event.module", "event.action", "event.provider"}
"""Fields that say which events are meant; every feed names one."""


@each
def test_a_job_runs_as_written(entry: CatalogEntry) -> None:
    assert problems(entry.job) == []
    made = plan(entry.job)
    assert SCOPES & made.required or "process.name" in made.required
    assert made.vital <= made.required
    assert all(name in (*made.coded, *made.numeric, *made.informative) for name in made.vital)


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


def test_every_file_has_fixtures_of_both_kinds_and_every_other_form_says_how_it_differs() -> None:
    for entry in ENTRIES:
        if entry.head == entry.job.job_id:
            assert {fixture.fires for fixture in entry.fixtures} == {True, False}, entry.job.job_id
        if not entry.default:
            assert entry.note.endswith("."), entry.job.job_id
        assert entry.default <= (entry.head == entry.job.job_id), entry.job.job_id


FIXTURES = [(entry, fixture) for entry in HEADS for fixture in entry.fixtures]


@pytest.mark.parametrize(
    ("entry", "fixture"), FIXTURES, ids=[f"{entry.job.job_id}-{fixture.name}" for entry, fixture in FIXTURES]
)
def test_a_job_does_what_its_fixture_says(entry: CatalogEntry, fixture: Fixture) -> None:
    found = records(entry, fixture)
    kind = kind_of(entry)
    if kind == "buckets":
        alerted = {alert.record_id for alert in alerts_of(entry.job, found, from_score=25.0)}
        found = [record for record in found if record.id in alerted]
    if kind == "beacons":
        found = [record for record in found if record.record_score >= 40.0]
    if kind == "hours":
        found = [record for record in found if record.time > iso(START + 20 * DAY_US) and record.probability < 0.02]
    if not fixture.fires:
        assert found == []
        return
    assert len({record.detector_index for record in found}) == len(found) > 0
    for record in found:
        {"values": _assert_proof, "buckets": _assert_bucket, "hours": _assert_rhythm, "beacons": _assert_beacon}[kind](
            entry, fixture, record
        )


def _assert_proof(entry: CatalogEntry, fixture: Fixture, record: Record) -> None:
    detector = entry.job.detectors[record.detector_index]
    assert detector.by_field_name is not None
    event = {"host.name": HOME_HOST} | fixture.event
    value = str(event.get(detector.by_field_name, record.by_field_value))  # intake may take it from another field
    assert record.by_field_value == value
    if record.entity_type == "host":
        assert record.entity_id == event["host.name"]
    assert record.event_count == len(record.event_ids) == 1
    (first, *_) = record.explanation.levels
    assert first.value == value
    assert value in record.explanation.sentence


def _assert_bucket(entry: CatalogEntry, fixture: Fixture, record: Record) -> None:
    detector, explanation = entry.job.detectors[record.detector_index], record.explanation
    if {"host.name"} & {detector.partition_field_name, detector.by_field_name, detector.over_field_name}:
        assert (record.entity_type, record.entity_id) == ("host", BUSY_HOST)
    assert record.timestamp <= iso(question_us(plan(entry.job))) <= record.time
    if (gauge := explanation.gauge) is not None:
        assert (gauge.side, record.field_name) == ("high", detector.field_name)
        assert (record.actual, record.typical) == ((gauge.actual,), (gauge.typical,))
        assert record.event_count == gauge.events >= fixture.repeat
        return
    tally = explanation.tally
    assert tally is not None
    assert tally.side == ("high" if fixture.repeat else "low")
    assert f"{tally.actual * tally.unit:,}" in explanation.sentence or not fixture.repeat
    assert (record.actual, record.typical) == ((float(tally.actual * tally.unit),), (tally.typical * tally.unit,))
    assert record.event_count >= fixture.repeat
    assert record.event_count == tally.actual or detector.field_name
    assert len(record.event_ids) == (min(20, record.event_count) if fixture.repeat else 1)


def _assert_beacon(entry: CatalogEntry, fixture: Fixture, record: Record) -> None:
    beacon, detector = record.explanation.beacon, entry.job.detectors[0]
    assert beacon is not None
    assert (record.entity_type, record.entity_id) == ("host", HOME_HOST)
    assert beacon.destination == record.by_field_value == fixture.event[detector.by_field_name or ""]
    assert (beacon.program, beacon.hosts) == (fixture.event[detector.field_name or ""], 1)
    assert abs(beacon.period - fixture.every) < 0.1 * fixture.every
    assert f"{beacon.program} on {HOME_HOST} contacted {beacon.destination} every" in record.explanation.sentence


def _assert_rhythm(entry: CatalogEntry, fixture: Fixture, record: Record) -> None:
    rhythm, detector = record.explanation.rhythm, entry.job.detectors[0]
    assert rhythm is not None
    assert rhythm.hour % 24 == fixture.hour
    assert rhythm.own[rhythm.hour] == 0.0
    if detector.by_field_name == "user.name":
        assert (record.entity_type, record.entity_id) == ("user", "user04")
        assert f"user04 {entry.job.acted} at {fixture.hour:02}:00 UTC" in record.explanation.sentence
