"""Queries put to documents: whole values, lists, times, numbers, patterns; what only events can be asked is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarebit.app.match import check, meets
from rarebit.core.errors import QueryError
from rarebit.query.dsl import parse_dsl
from rarebit.query.kql import parse_kql
from rarebit.query.tree import Not, Regexp, Wildcard

DOCUMENT = {
    "id": "r1",
    "score": 60.0,
    "timestamp": 1_790_812_800_000,
    "time": "2026-10-01T00:05:00.000000Z",
    "learning": False,
    "entity": {"type": "host", "id": "ws1"},
    "group": {"host.name": "ws1"},
    "reasons": [{"kind": "record", "score": 50.0}, {"kind": "alert", "score": 80.0}],
    "tactics": ["TA0002", "TA0008"],
    "verdict": None,
    "techniques": [],
}


@pytest.mark.parametrize(
    ("query", "met"),
    [
        ("entity.id: ws1", True),
        ("entity.id: WS1", False),
        ("entity.id: ws", False),
        ("group.host.name: ws1", True),
        ("reasons.kind: alert and tactics: TA0008", True),
        ("reasons.score > 80", False),
        ("reasons.score >= 80", True),
        ("score: 60", True),
        ("score < 60", False),
        ("learning: false", True),
        ("verdict: *", False),
        ("techniques: *", False),
        ("not verdict: *", True),
        ('time >= "2026-10-01" and time < "2026-10-02"', True),
        ('time > "2026-10-01"', False),
        ('timestamp >= "2026-10-01T00:00:00Z"', True),
        ('timestamp < "2026-10-01T00:00:00Z"', False),
        ("entity.id: w*1", True),
        ("no.such: 1", False),
    ],
)
def test_a_document_meets_what_it_holds(query: str, met: bool) -> None:
    node = parse_kql(query)
    check(node)
    assert meets(node, DOCUMENT) is met
    assert meets(Not(node), DOCUMENT) is not met


def test_query_dsl_is_the_same_tree() -> None:
    for query, met in (
        (
            {
                "bool": {
                    "should": [{"term": {"id": "x"}}, {"terms": {"tactics": ["TA0002"]}}],
                    "minimum_should_match": 1,
                }
            },
            True,
        ),
        ({"prefix": {"entity.id": "ws"}}, True),
        ({"exists": {"field": "techniques"}}, False),
        ({"match_all": {}}, True),
        ({"match_none": {}}, False),
    ):
        assert meets(parse_dsl(query), DOCUMENT) is met, query


def test_what_only_events_can_be_asked_is_refused() -> None:
    with pytest.raises(QueryError, match="over events alone"):
        check(Not(Regexp("id", "r.*")))


@given(st.text("ab*?\\", max_size=8), st.text("ab*?", max_size=10))
def test_patterns_fit_as_they_are_written(pattern: str, text: str) -> None:
    written = re.sub(
        r"\\(.)|\\$|.",
        lambda m: re.escape(m[1]) if m[1] else {"*": ".*", "?": "."}.get(m[0], re.escape(m[0])),
        pattern,
        flags=re.DOTALL,
    )
    assert meets(Wildcard("v", pattern), {"v": text}) is bool(re.fullmatch(written, text, re.DOTALL))


def test_a_pattern_of_many_stars_takes_no_time() -> None:
    assert not meets(Wildcard("v", "*a" * 200 + "b"), {"v": "a" * 5_000})
