"""Events as nested documents: everything is there, under its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from rarebit.core.time import parse_time
from rarebit.lake import documents

MakeEvents = Callable[..., pa.Table]
START = parse_time("2026-11-20T08:00:00.000001Z")


def test_a_row_becomes_a_nested_document(make_events: MakeEvents) -> None:
    table = make_events(
        [(START, 1)],
        **{
            "event.category": ["network,process"],
            "event.type": ["start"],
            "process.args": [["a", "b"]],
            "process.code_signature.trusted": [False],
            "event.created": [START - 1],
            "rarebit.rest": ['{"winlog.task":"Logon","process.name":"ignored","process.name.caseless":"x"}'],
            "process.name": ["a.exe"],
        },
    )
    assert documents(table) == [
        {
            "@timestamp": "2026-11-20T08:00:00.000001Z",
            "event": {
                "category": ["network", "process"],
                "created": "2026-11-20T08:00:00.000Z",
                "id": "id-1",
                "type": "start",
            },
            "host": {"name": "WS1"},
            "process": {
                "args": ["a", "b"],
                "code_signature": {"trusted": False},
                "name": "a.exe",
                "name.caseless": "x",
            },
            "winlog": {"record_id": 1, "task": "Logon"},
        }
    ]


def test_a_damaged_rest_is_given_as_it_is(make_events: MakeEvents) -> None:
    table = make_events([(START, 1), (START, 2)], **{"rarebit.rest": ["not JSON", "[1]"]})
    assert [document["rarebit"]["rest"] for document in documents(table)] == ["not JSON", [1]]


def test_no_rows_give_no_documents(make_events: MakeEvents) -> None:
    assert documents(make_events([])) == []


def _flat(value: Any, *path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {".".join(path): value}
    found: dict[str, Any] = {}
    for key, inner in value.items():
        found |= _flat(inner, *path, key)
    return found


_names = st.lists(st.sampled_from(["a", "b", "", "c"]), min_size=1, max_size=4).map(".".join)
_values = st.integers(-(2**53), 2**53) | st.text(max_size=3) | st.lists(st.booleans(), max_size=2)


@given(rest=st.dictionaries(_names, _values, max_size=8))
def test_every_field_comes_back_under_its_dotted_name(rest: dict[str, Any]) -> None:
    table = pa.table({"rarebit.rest": [orjson.dumps(rest).decode()]})
    assert _flat(documents(table)[0]) == rest
