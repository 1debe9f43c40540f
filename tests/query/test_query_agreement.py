"""Property tests: a row-by-row reading of the tree, DuckDB's filter, masks and every language agree on the rows."""

from __future__ import annotations

import re
from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Any

import duckdb
import orjson
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from rarebit.core.errors import QueryError
from rarebit.core.fields import REST, Kind
from rarebit.core.schema import EVENT_SCHEMA, has_column, kind_of
from rarebit.core.time import iso
from rarebit.query.arrow import to_mask, to_masks
from rarebit.query.dsl import parse_dsl, to_dsl
from rarebit.query.kql import parse_kql, to_kql
from rarebit.query.sql import to_sql
from rarebit.query.tree import (
    All,
    And,
    AtLeast,
    Exists,
    Leaf,
    Match,
    Node,
    Not,
    Nothing,
    Or,
    Phrase,
    Prefix,
    Range,
    Regexp,
    Term,
    Terms,
    Wildcard,
)

Row = dict[str, Any]

NOW = 1_764_000_000_000_000
NAME, WORDS, ARGS, IP, PORT, FLAG, TIME, TEXT = (
    "process.name",
    "event.category",
    "process.args",
    "source.ip",
    "destination.port",
    "process.code_signature.trusted",
    "@timestamp",
    "message",
)
LOOSE, ODD = "winlog.event_data.LogonType", "o'd d/~\"\\☃"
COLUMNS = (NAME, WORDS, ARGS, IP, PORT, FLAG, TIME, TEXT)

chars = st.sampled_from("aAbBéÉ'\"\\%_*?., :()-/\n☃\U0001d5381")
texts = st.text(chars, max_size=5) | st.sampled_from(["cmd.exe", "a", "b", "A", "10", "true", ""])
words = st.sampled_from(["process", "network", "session", "a b"])
addresses = st.sampled_from(
    [
        "10.0.0.1",
        "10.0.255.255",
        "192.168.1.7",
        "::1",
        "fe80::1",
        "FE80:0:0:0:0:0:0:1",
        "::ffff:10.0.0.9",
        "10.0.0",
        "x",
        "",
    ]
)
numbers = st.integers(-3, 3) | st.sampled_from([443, 2**53 + 1, -(2**63), 2**63 - 1])
times = st.integers(-3, 3).map(lambda days: NOW + days * 43_200_000_000)
loose = st.none() | texts | st.booleans() | st.integers(-3, 12) | st.sampled_from([1.5, 10.0, 2**53 + 1])


def _sorted_set(values: set[str]) -> str:
    return ",".join(sorted(values))


rows = st.fixed_dictionaries(
    {
        NAME: st.none() | texts,
        WORDS: st.none() | st.sets(words, max_size=2).map(_sorted_set),
        ARGS: st.none() | st.lists(st.none() | texts, max_size=3),
        IP: st.none() | addresses,
        PORT: st.none() | numbers,
        FLAG: st.none() | st.booleans(),
        TIME: st.none() | times,
        TEXT: st.none() | st.lists(texts, max_size=4).map(" ".join),
        REST: st.none()
        | st.just("{not json")
        | st.dictionaries(st.sampled_from([LOOSE, ODD]), loose | st.lists(loose, max_size=3)),
    }
)

patterns = st.lists(
    st.sampled_from(["*", "?", "a", "B", "é", "cmd", ".exe", "\\*", "\\\\", "'", "%", "_"]), max_size=5
).map("".join)
regexes = st.lists(
    st.sampled_from(["a", "[ab]*", "[^a]", ".*", "(cmd|b)?", "\\.exe", "é+", "b{1,2}", '"."', "^", "☃", "\\d"]),
    max_size=4,
).map("".join)
folds = st.booleans()


