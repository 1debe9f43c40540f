"""Entities: since when and where they are seen, as the memory says; what was found of them, as the store says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from rarebit.app.entities import FIELDS_OF, entity
from rarebit.app.home import Home
from rarebit.app.hosts import show_host
from rarebit.app.memory import seen
from rarebit.core.errors import InputError


@pytest.fixture
def home(ran: Path, open_home: Callable[[Path], AbstractContextManager[Home]]) -> Iterator[Home]:
    with open_home(ran) as opened:
        yield opened


def test_a_host_is_told_of_with_all_that_the_store_has(home: Home) -> None:
    case = home.store.list_cases()[0]
    found = entity(home, "host", case.entity.id.upper())
    assert case.id in {each.id for each in found.cases}
    assert [record.id for record in found.records] == [
        record.id
        for record in sorted(
            home.store.list_records(entity_id=case.entity.id), key=lambda each: (-each.record_score, each.time)
        )
    ][:50]
    assert found.jobs == show_host(home, case.entity.id).jobs
    (heard,) = home.lake.sql('SELECT count(DISTINCT "host.name") AS n FROM events').to_pylist()
    assert found.hosts == heard["n"]
    assert found.attributes["role"]
    assert not found.behind
    ran_jobs = {job.job_id for job in found.jobs}
    assert ran_jobs, "a host of a whole week is known to some job"


def test_a_joined_host_has_the_case_too(home: Home) -> None:
    joined = [(case, other) for case in home.store.list_cases() for other in case.joined]
    for case, other in joined[:3]:
        assert case.id in {each.id for each in entity(home, other.type, other.id).cases}


def test_a_process_is_told_of_by_where_it_was_seen(home: Home) -> None:
    record = next(
        record
        for record in home.store.list_records()
        if record.by_field_name == "process.name" and record.entity_type == "host"
    )
    name = record.by_field_value or ""
    found = entity(home, "process", name)
    (expected,) = seen(home, name, field="process.name")
    (told,) = found.seen
    assert (told.first, told.last, told.hosts, told.events) == (
        expected.first, expected.last, expected.hosts, expected.events,
    )  # fmt: skip
    assert told.on == expected.on[:50]
    if told.hosts <= 25:
        assert record.id in {each.id for each in found.records}
        assert {each.id for each in home.store.list_cases() if record.id in each.record_ids} <= {
            each.id for each in found.cases
        }


def test_what_was_never_seen_is_said_to_be_so(home: Home) -> None:
    for kind in FIELDS_OF:
        found = entity(home, kind, "never-seen-here")
        assert (found.seen, found.records, found.cases, found.alerts, found.jobs) == ((), (), (), (), ())
    for kind, name in (("planet", "x"), ("host", " ")):
        with pytest.raises(InputError):
            entity(home, kind, name)
