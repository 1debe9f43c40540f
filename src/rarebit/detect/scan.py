"""One scan for all jobs: which columns to read, which rows each job takes, codes and numbers of their fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rarebit.core.columns import map_unique
from rarebit.core.fields import CODED, ID_CODE, TIME
from rarebit.core.names import normal_form
from rarebit.detect.engine import INFORMATION, LATITUDE, LONGITUDE
from rarebit.detect.place_texts import place_sql, places_of
from rarebit.detect.plan import JobPlan
from rarebit.detect.stream import JobStream
from rarebit.maths.hashing import hash_bytes
from rarebit.maths.information import information
from rarebit.query import literal
from rarebit.query.columns import number_sql, text_sql
from rarebit.query.sql import to_sql


@dataclass(frozen=True)
class ScanRequest:
    """What to ask of the lake: output name to SQL, and a condition that any job's events meet."""

    columns: Mapping[str, str]
    where: str


def request(plans: Sequence[JobPlan]) -> ScanRequest:
    """The one read that serves all jobs: time, id, the code or text or number of every field, a flag for every job."""
    columns = {"time": f"epoch_us({literal.identifier(TIME)})", "id": literal.identifier(ID_CODE)}
    for name in sorted({name for plan in plans for name in plan.coded}):
        columns[f"field:{name}"] = literal.identifier(CODED[name]) if name in CODED else text_sql(name)
    for name in sorted({name for plan in plans for name in plan.numeric}):
        columns[f"number:{name}"] = number_sql(name)
    for name in sorted({name for plan in plans for name in plan.informative}):
        columns[f"text:{name}"] = text_sql(name)
    for name in sorted({name for plan in plans for name in plan.placed}):
        columns[f"place:{name}"] = place_sql(name)
    for index, plan in enumerate(plans):
        columns |= {f"{flag}@{index}": condition for flag, condition in plan.flags.items()}
    conditions = [to_sql(plan.condition) for plan in plans]
    different = list(dict.fromkeys(conditions))
    if len(different) > 1:
        columns |= {f"job:{index}": condition for index, condition in enumerate(conditions)}
    return ScanRequest(columns, " OR ".join(f"({condition})" for condition in different))


def feed(streams: Sequence[JobStream], tables: Iterable[pa.Table]) -> Iterable[int]:
    """Give every table of the scan to every job; yields the time of the last row after each."""
    for table in tables:
        if table.num_rows == 0:
            continue
        times = _whole(table.column("time"))
        ids = _whole(table.column("id"))
        codes = {name: _codes(name, column) for name, column in _named(table, "field:")}
        numbers = {name: _finite(column) for name, column in _named(table, "number:")}
        numbers |= {INFORMATION + name: information_of(name, column) for name, column in _named(table, "text:")}
        for name, column in _named(table, "place:"):
            numbers[LATITUDE + name], numbers[LONGITUDE + name] = places_of(column)
        for index, stream in enumerate(streams):
            flags = {name: _whole(table.column(f"{name}@{index}").cast(pa.int64())) for name in stream.plan.flags}
            own = {name: codes[name] for name in stream.plan.coded} | flags
            measured = {name: numbers[name] for name in _asked(stream.plan)}
            if f"job:{index}" not in table.column_names:
                stream.process(times, ids, own, measured)
                continue
            rows = np.flatnonzero(table.column(f"job:{index}").to_numpy())
            own = {name: column[rows] for name, column in own.items()}
            stream.process(times[rows], ids[rows], own, {name: column[rows] for name, column in measured.items()})
        yield int(times[-1])


def _asked(plan: JobPlan) -> list[str]:
    informative = [INFORMATION + name for name in plan.informative]
    return [*plan.numeric, *informative, *(part + name for name in plan.placed for part in (LATITUDE, LONGITUDE))]


def _named(table: pa.Table, prefix: str) -> Iterable[tuple[str, pa.ChunkedArray]]:
    return [(name.removeprefix(prefix), table.column(name)) for name in table.column_names if name.startswith(prefix)]


def _whole(column: pa.ChunkedArray) -> NDArray[np.int64]:
    return np.ascontiguousarray(column.to_numpy(), np.int64)


def _finite(column: pa.ChunkedArray) -> NDArray[np.float64]:
    numbers = np.ascontiguousarray(column.to_numpy(), np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _codes(name: str, column: pa.ChunkedArray) -> NDArray[np.int64]:
    if pa.types.is_integer(column.type):
        return _whole(pc.fill_null(column, 0))
    return codes_of(name, column)


def information_of(name: str, column: pa.ChunkedArray | pa.Array) -> NDArray[np.float64]:
    """Bits that the normal form of a field's text tells by itself (float64[n]), NaN where it is absent."""
    encoded = pc.dictionary_encode(map_unique(column, normal_form(name)))
    offsets, data = _bytes_of(encoded.dictionary)
    table = np.append(information(offsets, data), np.nan)
    places = pc.fill_null(encoded.indices, len(encoded.dictionary)).to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(table[places], np.float64)


def _bytes_of(dictionary: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Offsets and bytes of strings."""
    strings = dictionary.cast(pa.large_string())
    if len(strings) == 0:
        return np.zeros(1, np.int64), np.zeros(0, np.uint8)
    offsets = np.frombuffer(strings.buffers()[1], np.int64)[: len(strings) + 1]
    return np.ascontiguousarray(offsets), np.frombuffer(strings.buffers()[2] or b"", np.uint8)


def codes_of(name: str, column: pa.ChunkedArray | pa.Array) -> NDArray[np.int64]:
    """Code of the normal form of a field's text (int64[n]), 0 where it is absent."""
    normal = map_unique(column, normal_form(name))
    encoded = pc.dictionary_encode(normal)
    table = np.append(hash_bytes(*_bytes_of(encoded.dictionary)), 0)
    places = pc.fill_null(encoded.indices, len(encoded.dictionary)).to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(table[places], np.int64)