def _textual(field: str) -> st.SearchStrategy[Node]:
    just = st.just(field)
    bound = st.none() | texts
    return st.one_of(
        st.builds(Exists, just),
        st.builds(Term, just, texts, folds),
        st.builds(Terms, just, st.lists(texts, max_size=3).map(tuple)),
        st.builds(Prefix, just, texts, folds),
        st.builds(Wildcard, just, patterns, folds),
        st.builds(Regexp, just, regexes, folds),
        st.builds(Range, just, gt=bound, lte=bound),
        st.builds(Match, just, texts, st.booleans()),
        st.builds(Phrase, just, texts, st.booleans()),
    )


networks = st.sampled_from(["10.0.0.0/8", "10.0.0.1/31", "0.0.0.0/0", "fe80::/10", "::/0"])
typed: list[st.SearchStrategy[Node]] = [
    st.builds(Term, st.just(WORDS), words | st.just("process,session") | st.just("")),
    st.builds(Terms, st.just(WORDS), st.lists(words, max_size=2).map(tuple)),
    st.builds(Term, st.just(IP), addresses | networks),
    st.builds(Terms, st.just(IP), st.lists(addresses | networks, max_size=3).map(tuple)),
    st.builds(Exists, st.sampled_from([IP, PORT, FLAG, TIME, WORDS])),
    st.builds(Term, st.just(PORT), numbers | numbers.map(str) | st.just(1.5) | st.just(2**70)),
    st.builds(Terms, st.just(PORT), st.lists(numbers, max_size=3).map(tuple)),
    st.builds(Range, st.just(PORT), gte=st.none() | numbers | st.just(-0.5), lt=st.none() | numbers | st.just(2**70)),
    st.builds(Match, st.just(FLAG), st.booleans() | st.sampled_from(["true", "false"])),
    st.builds(Range, st.just(TIME), gte=st.none() | times.map(iso), lt=st.none() | times.map(iso)),
    st.builds(Range, st.just(TIME), gt=st.sampled_from(["now-1d/d", "2025-11-24", "now"]), lte=st.just("now+1d/d")),
    st.builds(Range, st.just(LOOSE), gt=st.none() | st.integers(-3, 12), lte=st.none() | st.just("10")),
    st.builds(Term, st.sampled_from([LOOSE, ODD]), st.integers(-3, 12) | st.booleans() | st.just(10.0)),
]
leaves = st.one_of(*(_textual(field) for field in (NAME, ARGS, TEXT, LOOSE, ODD, WORDS)), *typed)
trees = st.recursive(
    leaves | st.just(All()) | st.just(Nothing()),
    lambda parts: st.one_of(
        st.builds(And, st.lists(parts, max_size=3).map(tuple)),
        st.builds(Or, st.lists(parts, max_size=3).map(tuple)),
        st.builds(AtLeast, st.integers(0, 3), st.lists(parts, max_size=3).map(tuple)),
        st.builds(Not, parts),
    ),
    max_leaves=6,
)


def as_table(events: list[Row]) -> pa.Table:
    columns: dict[str, pa.Array] = {
        name: pa.array([event[name] for event in events], EVENT_SCHEMA.field(name).type) for name in COLUMNS
    }
    kept = [event[REST] for event in events]
    columns[REST] = pa.array(
        [orjson.dumps(rest).decode() if isinstance(rest, dict) else rest for rest in kept], pa.string()
    )
    return pa.table(columns)


def holds(node: Node, event: Row) -> bool:  # noqa: PLR0911 - one return a case
    match node:
        case All():
            return True
        case And(nodes=nodes):
            return all(holds(part, event) for part in nodes)
        case Or(nodes=nodes):
            return any(holds(part, event) for part in nodes)
        case AtLeast(count=count, nodes=nodes):
            return sum(holds(part, event) for part in nodes) >= count
        case Not(node=part):
            return not holds(part, event)
        case Leaf():
            return any(_element(node, value) for value in _values(node.field, event))
    return False


def _values(field: str, event: Row) -> list[Any]:
    rest = event[REST] if isinstance(event[REST], dict) else {}
    value = event[field] if has_column(field) else rest.get(field)
    if field == WORDS:
        return [word for word in (value or "").split(",") if word]
    return [item for item in (value if isinstance(value, list) else [value]) if item is not None]


def _shown(value: object) -> str:
    return orjson.dumps(value).decode() if not isinstance(value, str) else value


