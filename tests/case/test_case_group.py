"""Findings of one entity close in time are one case: stretches, ids, and what a case says."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarebit.case.fuse import Fused
from rarebit.case.group import GAP_US, LONGEST_US, Drafts
from rarebit.core.result import Case, Record
from rarebit.core.time import HOUR_US, parse_time
from rarebit.query.kql import parse_kql

MakeRecord = Callable[..., Record]
Grouped = Callable[..., Drafts]
START = parse_time("2026-10-05T08:00:00Z")


def _at(hours: float) -> int:
    return START + round(hours * HOUR_US)


def _told(drafts: Drafts) -> list[tuple[str, int]]:
    names = drafts.evidence.names
    return [(names[drafts.entity[at]][1], drafts.all_rows(at).size) for at in range(len(drafts))]


def test_findings_of_a_host_within_a_day_are_one_case(make_record: MakeRecord, grouped: Grouped) -> None:
    near = [make_record(1, _at(0)), make_record(2, _at(20)), make_record(3, _at(44))]
    other = [make_record(4, _at(1), entity_id="ws2")]
    assert _told(grouped([*near, *other])) == [("ws1", 3), ("ws2", 1)]


def test_a_day_of_silence_ends_a_case_of_one_tactic(make_record: MakeRecord, grouped: Grouped) -> None:
    records = [make_record(1, START), make_record(2, START + GAP_US), make_record(3, START + 2 * GAP_US + 1000)]
    assert [size for _, size in _told(grouped(records))] == [2, 1]


def test_a_slow_chain_over_a_week_is_one_case(make_record: MakeRecord, grouped: Grouped) -> None:
    """Four tactics two days apart tell more together than any of them."""
    values = ("schtasks.exe", "ntdsutil.exe", "nltest.exe", "rclone.exe")
    chain = [make_record(n, _at(50 * n), value=value) for n, value in enumerate(values)]
    drafts = grouped(chain)
    assert _told(drafts) == [("ws1", 4)]
    assert drafts.window.tolist() == [1]


def test_no_case_is_longer_than_a_week(make_record: MakeRecord, grouped: Grouped) -> None:
    records = [make_record(number, _at(12 * number), job_id=f"j{number}") for number in range(60)]
    drafts = grouped(records)
    assert all(drafts.last_us - drafts.begin_us <= LONGEST_US)
    assert sum(drafts.all_rows(at).size for at in range(len(drafts))) == 60


def test_learning_and_rollouts_are_left_out(make_record: MakeRecord, grouped: Grouped) -> None:
    out = [
        make_record(1, START, learning=True),
        make_record(2, START, rollout="lead"),
        make_record(4, START, entity_id=""),
    ]
    kept = make_record(5, START)
    assert [signal.id for signal in grouped([*out, kept]).evidence.signals] == [kept.id]


def test_what_is_common_makes_no_case(make_record: MakeRecord, grouped: Grouped) -> None:
    assert len(grouped([make_record(1, START, expected=1000.0)])) == 0


OFFSETS = st.lists(st.tuples(st.integers(0, 400), st.sampled_from(["ws1", "ws2"])), min_size=1, max_size=30)


@given(OFFSETS, st.permutations(range(30)))
def test_order_does_not_matter(
    make_record: MakeRecord, fused: Callable[..., list[Fused]], offsets: list[tuple[int, str]], order: list[int]
) -> None:
    records = [make_record(n, _at(hours), entity_id=host) for n, (hours, host) in enumerate(offsets)]
    first, second = fused(records), fused([records[at] for at in order if at < len(records)])
    assert [(item.id, item.total, item.expected) for item in first] == [
        (item.id, item.total, item.expected) for item in second
    ]
    assert len({item.id for item in first}) == len(first)


@given(OFFSETS)
def test_no_finding_is_in_two_cases(make_record: MakeRecord, grouped: Grouped, offsets: list[tuple[int, str]]) -> None:
    drafts = grouped([make_record(n, _at(hours), entity_id=host) for n, (hours, host) in enumerate(offsets)])
    rows = Counter(row for at in range(len(drafts)) for row in drafts.all_rows(at).tolist())
    assert set(rows.values()) <= {1}
    assert {row for at in range(len(drafts)) for row in drafts.telling(at).tolist()} <= set(rows)


@given(OFFSETS, st.integers(1, 29))
def test_what_was_told_of_keeps_its_id(
    make_record: MakeRecord, grouped: Grouped, offsets: list[tuple[int, str]], cut: int
) -> None:
    records = [make_record(n, _at(hours), entity_id=host) for n, (hours, host) in enumerate(sorted(offsets))]
    before = grouped(records[:cut])
    ids = [before.id_of(at) for at in range(len(before))]
    told = {before.evidence.signals[row].id: ids[at] for at in range(len(before)) for row in before.all_rows(at)}
    after = grouped(records, told)
    assert set(ids) <= {after.id_of(at) for at in range(len(after))}
    assert len({after.id_of(at) for at in range(len(after))}) == len(after)


def test_many_sights_of_one_thing_weigh_no_more_than_one(make_record: MakeRecord, grouped: Grouped) -> None:
    once = grouped([make_record(1, _at(0), value="odd.exe")])
    often = grouped([make_record(n, _at(n), value="odd.exe", expected=0.5) for n in range(1, 9)])
    assert often.total[0] == pytest.approx(once.total[0])


@given(st.lists(st.floats(0.001, 9.0), min_size=1, max_size=8), st.integers(0, 7))
def test_a_rarer_finding_makes_no_case_weaker(
    make_record: MakeRecord, grouped: Grouped, expected: list[float], at: int
) -> None:
    at %= len(expected)
    rarer = [value / 10 if n == at else value for n, value in enumerate(expected)]
    before, after = (
        grouped([make_record(n, _at(n / 4), expected=v) for n, v in enumerate(e)]) for e in (expected, rarer)
    )
    assert after.total[0] >= before.total[0] - 1e-9


def test_ranking_puts_the_rarest_first(make_record: MakeRecord, fused: Callable[..., list[Fused]]) -> None:
    common = [make_record(n, _at(24 * n), entity_id=f"ws{n}", expected=5.0) for n in range(1, 20)]
    rare = [make_record(100 + n, _at(30 + n), entity_id="dc01", expected=0.01) for n in range(3)]
    ranked = fused([*common, *rare])
    assert ranked[0].drafts.evidence.names[ranked[0].drafts.entity[ranked[0].lead]] == ("host", "dc01")
    expected = [item.expected for item in ranked]
    assert expected == sorted(expected)
    assert all(value > 0 for value in expected)


def test_no_records_no_cases(fused: Callable[..., list[Fused]]) -> None:
    assert fused([]) == []


CasesFrom = Callable[..., list[Case]]


def test_a_case_says_who_what_and_why(make_record: MakeRecord, cases_from: CasesFrom) -> None:
    records = [make_record(1, _at(0), expected=2.0), make_record(2, _at(1), expected=0.1), make_record(3, _at(2))]
    (case,) = cases_from(records, {"role": "domain_controller", "site": "Lyon"})
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


@given(st.text(min_size=1, max_size=30).filter(lambda text: "\x00" not in text))
def test_queries_hold_any_value(make_record: MakeRecord, cases_from: CasesFrom, value: str) -> None:
    queries: dict[str, Any] = cases_from([make_record(1, START, value=value, entity_id=value)])[0].queries
    assert set(queries) == {"kql", "esql", "spl", "sql"}
    parse_kql(queries["kql"])
    text = queries["sql"].replace("TIMESTAMPTZ", "")
    table = sqlite3.connect(":memory:")
    table.execute('CREATE TABLE events ("host.name", "@timestamp", "process.name")')
    table.execute("INSERT INTO events VALUES (?, '2026-10-05T08:00:00.000Z', ?)", (value, value))
    assert len(table.execute(text).fetchall()) == 1
    table.close()


def test_a_case_survives_its_own_json(make_record: MakeRecord, cases_from: CasesFrom) -> None:
    (case,) = cases_from([make_record(1, START)])
    assert msgspec.json.decode(msgspec.json.encode(case), type=Case) == case
