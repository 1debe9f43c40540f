"""One scan for all jobs: which columns to read, which rows each job takes, and codes made where there are none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rarebit.core.columns import map_unique
from rarebit.core.fields import CODED, ID_CODE, REST, TIME, Kind
from rarebit.core.names import normal_form
from rarebit.core.schema import has_column, kind_of
from rarebit.detect.plan import JobPlan
from rarebit.detect.stream import JobStream
from rarebit.maths.hashing import hash_bytes
from rarebit.query import literal
from rarebit.query.sql import to_sql


@dataclass(frozen=True)
class ScanRequest:
    """What to ask of the lake: output name to SQL, and a condition that any job's events meet."""

    columns: Mapping[str, str]
    where: str


def request(plans: Sequence[JobPlan]) -> ScanRequest:
    """The one read that serves all jobs: time, id, the code or text of every field, a flag for every job."""
    columns = {"time": f"epoch_us({literal.identifier(TIME)})", "id": literal.identifier(ID_CODE)}
    for name in sorted({name for plan in plans for name in plan.coded}):
        columns[f"field:{name}"] = literal.identifier(CODED[name]) if name in CODED else text_sql(name)
    conditions = [to_sql(plan.condition) for plan in plans]
    different = list(dict.fromkeys(conditions))
    if len(different) > 1:
        columns |= {f"job:{index}": condition for index, condition in enumerate(conditions)}
    return ScanRequest(columns, " OR ".join(f"({condition})" for condition in different))


def text_sql(name: str) -> str:
    """SQL for the text of any field; several values are joined by a comma, as Elastic does for its jobs."""
    if not has_column(name):
        path = literal.string("/" + name.replace("~", "~0").replace("/", "~1"))
        return f"TRY(json_extract_string({literal.identifier(REST)}, {path}))"
    column = literal.identifier(name)
    if kind_of(name) == Kind.LIST:
        return f"array_to_string({column}, ',')"
    return column if kind_of(name) in _TEXTS else f"CAST({column} AS VARCHAR)"


_TEXTS: Final = frozenset({Kind.KEYWORD, Kind.SET, Kind.IP})


def feed(streams: Sequence[JobStream], tables: Iterable[pa.Table]) -> Iterable[int]:
    """Give every table of the scan to every job; yields the time of the last row after each."""
    for table in tables:
        if table.num_rows == 0:
            continue
        times = _numbers(table.column("time"))
        ids = _numbers(table.column("id"))
        codes = {
            name.removeprefix("field:"): _codes(name.removeprefix("field:"), table.column(name))
            for name in table.column_names
            if name.startswith("field:")
        }
        for index, stream in enumerate(streams):
            flag = f"job:{index}"
            if flag not in table.column_names:
                stream.process(times, ids, codes)
                continue
            rows = np.flatnonzero(table.column(flag).to_numpy())
            stream.process(times[rows], ids[rows], {name: codes[name][rows] for name in stream.plan.coded})
        yield int(times[-1])


def _numbers(column: pa.ChunkedArray) -> NDArray[np.int64]:
    return np.ascontiguousarray(column.to_numpy(), np.int64)


def _codes(name: str, column: pa.ChunkedArray) -> NDArray[np.int64]:
    if pa.types.is_integer(column.type):
        return _numbers(pc.fill_null(column, 0))
    return codes_of(name, column)


def codes_of(name: str, column: pa.ChunkedArray | pa.Array) -> NDArray[np.int64]:
    """Code of the normal form of a field's text (int64[n]), 0 where it is absent."""
    normal = map_unique(column, normal_form(name))
    encoded = pc.dictionary_encode(normal)
    dictionary = encoded.dictionary.cast(pa.large_string())
    offsets = (
        np.frombuffer(dictionary.buffers()[1], np.int64)[: len(dictionary) + 1]
        if len(dictionary)
        else np.zeros(1, np.int64)
    )
    data = np.frombuffer(dictionary.buffers()[2] or b"", np.uint8) if len(dictionary) else np.zeros(0, np.uint8)
    table = np.append(hash_bytes(np.ascontiguousarray(offsets), data), 0)
    places = pc.fill_null(encoded.indices, len(dictionary)).to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(table[places], np.int64)