def _element(leaf: Leaf, value: Any) -> bool:
    wanted = _wanted(leaf)
    if wanted is not None:
        fold = isinstance(leaf, Term) and leaf.case_insensitive
        return any(_equal(kind_of(leaf.field), leaf.field, value, item, fold=fold) for item in wanted)
    if isinstance(leaf, Range):
        return _between(leaf, kind_of(leaf.field), value)
    return isinstance(leaf, Exists) or _text_test(leaf, _shown(value))


def _wanted(leaf: Leaf) -> tuple[Any, ...] | None:
    """Values the leaf wants the whole of."""
    match leaf:
        case Term(value=value):
            return (value,)
        case Terms(values=values):
            return values
        case Match(text=value) | Phrase(text=value, prefix=False) if leaf.field != TEXT:
            return (value,)
    return None


def _equal(kind: Kind, field: str, value: Any, wanted: Any, *, fold: bool) -> bool:
    if kind is Kind.LONG:
        return bool(value == (int(wanted) if isinstance(wanted, str) else wanted))
    if kind is Kind.BOOLEAN:
        return _shown(value) == _shown(wanted)
    if kind is Kind.IP:
        return _same_address(value, str(wanted))
    left, right = _shown(value), _shown(wanted)
    if left == right or (fold and left.lower() == right.lower()):
        return True
    numeric = isinstance(value, int | float) and not isinstance(value, bool) and field in {LOOSE, ODD}
    is_number = not isinstance(wanted, bool) and re.fullmatch(r"-?\d+(\.\d+)?", right)
    return bool(numeric and is_number and not fold and abs(float(right)) < 2**53 and float(value) == float(right))


def _same_address(value: str, wanted: str) -> bool:
    try:
        if "/" not in wanted:
            return value == wanted or (":" in wanted and ip_address(value) == ip_address(wanted))
        address, network = ip_address(value), ip_network(wanted, strict=False)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if address.version == 6 else None
    return (mapped or address) in network


def _between(leaf: Range, kind: Kind, value: Any) -> bool:
    if kind is Kind.DATE:
        return _in_time(leaf, value)
    bounds = [leaf.gt, leaf.gte, leaf.lt, leaf.lte]
    numeric = kind is Kind.LONG or (
        leaf.field in {LOOSE, ODD}
        and any(bound is not None for bound in bounds)
        and all(re.fullmatch(r"-?\d+(\.\d+)?|-?\d+\.", str(bound)) for bound in bounds if bound is not None)
    )
    if numeric and isinstance(value, str | bool):
        if isinstance(value, bool) or not re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?", value):
            return False
        value = float(value)

    def side(bound: Any) -> Any:
        return (float(bound) if isinstance(bound, str) else bound) if numeric else _shown(bound).encode()

    at = value if numeric else _shown(value).encode()
    return (
        (leaf.gt is None or at > side(leaf.gt))
        and (leaf.gte is None or at >= side(leaf.gte))
        and (leaf.lt is None or at < side(leaf.lt))
        and (leaf.lte is None or at <= side(leaf.lte))
    )


def _in_time(leaf: Range, value: int) -> bool:
    # NOW is 2025-11-24T16:00Z; ends of the few dates above, first microsecond after each.
    day = 86_400_000_000
    midnight = NOW // day * day
    after = {"now-1d/d": midnight, "2025-11-24": midnight + day, "now": NOW + 1, "now+1d/d": midnight + 2 * day}

    def micros(bound: Any) -> int:
        return round(datetime.fromisoformat(bound).timestamp() * 1_000_000)

    return (
        (leaf.gt is None or value >= after[str(leaf.gt)])
        and (leaf.lte is None or value < after[str(leaf.lte)])
        and (leaf.gte is None or value >= micros(leaf.gte))
        and (leaf.lt is None or value < micros(leaf.lt))
    )


