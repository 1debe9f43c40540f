"""Records of one host close in time are one case: stretches, ids, evidence, budget, and what a case says."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarebit.case.group import GAP_US, LONGEST_US, RECORDS_FROM, case_of, drafts_of, rank, within_budget
from rarebit.core.result import Case, Record
from rarebit.core.time import DAY_US, HOUR_US, parse_time
from rarebit.query.kql import parse_kql

MakeRecord = Callable[..., Record]
START = parse_time("2026-10-05T08:00:00Z")


def _at(hours: float) -> int:
    return START + round(hours * HOUR_US)


def _case(records: list[Record], **context: str) -> Case:
    ((draft, expected), *_) = rank(drafts_of(records))
    attack = {"j": (("Execution",), ("T1204",))}
    return case_of(draft, rank=1, expected=expected, opened=True, attack=attack, context=context)


def test_records_of_a_host_within_a_day_are_one_case(make_record: MakeRecord) -> None:
    near = [make_record(1, _at(0)), make_record(2, _at(20)), make_record(3, _at(44))]
    other = [make_record(4, _at(1), entity_id="ws2")]
    drafts = drafts_of([*near, *other])
    assert [(draft.host, len(draft.records)) for draft in drafts] == [("ws1", 3), ("ws2", 1)]


def test_a_day_of_silence_ends_a_case(make_record: MakeRecord) -> None:
    records = [make_record(1, START), make_record(2, START + GAP_US), make_record(3, START + 2 * GAP_US + 1000)]
    assert [len(draft.records) for draft in drafts_of(records)] == [2, 1]


def test_no_case_is_longer_than_a_week(make_record: MakeRecord) -> None:
    records = [make_record(number, _at(12 * number)) for number in range(60)]
    drafts = drafts_of(records)
    assert all(draft.updated_us - draft.opened_us <= LONGEST_US for draft in drafts)
    assert sum(len(draft.records) for draft in drafts) == 60


def test_learning_rollouts_and_common_findings_are_left_out(make_record: MakeRecord) -> None:
    out = [
        make_record(1, START, learning=True),
        make_record(2, START, rollout="lead"),
        make_record(3, START, expected=RECORDS_FROM * 1.01),
        make_record(4, START, entity_id=""),
    ]
    kept = make_record(5, START)
    assert [draft.records for draft in drafts_of([*out, kept])] == [[kept]]


OFFSETS = st.lists(st.tuples(st.integers(0, 400), st.sampled_from(["ws1", "ws2"])), min_size=1, max_size=30)


@given(OFFSETS, st.permutations(range(30)))
def test_order_does_not_matter_and_nothing_is_lost(
    make_record: MakeRecord, offsets: list[tuple[int, str]], order: list[int]
) -> None:
    records = [make_record(n, _at(hours), entity_id=host) for n, (hours, host) in enumerate(offsets)]
    shuffled = [records[at] for at in order if at < len(records)]
    first, second = drafts_of(records), drafts_of(shuffled)
    assert [(d.id, d.records) for d in first] == [(d.id, d.records) for d in second]
    assert [(d.id, e) for d, e in rank(first)] == [(d.id, e) for d, e in rank(second)]
    assert Counter(record.id for draft in first for record in draft.records) == Counter(r.id for r in records)
    assert len({draft.id for draft in first}) == len(first)


@given(OFFSETS)
def test_later_records_do_not_change_the_id_of_a_case(make_record: MakeRecord, offsets: list[tuple[int, str]]) -> None:
    records = [make_record(n, _at(hours), entity_id=host) for n, (hours, host) in enumerate(sorted(offsets))]
    known: set[str] = set()
    for end in range(1, len(records) + 1):
        ids = {draft.id for draft in drafts_of(records[:end])}
        assert known <= ids
        known = ids


def test_many_sights_of_one_thing_weigh_no_more_than_one(make_record: MakeRecord) -> None:
    once = drafts_of([make_record(1, _at(0), value="odd.exe")])
    often = drafts_of([make_record(n, _at(n), value="odd.exe", expected=0.5) for n in range(1, 9)])
    several = drafts_of([make_record(n, _at(n)) for n in range(1, 9)])
    assert often[0].evidence == pytest.approx(once[0].evidence)
    assert several[0].evidence > once[0].evidence


@given(st.lists(st.floats(0.001, 99.0), min_size=1, max_size=8), st.integers(0, 7))
def test_a_rarer_record_makes_no_case_weaker(make_record: MakeRecord, expected: list[float], at: int) -> None:
    at %= len(expected)
    rarer = [value / 10 if n == at else value for n, value in enumerate(expected)]
    before, after = (
        drafts_of([make_record(n, _at(n), expected=v) for n, v in enumerate(e)]) for e in (expected, rarer)
    )
    assert after[0].evidence >= before[0].evidence - 1e-9


def test_ranking_puts_the_rarest_first(make_record: MakeRecord) -> None:
    common = [make_record(n, _at(24 * n), entity_id=f"ws{n}", expected=40.0) for n in range(1, 20)]
    rare = [make_record(100 + n, _at(30 + n), entity_id="dc01", expected=0.01) for n in range(3)]
    ranked = rank(drafts_of([*common, *rare]))
    assert ranked[0][0].host == "dc01"
    expected = [value for _, value in ranked]
    assert expected == sorted(expected)
    assert all(value > 0 for value in expected)


def test_no_records_no_cases() -> None:
    assert rank(drafts_of([])) == []


@given(
    days=st.lists(st.integers(0, 40), min_size=1, max_size=60),
    per_day=st.sampled_from([1 / 7, 0.5, 1.0, 2.0, 10.0]),
)
def test_the_budget_holds_in_every_week_and_day(make_record: MakeRecord, days: list[int], per_day: float) -> None:
    records = [
        make_record(n, START + day * DAY_US, entity_id=f"host-{n}", expected=0.05 * (n + 1))
        for n, day in enumerate(days)
    ]
    ranked = [(draft, 0.01) for draft, _ in rank(drafts_of(records))]
    chosen = within_budget(ranked, per_day)
    opened = [draft.opened_us // DAY_US for (draft, _), kept in zip(ranked, chosen, strict=True) if kept]
    assert all(count <= max(1.0, 3 * per_day) for count in Counter(opened).values())
    assert all(count <= max(1.0, 7 * per_day) + 1e-9 for count in Counter(day // 7 for day in opened).values())
    assert chosen[0]
    rejected = [draft.opened_us // DAY_US for (draft, _), kept in zip(ranked, chosen, strict=True) if not kept]
    for day in rejected:
        full_day = Counter(opened)[day] + 1 > max(1.0, 3 * per_day)
        full_week = Counter(d // 7 for d in opened)[day // 7] + 1 > max(1.0, 7 * per_day)
        assert full_day or full_week


def test_what_is_expected_more_often_than_the_budget_is_not_opened(make_record: MakeRecord) -> None:
    (draft,) = drafts_of([make_record(1, START)])
    assert within_budget([(draft, 7.1)], 1.0) == [False]
    assert within_budget([(draft, 6.9)], 1.0) == [True]


def test_a_case_says_who_what_and_why(make_record: MakeRecord) -> None:
    records = [make_record(1, _at(0), expected=2.0), make_record(2, _at(1), expected=0.1), make_record(3, _at(2))]
    case = _case(records, role="domain_controller", site="Lyon")
    assert (
        case.sentence == "ws1 (domain controller) showed 3 things that are rare here: odd-2.exe, odd-3.exe, odd-1.exe"
    )
    assert (case.entity.id, case.context["site"], case.state) == ("ws1", "Lyon", "open")
    assert (case.opened_at, case.updated_at) == ("2026-10-05T08:00:00.000Z", "2026-10-05T10:00:00.000Z")
    assert [reason.id for reason in case.reasons] == [records[1].id, records[2].id, records[0].id]
    assert [entry.time for entry in case.timeline] == [record.time for record in records]
    assert case.record_ids == tuple(record.id for record in records)
    assert (case.tactics, case.techniques, case.event_count) == (("Execution",), ("T1204",), 3)
    assert {event for reason in case.reasons for event in reason.event_ids} == {"event-1", "event-2", "event-3"}


def test_the_id_of_a_case_is_of_its_first_record(make_record: MakeRecord) -> None:
    first, second = make_record(1, _at(0)), make_record(2, _at(5), expected=0.01)
    assert _case([first]).id == _case([first, second]).id != _case([second]).id


@given(st.text(min_size=1, max_size=30).filter(lambda text: "\x00" not in text))
def test_queries_hold_any_value(make_record: MakeRecord, value: str) -> None:
    queries: dict[str, Any] = _case([make_record(1, START, value=value, entity_id=value)]).queries
    assert set(queries) == {"kql", "esql", "spl", "sql"}
    parse_kql(queries["kql"])
    text = queries["sql"].replace("TIMESTAMPTZ", "")
    table = sqlite3.connect(":memory:")
    table.execute('CREATE TABLE events ("host.name", "@timestamp", "process.name")')
    table.execute("INSERT INTO events VALUES (?, '2026-10-05T08:00:00.000Z', ?)", (value, value))
    assert len(table.execute(text).fetchall()) == 1
    table.close()


def test_a_case_survives_its_own_json(make_record: MakeRecord) -> None:
    case = _case([make_record(1, START)])
    assert msgspec.json.decode(msgspec.json.encode(case), type=Case) == case
