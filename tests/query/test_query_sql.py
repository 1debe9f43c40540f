"""The SQL itself: what reaches Parquet's statistics, what is refused, and what stays linear."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarebit.core.errors import QueryError
from rarebit.core.fields import REST
from rarebit.core.schema import EVENT_SCHEMA
from rarebit.query.arrow import to_mask, to_masks
from rarebit.query.columns import columns_of
from rarebit.query.dsl import parse_dsl
from rarebit.query.kql import parse_kql
from rarebit.query.sql import to_sql
from rarebit.query.tree import (
    And,
    AtLeast,
    Exists,
    Match,
    Node,
    Not,
    Or,
    Phrase,
    Prefix,
    Range,
    Regexp,
    Term,
    Terms,
    Wildcard,
)


def test_comparisons_reach_the_scan(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    times = pa.array(range(1000), pa.timestamp("us", tz="UTC"))
    names = pa.array([f"h{row}" for row in range(1000)])
    pq.write_table(pa.table({"@timestamp": times, "host.name": names}), path)
    node = parse_kql(
        '@timestamp >= "1970-01-01T00:00:00.000100Z" and host.name: ("h150" or "h7") and not host.name: h1'
    )
    with duckdb.connect() as connection:
        source = connection.read_parquet(str(path))
        plan = source.filter(to_sql(node)).explain()
        assert source.filter(to_sql(node)).count("*").fetchall() == [(1,)]
    scan = plan[plan.index("Filters:") :]
    assert "@timestamp>=" in scan.replace(" ", "").replace('"', "")
    assert "h150" in scan


def test_exact_alternatives_become_one_in() -> None:
    node = parse_kql("user.name: (a or b or c)")
    assert to_sql(node) == "(\"user.name\" IS NOT NULL AND \"user.name\" IN ('a', 'b', 'c'))"


def test_columns_of() -> None:
    node = parse_kql('process.name.text: x and winlog.event_data.X: 1 and "@timestamp" > now-1d')
    assert columns_of(node) == {"process.name", "rarebit.rest", "@timestamp"}


@pytest.mark.parametrize(
    ("node", "says"),
    [
        (Term("destination.port", "https"), "not a number"),
        (Range("destination.port", gte=float("nan")), "not a number"),
        (Term("process.code_signature.trusted", "yes"), "neither true nor false"),
        (Range("process.code_signature.trusted", gte=True), "no range"),
        (Range("@timestamp", gte="yesterday"), "not a date"),
        (Range("@timestamp", gte="2026-01-01", time_zone="Mars/Base"), "not a date"),
        (Term("@timestamp", "9999999-01-01"), "not a date"),
        (Wildcard("@timestamp", "2026*"), "no wildcard"),
        (Term("source.ip", "10.0.0.0/33"), "not a network"),
        (Range("source.ip", gte="a"), "not an address"),
        (Regexp("user.name", "a~b"), "complement"),
        (Regexp("user.name", "<1-5>"), "intervals"),
        (Regexp("user.name", "a&b"), "intersection"),
        (Regexp("user.name", "(a"), "wrong"),
        (Regexp("user.name", "[a"), "without an end"),
        (Regexp("user.name", "a{2"), "repetition"),
        (Regexp("user.name", "a\\"), "backslash"),
        (Regexp("user.name", "(a{1000}){1000}"), "wrong"),
        (Regexp("user.name", "a" * 1001), "characters"),
        (Wildcard("user.name", "*" * 40_000), "characters"),
        (Term("user.name", "a\0"), "NUL"),
        (Term("user.name", "\ud800"), "surrogate"),
        (Exists(""), "name of a field"),
        (Term("destination.port", 10**400), "not a number"),
    ],
)
def test_what_cannot_be_compiled_is_refused(node: Node, says: str) -> None:
    with pytest.raises(QueryError, match=says):
        to_sql(Not(node))


def test_numbers_out_of_range_match_nothing() -> None:
    table = pa.table({"destination.port": [1, 2**63 - 1, None]})
    assert to_mask(Term("destination.port", 2**63), table).to_pylist() == [False, False, False]
    assert to_mask(Range("destination.port", lt=1e300), table).to_pylist() == [True, True, False]
    assert to_mask(Range("destination.port", gt=0.5, lte="1.5"), table).to_pylist() == [True, False, False]
    assert to_mask(Wildcard("destination.port", "9*"), table).to_pylist() == [False, True, False]


def test_deepest_and_widest_queries_run() -> None:
    node: Node = Term("winlog.event_data.X", "1")
    for level in range(98):
        node = (Not(node), And((node, Exists("user.name"))), Or((node, Term("user.name", "b"))))[level % 3]
    table = pa.table({"user.name": ["a", "b", None]})
    assert to_mask(node, table).null_count == 0
    wide = Or(tuple(Prefix("user.name", str(number)) for number in range(5000)))
    assert to_mask(wide, table).to_pylist() == [False, False, False]
    terms = Terms("user.name", tuple(str(number) for number in range(65_000)))
    assert to_mask(Not(terms), table).to_pylist() == [True, True, True]


def test_patterns_take_linear_time() -> None:
    table = pa.table({"process.command_line": ["a" * 100_000]})
    hard = [Wildcard("process.command_line", "*a" * 50 + "*b"), Regexp("process.command_line", "(a*)*b")]
    assert [mask.to_pylist() for mask in to_masks(hard, table)] == [[False], [False]]


def test_words_of_analysed_text() -> None:
    table = pa.table(
        {"message": ["Run CMD.exe /c whoami", "cmd", "the exe file", None], "user.name": ["Bob Ray", "bob", "x", "y"]}
    )
    for node, expected in (
        (Match("message", "cmd.exe"), [True, False, False, False]),
        (Match("message", "exe"), [False, False, True, False]),
        (Match("message", "cmd whoami"), [True, True, False, False]),
        (Match("message", "c whoami", every=True), [True, False, False, False]),
        (Phrase("message", "CMD.EXE c"), [True, False, False, False]),
        (Phrase("message", "c who", prefix=True), [True, False, False, False]),
        (Match("message", "***"), [False, False, False, False]),
        (Match("user.name", "bob"), [False, True, False, False]),
        (Match("user.name.text", "bob"), [True, True, False, False]),
        (Term("user.name.caseless", "BOB"), [False, True, False, False]),
    ):
        assert to_mask(node, table).to_pylist() == expected, node


def test_addresses() -> None:
    table = pa.table(
        {"source.ip": ["10.0.0.1", "::ffff:10.0.0.2", "FE80::1", "0:0:0:0:0:0:0:1", "10.0.0.999", "1::2::3", None]}
    )
    for value, expected in (
        ("10.0.0.0/30", [0, 1]),
        ("fe80::/10", [2]),
        ("::1", [3]),
        ("fe80:0::1", [2]),
        ("::/0", [2, 3]),
        ("10.0.0.999", [4]),
    ):
        mask = to_mask(Term("source.ip", value), table).to_pylist()
        assert [at for at, hit in enumerate(mask) if hit] == expected, value
    between = to_mask(Range("source.ip", gte="10.0.0.1", lt="10.0.0.2"), table)
    assert between.to_pylist() == [True, *[False] * 6]
    lists = pa.table({"host.ip": [["x", "10.1.1.1"], [], None]})
    assert to_mask(Term("host.ip", "10.0.0.0/8"), lists).to_pylist() == [True, False, False]


def test_masks_of_whole_schema_and_of_nothing() -> None:
    empty = EVENT_SCHEMA.empty_table()
    assert to_mask(parse_dsl({"match_all": {}}), empty).to_pylist() == []
    assert to_mask(parse_kql("*"), pa.table({"x": [1, 2]})).to_pylist() == [True, True]
    assert to_masks([], empty) == []
    assert to_mask(AtLeast(1, ()), pa.table({"x": [1]})).to_pylist() == [False]
    chunked = pa.concat_tables([pa.table({"user.name": ["a"]}), pa.table({"user.name": ["b"]})])
    assert to_mask(Term("user.name", "b"), chunked).to_pylist() == [False, True]


@given(st.text(max_size=30), st.text(max_size=30))
@settings(max_examples=150, deadline=None)
def test_any_text_is_safe_as_field_and_value(field: str, value: str) -> None:
    table = pa.table({REST: ["{}"]})
    for node in (
        Term(field, value),
        Wildcard(field, value),
        Regexp("user.name", value),
        Match("message", value),
        Prefix("process.args", value),
    ):
        try:
            assert to_mask(node, table).to_pylist() == [False]
        except QueryError as error:
            assert error.what  # noqa: PT017 - a refusal is a fine answer to such text


@pytest.mark.parametrize(
    "rest", ['{"n": 1e400}', "[1]", '"n"', "", "null", '{"n": {"a": 1}}', '{"n": 12345678901234567890123}']
)
def test_unusual_json_is_no_error(rest: str) -> None:
    nodes: list[Node] = [Term("n", 1), Exists("n"), Range("n", gt=1), Range("n", gt="2025-01-01"), Wildcard("n", "*a*")]
    masks = to_masks(nodes, pa.table({REST: [rest]}))
    assert all(cast("pa.Array", mask).null_count == 0 for mask in masks)


def test_dates_in_json_compare_with_their_zones() -> None:
    rest = [
        '{"s": "2026-01-01T00:30:00+02:00"}',
        '{"s": "2026-01-01T00:30:00"}',
        '{"s": "2026-01-02"}',
        '{"s": "soon"}',
    ]
    mask = to_mask(Range("s", gte="2026-01-01", lt="2026-01-02"), pa.table({REST: rest}))
    assert mask.to_pylist() == [False, True, False, False]


def test_gathering_keeps_every_part() -> None:
    table = pa.table({"user.name": ["a", "b", "c", None], "process.args": [["x"], ["y"], ["z"], None]})
    for text, expected in (
        ("user.name: * and not user.name: a and not user.name: b*", [False, False, True, False]),
        ("not process.args: x* and not process.args: *y and user.name: *", [False, False, True, False]),
        ("process.args: x* or (process.args: *z or process.args: q)", [True, False, True, False]),
        ("not (user.name: a or not user.name: *) and not process.args: y", [False, False, True, False]),
    ):
        assert to_mask(parse_kql(text), table).to_pylist() == expected, text
    many = Or(tuple(Exists(f"x{number}") for number in range(1001)))
    with pytest.raises(QueryError, match="tests"):
        to_sql(many)


def test_wildcards_and_time_bounds() -> None:
    names = pa.table({"user.name": ["abc", "xabc", "abcx", "a%c", "", None]})
    for pattern, expected in (
        ("abc", [0]),
        ("*abc", [0, 1]),
        ("abc*", [0, 2]),
        ("*abc*", [0, 1, 2]),
        ("a?c", [0, 3]),
        ("a%*", [3]),
        ("*", [0, 1, 2, 3, 4]),
        ("", [4]),
    ):
        mask = to_mask(Wildcard("user.name", pattern), names).to_pylist()
        assert [at for at, hit in enumerate(mask) if hit] == expected, pattern
    day = 86_400_000_000
    times = pa.table({"@timestamp": pa.array([0, day - 1, day, None], pa.timestamp("us", tz="UTC"))})
    for bound, hits in (
        (Range("@timestamp", gt="1970-01-01"), [2]),
        (Range("@timestamp", gte="1970-01-01"), [0, 1, 2]),
        (Range("@timestamp", lt="1970-01-02"), [0, 1]),
        (Range("@timestamp", lte="1970-01-01"), [0, 1]),
        (Term("@timestamp", "1970-01-01"), [0, 1]),
    ):
        mask = to_mask(bound, times).to_pylist()
        assert [at for at, hit in enumerate(mask) if hit] == hits, bound


def test_long_lists_of_values_mean_what_short_ones_do() -> None:
    """Lists beyond a few values are compiled to automata; every odd character must still stand for itself."""
    odd = ["a.b", "a|b", "(", "[x]", "\\d", "^", "$", "ä", "日本", "a b", "*", "?", "+", "{2}", "'", '"', "A", "a\nb"]
    values = tuple(odd + [f"host-{number}" for number in range(900)])
    wanted = [*odd, "host-7", "host-899", "host-900", "axb", "", "d", None]
    table = pa.table({"host.name": pa.array(wanted, pa.string())})
    mask = to_mask(Terms("host.name", values), table).to_pylist()
    assert mask == [value in values for value in wanted]
