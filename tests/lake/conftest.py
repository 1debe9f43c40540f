"""Small event tables for the tests of the lake."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from rarebit.core.fields import ID, ID_CODE, TIME
from rarebit.core.schema import EVENT_SCHEMA
from rarebit.core.time import day_of
from rarebit.lake import Lake
from rarebit.maths.hashing import hash_text

Rows = Sequence[tuple[int, int]]
MakeEvents = Callable[..., pa.Table]


def _events(rows: Rows, **columns: Sequence[object]) -> pa.Table:
    ids = [f"id-{number}" for _, number in rows]
    given: dict[str, Sequence[object]] = {
        TIME: [at for at, _ in rows],
        ID: ids,
        ID_CODE: [hash_text(text) for text in ids],
        "day": [day_of(at) for at, _ in rows],
        "host.name": [f"WS{number % 3}" for _, number in rows],
        "rarebit.code.host.name": [hash_text(f"ws{number % 3}") for _, number in rows],
        "winlog.record_id": [number for _, number in rows],
        **columns,
    }
    arrays = [
        pa.array(given[field.name], field.type) if field.name in given else pa.nulls(len(rows), field.type)
        for field in EVENT_SCHEMA
    ]
    return pa.table(arrays, schema=EVENT_SCHEMA)


@pytest.fixture(scope="session")
def make_events() -> MakeEvents:
    """Makes events of (time in microseconds, number) pairs; id, host and record id follow from the number."""
    return _events


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    """An empty lake."""
    with Lake(tmp_path / "lake") as opened:
        yield opened
