"""Reading the Query DSL: datafeeds of Elastic's jobs, minimum_should_match, and refusals with their JSON path."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from rarebit.core.errors import QueryError
from rarebit.query.arrow import to_mask
from rarebit.query.dsl import parse_dsl, to_dsl
from rarebit.query.kql import parse_kql
from rarebit.query.tree import All, And, AtLeast, Ids, Match, Not, Nothing, Or, Phrase, Range, Term, Terms

A, B, C = ({"term": {name: "x"}} for name in "abc")
TA, TB, TC = (Term(name, "x") for name in "abc")

AGENT_NAMES = [
    f"{name}{end}"
    for name in ("elastic-agent", "metricbeat", "filebeat", "packetbeat", "winlogbeat")
    for end in ("", ".exe")
]
WINDOWS = {
    "bool": {
        "should": [
            {"match": {"host.os.type": {"query": "windows"}}},
            {"match": {"host.os.family": {"query": "windows"}}},
        ],
        "minimum_should_match": 1,
    }
}
LINUX = {
    "bool": {
        "should": [
            {"term": {"host.os.type": "linux"}},
            {"terms": {"host.os.family": ["debian", "redhat", "suse", "ubuntu"]}},
        ],
        "minimum_should_match": "1",
    }
}
PROCESS_START = [{"term": {"event.category": "process"}}, {"term": {"event.type": "start"}}]
NETWORK_START = {
    "bool": {
        "filter": [{"term": {"event.category": "network"}}, {"term": {"event.type": "start"}}],
        "must_not": [{"terms": {"destination.ip": ["127.0.0.1", "127.0.0.53", "::1"]}}],
    }
}
AGENTS = [{"terms": {"process.name": AGENT_NAMES}}]
METADATA = {"term": {"destination.ip": "169.254.169.254"}}

EVENTS = pa.table(
    {
        "event.category": ["process", "process", "network,process", "network", "network", "process", None],
        "event.type": ["start", "end", "info,start", "start", "connection,start", "start", None],
        "host.os.type": ["windows", "windows", None, "linux", None, "windows", None],
        "host.os.family": [None, "windows", "windows", None, "ubuntu", None, None],
        "process.name": ["cmd.exe", "cmd.exe", "svchost.exe", "curl", None, "winlogbeat.exe", None],
        "destination.ip": [None, None, "169.254.169.254", "169.254.169.254", "0:0:0:0:0:0:0:1", None, None],
    }
)


@pytest.mark.parametrize(
    ("feed", "expected"),
    [
        ({"bool": {"filter": [*PROCESS_START, WINDOWS], "must_not": AGENTS}}, [0, 2]),
        ({"bool": {"filter": [WINDOWS]}}, [0, 1, 2, 5]),
        (LINUX, [3, 4]),
        (NETWORK_START, [2, 3]),
        ({"bool": {"filter": [METADATA, LINUX]}}, [3]),
        ({"bool": {"must_not": AGENTS}}, [0, 1, 2, 3, 4, 6]),
        ({"bool": {"filter": [{"bool": {"must": [NETWORK_START]}}, WINDOWS], "must_not": AGENTS}}, [2]),
    ],
)
def test_feeds_of_elastic_jobs(feed: dict[str, Any], expected: list[int]) -> None:
    node = parse_dsl(feed)
    mask = to_mask(node, EVENTS).to_pylist()
    assert [at for at, hit in enumerate(mask) if hit] == expected
    assert to_mask(parse_dsl(to_dsl(node)), EVENTS).to_pylist() == mask


@pytest.mark.parametrize(
    ("given", "node"),
    [
        ({"should": [A, B]}, Or((TA, TB))),
        ({"should": [A, B], "filter": [C]}, TC),
        ({"should": [A, B], "must": C, "minimum_should_match": 1}, And((TC, Or((TA, TB))))),
        ({"should": [A, B], "minimum_should_match": 2}, And((TA, TB))),
        ({"should": [A, B, C], "minimum_should_match": 2}, AtLeast(2, (TA, TB, TC))),
        ({"should": [A, B, C], "minimum_should_match": "-1"}, AtLeast(2, (TA, TB, TC))),
        ({"should": [A, B, C], "minimum_should_match": "67%"}, AtLeast(2, (TA, TB, TC))),
        ({"should": [A, B], "minimum_should_match": 0}, All()),
        ({"should": [A], "minimum_should_match": 3}, Nothing()),
        ({"should": [A], "must_not": [B]}, And((TA, Not(TB)))),
        ({"must_not": A}, Not(TA)),
        ({}, All()),
    ],
)
def test_bool(given: dict[str, Any], node: object) -> None:
    assert parse_dsl({"bool": given}) == node


@pytest.mark.parametrize(
    ("query", "node"),
    [
        ({"match": {"a": {"query": "x y", "operator": "AND"}}}, Match("a", "x y", every=True)),
        ({"match_phrase_prefix": {"a": "x"}}, Phrase("a", "x", prefix=True)),
        ({"terms": {"a": [1, "b"], "boost": 2.0}}, Terms("a", (1, "b"))),
        ({"ids": {"values": ["1"]}}, Ids(("1",))),
        ({"term": {"_id": "1"}}, Ids(("1",))),
        ({"range": {"a": {"from": 1, "to": 2, "include_upper": False}}}, Range("a", gte=1, lt=2)),
        ({"range": {"a": {"gte": "now-7d/d", "time_zone": "+01:00"}}}, Range("a", gte="now-7d/d", time_zone="+01:00")),
        ({"constant_score": {"filter": A, "boost": 3}}, TA),
        ({"dis_max": {"queries": [A, B]}}, Or((TA, TB))),
        (
            {"multi_match": {"query": "x", "fields": ["a^2", "b"], "type": "phrase"}},
            Or((Phrase("a", "x"), Phrase("b", "x"))),
        ),
    ],
)
def test_clauses(query: dict[str, Any], node: object) -> None:
    assert parse_dsl(query) == node


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ({"bool": {"must": [{"geo_shape": {}}]}}, "$.bool.must[0].geo_shape"),
        ({"bool": {"must": [A, {"bool": {"shoud": []}}]}}, "$.bool.must[1].bool.shoud"),
        ({"term": {"a": {"value": 1, "fuzziness": 2}}}, "$.term.a.fuzziness"),
        ({"term": {"a": None}}, "$.term.a"),
        ({"term": {"a": "x", "b": "y"}}, "$.term"),
        ({"terms": {"a": {"index": "i"}}}, "$.terms.a"),
        ({"match": {"a": {"query": "x", "fuzziness": "AUTO"}}}, "$.match.a.fuzziness"),
        ({"range": {"a": {"gte": 1, "format": "dd/MM"}}}, "$.range.a.format"),
        ({"bool": {"minimum_should_match": "2<75%"}}, "$.bool.minimum_should_match"),
        ({"boosting": {}}, "$.boosting"),
        ({"nested": {"path": "a"}}, "$.nested"),
        ({}, "$"),
        ([], "$"),
        ({"bool": []}, "$.bool"),
        ({"wildcard": {"a": 5}}, "$.wildcard"),
        ({"multi_match": {"query": "x", "fields": ["a*"]}}, "$.multi_match.fields"),
    ],
)
def test_refusals_name_the_json_path(query: Any, where: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_dsl(query)
    assert caught.value.where == where


def test_depth_is_limited_without_recursion() -> None:
    query: dict[str, Any] = A
    for _ in range(5000):
        query = {"bool": {"must": [query]}}
    with pytest.raises(QueryError, match="nested deeper"):
        parse_dsl(query)
    with pytest.raises(QueryError, match="nested deeper"):
        parse_kql("not " * 20_000 + "a: b")
    assert parse_kql("(" * 20_000 + "a: b" + ")" * 20_000) == Match("a", "b")


def test_size_is_limited() -> None:
    many = [str(number) for number in range(65_536)]
    assert len(parse_dsl({"terms": {"user.name": many[:-1]}}).values) == 65_535  # type: ignore[attr-defined]
    with pytest.raises(QueryError, match="clauses"):
        parse_dsl({"terms": {"user.name": [*many, "x"]}})
    with pytest.raises(QueryError, match="characters"):
        parse_kql("a" * 1_000_001)
    with pytest.raises(QueryError, match="joins more"):
        parse_kql(" or ".join(many[:20_000]))