def _text_test(leaf: Leaf, text: str) -> bool:
    match leaf:
        case Prefix(value=start, case_insensitive=fold):
            return text.lower().startswith(start.lower()) if fold else text.startswith(start)
        case Phrase(text=start, prefix=True) if leaf.field != TEXT:
            return text.startswith(_shown(start))
        case Wildcard(pattern=pattern, case_insensitive=fold):
            pieces = re.findall(r"\\.|\\|[^\\]", pattern, re.DOTALL)
            meaning = {"*": ".*", "?": "."}
            regex = "".join(meaning.get(p) or re.escape(p[1:] if len(p) > 1 else p) for p in pieces)
            return bool(re.fullmatch(regex, text, re.DOTALL | (re.IGNORECASE if fold else 0)))
        case Regexp(pattern=pattern, case_insensitive=fold):
            regex = pattern.replace('"."', r"\.")
            regex = re.sub(r"(?<!\[)\^", r"\\^", regex).replace("\\d", "[0-9]")
            return bool(re.fullmatch(regex, text, re.DOTALL | (re.IGNORECASE if fold else 0)))
        case Match(text=wanted, every=every):
            have, want = _tokens(text), _tokens(_shown(wanted))
            return bool(want) and (all if every else any)(word in have for word in want)
        case Phrase(text=wanted, prefix=prefix):
            have, want = _tokens(text), _tokens(_shown(wanted))
            end = "" if prefix else " "
            return bool(want) and " " + " ".join(want) + end in " " + " ".join(have) + " "
    raise AssertionError(leaf)


def _tokens(text: str) -> list[str]:
    return re.findall(r"\w+(?:[.'\u2019]\w+)*", text.lower())


events = st.lists(rows, min_size=1, max_size=6)


@settings(max_examples=100, deadline=None)
@given(node=trees, events=events)
def test_filter_mask_and_reading_agree(node: Node, events: list[Row]) -> None:
    expected = [holds(node, event) for event in events]
    table = as_table(events)
    mask = to_mask(node, table, now_us=NOW)
    assert mask.null_count == 0
    assert mask.to_pylist() == expected
    view = table.append_column("row", pa.array(range(len(events)), pa.int64()))
    with duckdb.connect() as connection:
        kept = connection.from_arrow(view).filter(to_sql(node, now_us=NOW)).project('"row"').fetchall()
    assert sorted(row for (row,) in kept) == [at for at, hit in enumerate(expected) if hit]


@settings(max_examples=40, deadline=None)
@given(nodes=st.lists(leaves, min_size=6, max_size=10), events=st.lists(rows, min_size=6, max_size=10))
def test_every_leaf_agrees_also_when_written(nodes: list[Node], events: list[Row]) -> None:
    expected = [[holds(node, event) for event in events] for node in nodes]
    table = as_table(events)
    assert [mask.to_pylist() for mask in to_masks(nodes, table, now_us=NOW)] == expected
    for write in (_through_dsl, _through_kql):
        masks = to_masks([write(node) for node in nodes], table, now_us=NOW)
        assert [mask.to_pylist() for mask in masks] == expected


@settings(max_examples=60, deadline=None)
@given(node=trees, events=events)
def test_written_queries_keep_their_meaning(node: Node, events: list[Row]) -> None:
    masks = to_masks([node, _through_dsl(node), _through_kql(node)], as_table(events), now_us=NOW)
    assert masks[0].equals(masks[1])
    assert masks[0].equals(masks[2])


def _through_dsl(node: Node) -> Node:
    if str(2**70) in repr(node):  # more than JSON's 64 bits
        return node
    return parse_dsl(orjson.loads(orjson.dumps(to_dsl(node))))


def _through_kql(node: Node) -> Node:
    try:
        text = to_kql(node)
    except QueryError:  # KQL cannot say everything
        return node
    return parse_kql(text)


@given(texts, texts)
@settings(max_examples=80, deadline=None)
def test_hostile_values_are_found_and_nothing_else(one: str, other: str) -> None:
    table = pa.table({NAME: [one, other]})
    assert to_mask(Term(NAME, one), table).to_pylist() == [True, one == other]
    assert to_mask(parse_kql(to_kql(Term(NAME, one))), table).to_pylist() == [True, one == other]
