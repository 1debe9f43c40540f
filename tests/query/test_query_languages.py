"""The same condition in Query DSL, KQL and Lucene gives the same rows; each language reads as its manual says."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarebit.core.errors import QueryError
from rarebit.query.arrow import to_mask
from rarebit.query.dsl import parse_dsl
from rarebit.query.kql import parse_kql
from rarebit.query.lucene import parse_lucene
from rarebit.query.main_fields import MAIN_FIELDS
from rarebit.query.tree import (
    All,
    And,
    Exists,
    Match,
    Node,
    Not,
    Or,
    Phrase,
    Range,
    Term,
    Wildcard,
    fields_of,
    rewrite,
)

EVENTS = pa.table(
    {
        "process.name": ["cmd.exe", "powershell.exe", None, "explorer.exe", "a b"],
        "user.name": ["admin", "bob", "ADMIN", None, "o'neil"],
        "event.category": ["process", "network,process", "network", None, ""],
        "destination.port": [443, 80, None, 8080, -1],
        "source.ip": ["10.0.0.1", "192.168.0.1", "::1", None, "fe80::1"],
        "message": ["user logged in", "Logged OUT", None, "a b", "x"],
        "rarebit.rest": [
            '{"winlog.event_data.LogonType":"10"}',
            '{"winlog.event_data.LogonType":10}',
            "{}",
            None,
            "{}",
        ],
    }
)

SAME: list[tuple[dict[str, Any], str, str, list[int]]] = [
    ({"match_all": {}}, "*", "*:*", [0, 1, 2, 3, 4]),
    ({"term": {"process.name": "cmd.exe"}}, 'process.name: "cmd.exe"', "process.name:cmd.exe", [0]),
    ({"term": {"process.name": "a b"}}, "process.name: a b", 'process.name:"a b"', [4]),
    ({"terms": {"user.name": ["bob", "admin"]}}, "user.name: (bob or admin)", "user.name:(bob OR admin)", [0, 1]),
    ({"wildcard": {"process.name": "*.exe"}}, "process.name: *.exe", "process.name:*.exe", [0, 1, 3]),
    ({"exists": {"field": "user.name"}}, "user.name: *", "_exists_:user.name", [0, 1, 2, 4]),
    (
        {"bool": {"must_not": {"exists": {"field": "user.name"}}}},
        "not user.name: *",
        "NOT user.name:*",
        [3],
    ),
    ({"term": {"event.category": "process"}}, "event.category: process", "event.category:process", [0, 1]),
    (
        {"range": {"destination.port": {"gte": 443, "lt": 8080}}},
        "destination.port >= 443 and destination.port < 8080",
        "destination.port:[443 TO 8080}",
        [0],
    ),
    ({"term": {"source.ip": "10.0.0.0/8"}}, 'source.ip: "10.0.0.0/8"', 'source.ip:"10.0.0.0/8"', [0]),
    ({"match": {"message": "logged"}}, "message: logged", "message:logged", [0, 1]),
    ({"match_phrase": {"message": "logged in"}}, 'message: "logged in"', 'message:"logged in"', [0]),
    (
        {"term": {"winlog.event_data.LogonType": 10}},
        "winlog.event_data.LogonType: 10",
        "winlog.event_data.LogonType:10",
        [0, 1],
    ),
    (
        {"bool": {"filter": [{"term": {"process.name": "cmd.exe"}}], "should": [{"term": {"user.name": "bob"}}]}},
        "process.name: cmd.exe",
        "+process.name:cmd.exe user.name:bob",
        [0],
    ),
    (
        {
            "bool": {
                "should": [{"term": {"user.name": "bob"}}, {"term": {"user.name": "ADMIN"}}],
                "must_not": [{"term": {"event.category": "process"}}],
            }
        },
        "(user.name: bob OR user.name: ADMIN) AND NOT event.category: process",
        "(user.name:bob user.name:ADMIN) AND -event.category:process",
        [2],
    ),
    ({"prefix": {"user.name": "o'"}}, "user.name: o'*", "user.name:o'*", [4]),
    ({"regexp": {"user.name": "[a-b].*"}}, "user.name: (a* or b*)", "user.name:/[a-b].*/", [0, 1]),
]


def rows(node: Node) -> list[int]:
    return [at for at, hit in enumerate(to_mask(node, EVENTS).to_pylist()) if hit]


@pytest.mark.parametrize(("dsl", "kql", "lucene", "expected"), SAME)
def test_same_condition_same_rows(dsl: dict[str, Any], kql: str, lucene: str, expected: list[int]) -> None:
    assert rows(parse_dsl(dsl)) == expected
    assert rows(parse_kql(kql)) == expected
    assert rows(parse_lucene(lucene)) == expected
    assert rows(parse_dsl({"query_string": {"query": lucene}})) == expected


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("", All()),
        ("  *  ", All()),
        ("*:*", All()),
        ("a: b c", Match("a", "b c")),
        ("a:b and c:d or e:f", Or((And((Match("a", "b"), Match("c", "d"))), Match("e", "f")))),
        ("NOT a:b AND c:d", And((Not(Match("a", "b")), Match("c", "d")))),
        (r"a: C\:\\Windows\\*", Wildcard("a", r"C:\\Windows\\*")),
        (r'a: "C:\Windows\\x"', Phrase("a", r"C:\Windows\x")),
        (r'a: "say \"x\" \u0041\t"', Phrase("a", 'say "x" A\t')),
        (r"a: \not", Match("a", "not")),
        ("a: notepad", Match("a", "notepad")),
        ("a: (b or not c)", Or((Match("a", "b"), Not(Match("a", "c"))))),
        ("a: what?*", Wildcard("a", r"what\?*")),
        (r"a: \*", Match("a", "*")),
        ('a: "*"', Phrase("a", "*")),
        ("a >= 5", Range("a", gte="5")),
        ('a < "now-1d/d"', Range("a", lt="now-1d/d")),
        ("((a: b))", Match("a", "b")),
        ("a: or.exe", Match("a", "or.exe")),
    ],
)
def test_kql_reads_as_kibana_does(text: str, node: Node) -> None:
    assert parse_kql(text) == node


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: {b: c}", "nested"),
        ("a: ", "ends too early"),
        ("a: b and", "ends too early"),
        ("(a: b", "ends too early"),
        ("a: b)", "not expected"),
        (r"a: C:\Windows", "KQL, character"),
        (r"a: \Windows", "backslash stands alone"),
        ('a: "b', "not expected"),
        ("foo bar not baz", "not expected"),
        ("nosuchfield*: x", "no field"),
    ],
)
def test_kql_refusals_say_what_and_where(text: str, says: str) -> None:
    with pytest.raises(QueryError, match=says):
        parse_kql(text)


def test_values_without_a_field_are_looked_for_in_the_main_fields() -> None:
    assert fields_of(parse_kql("cmd.exe")) == frozenset(MAIN_FIELDS) == fields_of(parse_lucene("cmd.exe"))
    assert rows(parse_kql("cmd.exe")) == [0] == rows(parse_lucene("cmd.exe"))
    assert rows(parse_kql("user.*: bob")) == [1]


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("a:b c:d", Or((Match("a", "b"), Match("c", "d")))),
        ("+a:b c:d", Match("a", "b")),
        ("+a:b -c:d", And((Match("a", "b"), Not(Match("c", "d"))))),
        ("a:b OR NOT c:d", And((Not(Match("c", "d")), Match("a", "b")))),
        ("a:(b AND c)^2", And((Match("a", "b"), Match("a", "c")))),
        (r"a:C\:\\x", Match("a", r"C:\x")),
        ("a:[* TO 5}", Range("a", lt="5")),
        ("a:>=5", Range("a", gte="5")),
        ("a:[-5 TO -1]", Range("a", gte="-5", lte="-1")),
        ("_exists_:a.b", Exists("a.b")),
        ("a:b?c", Wildcard("a", "b?c")),
    ],
)
def test_lucene_reads_as_query_string_does(text: str, node: Node) -> None:
    assert parse_lucene(text) == node


@pytest.mark.parametrize("text", ["a:b~", 'a:"b c"~3', "a:(b", "AND", "a:[1 TO", '"'])
def test_lucene_refusals(text: str) -> None:
    with pytest.raises(QueryError):
        parse_lucene(text)


def test_default_operator_and_fields_of_query_string() -> None:
    query = {"query": "bob admin", "fields": ["user.name^2"], "default_operator": "AND"}
    assert parse_dsl({"query_string": query}) == And((Match("user.name", "bob"), Match("user.name", "admin")))
    simple = {"query": 'bob | -admin + "x y"', "fields": ["user.name"]}
    assert fields_of(parse_dsl({"simple_query_string": simple})) == {"user.name"}
    plain = parse_dsl({"simple_query_string": {"query": "a:b NOT [x", "fields": ["user.name"]}})
    assert {at.text for at in plain.nodes} == {"a:b", "NOT", "[x"}  # type: ignore[attr-defined]


def test_rewrite_puts_other_nodes_in_place_of_leaves() -> None:
    node = parse_kql('asset.role: "dc" and not asset.role: ws')
    roles = {"dc": ("dc1", "dc2"), "ws": ("ws1",)}

    def hosts(leaf: Node) -> Node:
        assert isinstance(leaf, Match | Phrase)
        return Or(tuple(Term("host.name", host) for host in roles[str(leaf.text)]))

    assert fields_of(rewrite(node, {"asset.role": hosts})) == {"host.name"}
    assert rewrite(node, {}) == node


real = st.sampled_from([text for _, kql, lucene, _ in SAME for text in (kql, lucene)])


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = draw(real)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(text)))
        text = (
            text[:at]
            + draw(
                st.sampled_from(["", "(", ")", '"', "\\", ":", "*", " not ", "{", "[", "~", "^", "/", "\ud800", "\0"])
            )
            + text[at + draw(st.integers(0, 2)) :]
        )
    return text


@settings(max_examples=80, deadline=None)
@given(mutated() | st.text(max_size=60))
def test_only_query_errors_come_out(text: str) -> None:
    for parse in (parse_kql, parse_lucene, lambda query: parse_dsl({"simple_query_string": {"query": query}})):
        try:
            assert to_mask(parse(text), EVENTS).null_count == 0
        except QueryError as error:
            assert str(error).encode()  # noqa: PT017 - a refusal, and printable, is a fine answer


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda part: (
        st.lists(part, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "bool",
                    "must",
                    "should",
                    "filter",
                    "must_not",
                    "term",
                    "terms",
                    "match",
                    "range",
                    "gte",
                    "value",
                    "query",
                    "field",
                    "exists",
                    "a.b",
                    "minimum_should_match",
                    "fields",
                    "multi_match",
                    "type",
                    "query_string",
                    "ids",
                    "values",
                    "regexp",
                    "wildcard",
                    "prefix",
                    "case_insensitive",
                    "format",
                    "time_zone",
                    "geo_shape",
                    "\ud800",
                ]
            )
            | st.text(max_size=4),
            part,
            max_size=2,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=80, deadline=None)
@given(json)
def test_any_json_is_read_or_refused(query: Any) -> None:
    try:
        assert to_mask(parse_dsl(query), EVENTS).null_count == 0
    except QueryError as error:
        assert str(error).encode()  # noqa: PT017 - a refusal, and printable, is a fine answer
