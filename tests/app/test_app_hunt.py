"""Hunting: what is found and stacked is what the lake, the store and the memory hold, counted another way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from rarebit.app.home import Home
from rarebit.app.hunt import hunt_events, hunt_memory, hunt_records, span_of
from rarebit.app.memory import seen
from rarebit.core.errors import InputError, QueryError
from rarebit.core.result import Record
from rarebit.core.time import DAY_US, parse_time

EVER = (0, parse_time("2100-01-01T00:00:00Z"))


@pytest.fixture
def home(ran: Path, open_home: Callable[[Path], AbstractContextManager[Home]]) -> Iterator[Home]:
    with open_home(ran) as opened:
        yield opened


def test_a_stack_adds_up_to_what_the_lake_holds(home: Home) -> None:
    found = hunt_events(home, "process.name: *", "kql", span=EVER, stack="user.name", limit=1000)
    assert found.stack is not None
    events = home.lake.sql(
        'SELECT "user.name" AS u, "rarebit.code.host.name" AS h FROM events WHERE "process.name" IS NOT NULL'
    )
    counts = Counter(events.column("u").to_pylist())
    assert {each.value: each.count for each in found.stack} == counts
    assert (found.met, found.values, found.more) == (events.num_rows, len(counts), False)
    hosts: dict[str | None, set[int]] = {user: set() for user in counts}
    for user, host in zip(events.column("u").to_pylist(), events.column("h").to_pylist(), strict=True):
        hosts[user].add(host)
    assert {each.value: each.hosts for each in found.stack} == {user: len(held) for user, held in hosts.items()}
    order = [(each.hosts, each.count) for each in found.stack]
    assert order == sorted(order), "what the fewest hosts show comes first"
    first = hunt_events(home, "process.name: *", "kql", span=EVER, stack="user.name", limit=3)
    assert (first.stack, first.met, first.values, first.more) == (found.stack[:3], found.met, found.values, True)


def test_events_are_looked_for_within_a_week_unless_said(home: Home) -> None:
    last = home.lake.summary().last_us or 0
    assert span_of(home, None, None) == (last + 1 - 7 * DAY_US, last + 1)
    assert span_of(home, 5, 9) == (5, 9)
    span = (last - DAY_US, last + 1)
    found = hunt_events(home, "host.name: *", "kql", span=span, stack="", limit=50)
    times = [parse_time(row["@timestamp"]) for row in found.rows]
    assert times == sorted(times, reverse=True)
    assert len(times) == 50
    assert found.more
    assert min(times) >= span[0]


@pytest.mark.parametrize(
    ("query", "language"),
    [
        ("record_score >= 20", "kql"),
        ("record_score:[20 TO *]", "lucene"),
        ('job_id: "v3_windows_anomalous_user_name"', "kql"),
        ("message: *new*", "kql"),
        ("learning: false and user.name: *", "kql"),
    ],
)
def test_records_are_found_by_their_fields(home: Home, query: str, language: str) -> None:
    held = home.store.list_records()
    tests: dict[str, Callable[[Record], bool]] = {
        "record_score >= 20": lambda record: record.record_score >= 20,
        "record_score:[20 TO *]": lambda record: record.record_score >= 20,
        'job_id: "v3_windows_anomalous_user_name"': lambda record: record.job_id == "v3_windows_anomalous_user_name",
        "message: *new*": lambda record: "new" in record.explanation.sentence.lower(),
        "learning: false and user.name: *": lambda record: (
            not record.learning
            and (
                record.entity_type == "user"
                or "user.name" in {record.by_field_name, record.partition_field_name, record.over_field_name}
                or any(found.influencer_field_name == "user.name" for found in record.influencers)
            )
        ),
    }
    wanted = [record.id for record in held if tests[query](record)]
    found = hunt_records(home, query, language, span=EVER, stack="", limit=1000)  # type: ignore[arg-type]
    assert found.met == len(wanted)
    assert [row["id"] for row in found.rows] == wanted[:1000]


def test_records_are_stacked(home: Home) -> None:
    found = hunt_records(home, "*", "kql", span=EVER, stack="job_id", limit=100)
    assert found.stack is not None
    assert {each.value: each.count for each in found.stack} == Counter(
        each.job_id for each in home.store.list_records()
    )
    none = hunt_records(home, "*", "kql", span=(0, 1), stack="job_id", limit=100)
    assert (none.stack, none.met) == ((), 0)


def test_the_memory_is_asked_in_the_same_words(home: Home) -> None:
    found = hunt_memory(home, "process.name: (s* or w*)", "kql", limit=1000)
    names = {row["value"] for row in found.rows}
    assert names
    assert names == {each.value for text in ("s*", "w*") for each in seen(home, text, field="process.name")}
    hosts = [row["hosts"] for row in found.rows]
    assert hosts == sorted(hosts)
    (one,) = hunt_memory(home, 'process.name: "svchost.exe"', "kql", limit=10).rows
    (told,) = seen(home, "svchost.exe", field="process.name")
    assert (one["first"], one["last"], one["events"], one["hosts"]) == (told.first, told.last, told.events, told.hosts)
    assert hunt_memory(home, "svchost.exe", "kql", limit=10).rows[0]["field"] == "process.name"
    for query in ("process.name: a and user.name: b", "not process.name: a", "process.name >= 3", "message: x"):
        with pytest.raises(QueryError):
            hunt_memory(home, query, "kql", limit=10)


def test_a_wrong_field_or_query_is_refused(home: Home) -> None:
    for field in ("x" * 300, "a\nb"):
        with pytest.raises(InputError):
            hunt_events(home, "*", "kql", span=EVER, stack=field, limit=10)
    with pytest.raises(QueryError):
        hunt_events(home, "((", "kql", span=EVER, stack="", limit=10)
