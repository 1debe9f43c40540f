"""Events to alerts: groups, windows, ids; the same whatever the cuts."""

from __future__ import annotations

import itertools

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from rarebit.alert.grouping import Collected, alerts_from, hits_of
from rarebit.core.rule import NewTerms, Rule, Suppress
from rarebit.core.time import HOUR_US, parse_time

START = parse_time("2026-10-05")
RULE = Rule(id="r", name="Shell", kind="query", severity="high", suppress=Suppress(fields=("host.name",), window="1h"))
NEW = Rule(id="n", name="New", kind="new_terms", new_terms=NewTerms(fields=("user.name",)))
Row = tuple[int, str, str]


def _table(rows: list[Row]) -> pa.Table:
    """Minutes after the start, host, user."""
    return pa.table(
        {
            "time": pa.array([START + minute * 60_000_000 for minute, _, _ in rows], pa.int64()),
            "code": pa.array(range(len(rows)), pa.int64()),
            "event": pa.array([f"e{minute}-{host}-{user}" for minute, host, user in rows], pa.string()),
            "field:host.name": pa.array([host or None for _, host, _ in rows], pa.string()),
            "field:user.name": pa.array([user or None for _, _, user in rows], pa.string()),
        }
    )


def _alerts(rule: Rule, *parts: list[Row]) -> list[tuple[str, dict[str, str], int, str]]:
    collected = Collected()
    for part in parts:
        collected.add(hits_of(rule, _table(part)))
    return [(a.id, a.group, a.event_count, a.state) for a in alerts_from(collected, [rule], {})]


def test_events_of_one_host_and_hour_are_one_alert() -> None:
    made = _alerts(RULE, [(0, "a", "x"), (1, "b", "x"), (59, "a", "y"), (60, "a", "x"), (500, "a", "x")])
    assert [(group["host.name"], count, state) for _, group, count, state in made] == [
        ("a", 2, "new"), ("b", 1, "new"), ("a", 1, "ongoing"), ("a", 1, "new"),
    ]  # fmt: skip
    assert len({name for name, _, _, _ in made}) == 4


def test_events_without_the_field_are_a_group_of_their_own() -> None:
    assert [count for _, _, count, _ in _alerts(RULE, [(0, "", "x"), (1, "", "x"), (2, "a", "x")])] == [2, 1]


def test_what_is_new_is_new_once() -> None:
    ((_, group, count, _),) = _alerts(NEW, [(5, "a", "bob")], [(9, "b", "bob"), (11, "a", "bob")])
    assert (group, count) == ({"user.name": "bob"}, 1)


def test_an_alert_told_of_grows_and_keeps_its_id_and_entity() -> None:
    first, second = Collected(), Collected()
    first.add(hits_of(RULE, _table([(3, "a", "x")])))
    (told,) = alerts_from(first, [RULE], {})
    second.add(hits_of(RULE, _table([(4, "a", "y"), (2, "a", "z")][::-1])))
    (grown,) = alerts_from(second, [RULE], {told.id: told})
    assert (grown.id, grown.state, grown.event_count) == (told.id, "grown", 3)
    assert grown.timestamp < told.timestamp < grown.last
    assert grown.event_ids == ("e2-a-z", "e4-a-y", "e3-a-x")
    assert (grown.score, grown.severity, grown.entity_id) == (73.0, "high", "a")


ROWS = st.lists(st.tuples(st.integers(0, 300), st.sampled_from("abc"), st.sampled_from("xy")), max_size=40)


@given(rows=ROWS, cuts=st.lists(st.integers(0, 40), max_size=4))
def test_cuts_of_batches_change_nothing(rows: list[Row], cuts: list[int]) -> None:
    rows = sorted(rows)
    places = [0, *sorted(cuts), len(rows)]
    parts = [rows[start:end] for start, end in itertools.pairwise(places)]
    for rule in (RULE, NEW):
        assert sorted(_alerts(rule, rows)) == sorted(_alerts(rule, *parts))


@given(rows=ROWS)
def test_every_event_is_in_one_alert(rows: list[Row]) -> None:
    made = _alerts(RULE, sorted(rows))
    assert sum(count for _, _, count, _ in made) == len(rows)
    assert len(made) == len({(host, (START + minute * 60_000_000) // HOUR_US) for minute, host, _ in rows})
