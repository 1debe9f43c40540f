"""The compiled way and the careful way through NDJSON give the same table and the same report."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from rarebit.core.report import FileReport
from rarebit.core.schema import EVENT_SCHEMA
from rarebit.source.intake import Intake
from rarebit.source.json_cells import Block
from rarebit.source.ndjson import read_block, read_by_line
from rarebit.source.settings import ReadSettings
from rarebit.source.stream import LineBlock
from rarebit.source.tally import Tally

NAMES = (
    "host.name",
    "user.name",
    "user.domain",
    "process.name",
    "process.executable",
    "process.pid",
    "process.args",
    "process.code_signature.exists",
    "event.category",
    "event.type",
    "event.id",
    "event.code",
    "event.created",
    "source.ip",
    "host.ip",
    "tags",
    "message",
    "winlog.event_id",
    "winlog.event_data.Image",
    "winlog.computer_name",
    "labels.env",
    "host.cpu.usage",
    "_id",
    "event_id",
    "_source",
    "Event",
    "a",
    "a.b",
    "",
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.integers(0, 9999),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(-1000, 1000, places=2).map(float),
    st.text(max_size=12),
    st.sampled_from(("C:\\Windows\\cmd.exe", 'a "b"', "x,y", "é", "\x1f", "0x1f", "-", "10.0.0.1", "CORP\\ann", "")),
)
VALUES = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=3),
    st.dictionaries(st.sampled_from(NAMES), st.one_of(SCALARS, st.lists(SCALARS, max_size=2)), max_size=3),
    st.lists(st.dictionaries(st.text(max_size=3), SCALARS, max_size=2), max_size=2),
)
TIMES = st.sampled_from(
    (
        "2024-05-01T10:00:00.123Z",
        "2024-05-01T10:00:00+02:00",
        "2024-05-01 10:00:00",
        1714557600,
        1714557600123,
        "x",
        None,
    )
)


def nest(record: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """Some dotted names as nested objects."""
    out: dict[str, Any] = {}
    for name, value in record.items():
        at, parts = out, name.split(".") if name in names else [name]
        for part in parts[:-1]:
            step = at.setdefault(part, {})
            if not isinstance(step, dict):
                break
            at = step
        else:
            at[parts[-1]] = value
    return out


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    record = draw(st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), VALUES, max_size=8))
    record["@timestamp"] = draw(TIMES)
    nested = nest(record, draw(st.sets(st.sampled_from(NAMES))))
    separators = draw(st.sampled_from(((",", ":"), (", ", ": "), (" ,\t", " : "))))
    text = json.dumps(nested, ensure_ascii=draw(st.booleans()), separators=separators)
    return text.encode("utf-8", "surrogatepass")


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    line = bytearray(draw(lines()))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(line) - 1))
        line[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
        line = line or bytearray(b"{")
    return bytes(line)


def read(data: bytes, *, slow: bool) -> tuple[pa.Table, FileReport]:
    tally = Tally("t")
    intake = Intake("t", ReadSettings(), tally)
    block = LineBlock(np.frombuffer(data, np.uint8), 1)
    batches = (read_by_line if slow else read_block)(block, intake)
    return pa.Table.from_batches(batches, EVENT_SCHEMA), tally.report()


def assert_same(data: bytes) -> None:
    careful, careful_report = read(data, slow=True)
    compiled, compiled_report = read(data, slow=False)
    assert compiled.schema == EVENT_SCHEMA
    for name in EVENT_SCHEMA.names:
        assert compiled[name].to_pylist() == careful[name].to_pylist(), name
    assert compiled_report == careful_report


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(lines(), lines(), damaged(), st.just(b""), st.just(b"  \r")), min_size=1, max_size=6))
def test_both_ways_give_the_same(parts: list[bytes]) -> None:
    assert_same(b"\n".join(parts) + b"\n")


def test_plain_lines_take_the_compiled_way() -> None:
    line = (
        b'{"@timestamp":"2024-05-01T10:00:00Z","host":{"name":"a\\\\b","ip":["10.0.0.1","::1"]},'
        b'"event":{"category":["process"],"risk_score":73.0},"n":null,"e":{},"labels":{"x":"\\u00e9\\/"},"u":"\xc3\xa9"}'
    )
    data = b"\n".join([line] * 3) + b"\n"
    assert Block(np.frombuffer(data, np.uint8), 1 << 20, 1).slow.size == 0
    assert_same(data)


def test_repeated_members_take_the_careful_way() -> None:
    twice = (
        b'{"host":{"name":"a"},"host.name":"b"}',
        b'{"a":{"x":1},"a":{"y":2}}',
        b'{"z":1,"z":2}',
        b'{"a.b":{"c":1},"a":{"b.c":2}}',
    )
    block = Block(np.frombuffer(b"\n".join(twice) + b"\n", np.uint8), 1 << 20, 1)
    assert block.slow.size == len(twice)


def test_more_paths_than_the_table_holds_lose_nothing() -> None:
    data = b"".join(
        json.dumps({"@timestamp": "2024-05-01T10:00:00Z", **{f"k{line}.{n}": n for n in range(40)}}).encode() + b"\n"
        for line in range(200)
    )
    assert_same(data)


def test_many_list_elements_overflow_the_token_table_and_lose_nothing() -> None:
    line = b'{"@timestamp":"2024-05-01T10:00:00Z","tags":[' + b",".join([b"1"] * 3000) + b"]}\n"
    assert_same(line * 3 + b'{"@timestamp":"2024-05-01T10:00:00Z"}\n')


def test_rest_grows_with_deep_prefixes_and_loses_nothing() -> None:
    deep: dict[str, Any] = {f"k{n}": n for n in range(200)}
    for _ in range(20):
        deep = {"a" * 40: deep}
    line = json.dumps({"@timestamp": "2024-05-01T10:00:00Z", **deep}).encode() + b"\n"
    assert_same(line * 3)
