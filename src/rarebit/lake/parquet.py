"""Events as Parquet: how columns are encoded in memory and laid out in a file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Final
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rarebit.core.disk import sync
from rarebit.core.errors import InputError, StateError
from rarebit.core.fields import CODED, DAY, ID, ID_CODE, REST, TIME
from rarebit.core.schema import EVENT_SCHEMA
from rarebit.core.time import DAY_US, day_of, parse_time
from rarebit.lake.layout import PLACE, blocks
from rarebit.lake.log import VERSION, DataFile

ROW_GROUP: Final = 65_536
"""Rows of a row group: small enough for a quick look-up, large enough for a quick scan."""
_PAGE_ROWS: Final = 4_096
"""Rows of a page: the least that is unpacked of a column where one host is asked for."""

FILE_SCHEMA: Final[pa.Schema] = pa.schema(
    [
        *(field for field in EVENT_SCHEMA if field.name != DAY),
        pa.field(VERSION, pa.int64()),
        pa.field(PLACE, pa.int64()),
    ]
)
_UNIQUE: Final = frozenset({TIME, ID, ID_CODE, REST, PLACE})
"""Columns whose values seldom repeat: a dictionary would cost time and save nothing."""
_STATISTICS: Final = [TIME, ID_CODE, VERSION, *CODED.values(), "event.kind"]
"""Columns by whose extremes whole row groups are passed over; few events are of another kind."""
_FIRST_US, _END_US = parse_time("1601-01-01"), parse_time("9999-01-01")
_TEXT: Final = pa.dictionary(pa.int32(), pa.string())


TEXT_COLUMNS: Final = [f.name for f in FILE_SCHEMA if pa.types.is_string(f.type) and f.name not in _UNIQUE]
"""Columns kept as dictionaries in memory and on disk."""
_TEXT_NAMES: Final = frozenset(TEXT_COLUMNS)


def conform(batch: pa.RecordBatch | pa.Table) -> pa.Table:
    """The batch as a table of one chunk a column.

    Raises
    ------
    InputError
        If a column is unknown, or the time, the id or its code is missing or of a wrong type.
    """
    table = pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch
    for name in table.column_names:
        if name not in EVENT_SCHEMA.names:
            raise InputError(f"column {name!r} is not one of an event", hint=f"Put it into {REST!r}.")
    for name in (TIME, ID, ID_CODE):
        if name not in table.column_names:
            raise InputError(f"a batch of events has no column {name!r}")
    for name in (TIME, ID_CODE):
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, _cast(name, table.column(at), EVENT_SCHEMA.field(name).type))
    return table.combine_chunks()


def placed(table: pa.Table) -> pa.Table:
    """The rows that have an id and a time that a day can be told of."""
    times = table.column(TIME).cast(pa.int64())
    usable = pc.and_(
        pc.and_(pc.greater_equal(times, _FIRST_US), pc.less(times, _END_US)),
        pc.and_(pc.not_equal(table.column(ID_CODE), 0), pc.is_valid(table.column(ID))),
    )
    if pc.all(pc.fill_null(usable, fill_value=False)).as_py():
        return table
    return table.filter(usable).combine_chunks()


def keys(table: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Times (int64[n], microseconds since 1970) and id codes (int64[n]) of a table."""
    return table.column(TIME).cast(pa.int64()).to_numpy(), table.column(ID_CODE).to_numpy()


def encode(table: pa.Table) -> pa.Table:
    """Text as dictionaries, empty columns and the day left out: what a buffer keeps.

    Raises
    ------
    InputError
        If a column has a type that does not fit the event schema, or text that is not UTF-8.
    """
    kept: dict[str, pa.ChunkedArray] = {}
    for name in table.column_names:
        column = table.column(name)
        if name == DAY or column.null_count == len(column):
            continue
        wanted = FILE_SCHEMA.field(name).type
        if name in _TEXT_NAMES:
            wanted = _TEXT
            if not pa.types.is_dictionary(column.type):
                column = column.dictionary_encode()
        column = _cast(name, column, wanted)
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as error:  # one such value would make its whole file unreadable to DuckDB
            raise InputError(f"column {name!r} of a batch of events is damaged: {error}") from error
        kept[name] = column
    return pa.table(kept)


def _cast(name: str, column: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    if column.type == wanted:
        return column
    try:
        return column.cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(f"column {name!r} of a batch of events cannot be made {wanted}: {error}") from error


def read_codes(path: Path) -> NDArray[np.int64]:
    """Id codes (int64[n]) of a file.

    Raises
    ------
    StateError
        If the file is missing or damaged.
    """
    try:
        codes: NDArray[np.int64] = pq.ParquetFile(path).read(columns=[ID_CODE]).column(0).to_numpy()
    except (OSError, pa.ArrowException) as error:
        raise StateError(
            f"a file of the event lake cannot be read: {error}",
            where=str(path),
            hint="Put it back from a backup; without it nobody can tell which events are already here.",
        ) from error
    return codes


def trimmed(table: pa.Table) -> pa.Table:
    """The table with no dictionary longer than itself, such as a slice takes along from the whole."""
    for at, field in enumerate(table.schema):
        column = table.column(at)
        if pa.types.is_dictionary(field.type) and any(len(c.dictionary) > table.num_rows for c in column.chunks):
            table = table.set_column(at, field.name, column.cast(field.type.value_type).dictionary_encode())
    return table


def join(parts: Iterable[pa.Table]) -> pa.Table:
    """Encoded parts one after the other, in one chunk a column."""
    return pa.concat_tables(list(parts), promote_options="default").unify_dictionaries().combine_chunks()


def merge(parts: Iterable[pa.Table]) -> pa.Table:
    """Encoded parts as one table in order of time and id."""
    table = join(parts)
    order = pc.sort_indices(table, sort_keys=[(TIME, "ascending"), (ID_CODE, "ascending")])
    if _rises(order.to_numpy()):
        return table
    return table.take(order)


def _rises(order: NDArray[np.uint64]) -> bool:
    return bool(np.array_equal(order, np.arange(order.size, dtype=order.dtype)))


def by_day(table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Slices of a sorted table, one a day."""
    days = table.column(TIME).cast(pa.int64()).to_numpy() // DAY_US
    starts = np.flatnonzero(np.diff(days, prepend=days[:1] - 1))
    for at, end in zip(starts, [*starts[1:], days.size], strict=True):
        yield day_of(int(days[at]) * DAY_US), table.slice(at, end - at)


def write_day(root: Path, day: str, tables: Iterable[pa.Table], *, version: int | None) -> DataFile:
    """Write sorted events of one day to a new file.

    The file belongs to the lake only once it is committed.

    Parameters
    ----------
    root : Path
        Directory of the lake.
    day : str
        The day of all events.
    tables : iterable of Table
        The events in order; not all empty.
    version : int or None
        Value of the version column; None when the tables carry it.

    Raises
    ------
    StateError
        If the disk is full or the directory cannot be written.
    """
    path = root / f"{DAY}={day}" / f"{uuid4().hex}.parquet"
    try:
        path.parent.mkdir(exist_ok=True)
        with path.open("xb") as file:
            extent = _write(file, tables, version)
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        sync(path.parent)
    except (OSError, pa.ArrowException) as error:
        path.unlink(missing_ok=True)
        raise StateError(
            f"events of {day} cannot be written: {error}",
            where=str(path.parent),
            hint="Free disk space or make the directory writable; nothing committed before is lost.",
        ) from error
    return DataFile(
        path=f"{DAY}={day}/{path.name}",
        day=day,
        rows=extent.rows,
        size=size,
        first_us=extent.first_us,
        last_us=extent.last_us,
        first_version=min(extent.versions),
        last_version=max(extent.versions),
    )


def _write(file: IO[bytes], tables: Iterable[pa.Table], version: int | None) -> _Extent:
    extent = _Extent()
    writer: pq.ParquetWriter | None = None
    try:
        for table in tables:
            if table.num_rows:
                extent.add(table, version)
            for block in blocks(table):
                for start in range(0, block.num_rows, ROW_GROUP):
                    whole = _complete(trimmed(block.slice(start, ROW_GROUP)), version)
                    writer = writer or _open(file, whole.schema)
                    writer.write_table(whole.cast(writer.schema), row_group_size=ROW_GROUP)
    finally:
        if writer is not None:
            writer.close()
    return extent


def _open(file: IO[bytes], schema: pa.Schema) -> pq.ParquetWriter:
    leaves = [f"{f.name}.list.element" if pa.types.is_list(f.type) else f.name for f in FILE_SCHEMA]
    return pq.ParquetWriter(
        file,
        schema,
        compression={name: "NONE" if name == ID_CODE else "ZSTD" for name in leaves},
        compression_level={name: 1 for name in leaves if name != ID_CODE},
        use_dictionary=[name for name in leaves if name not in _UNIQUE],
        write_statistics=_STATISTICS,
        max_rows_per_page=_PAGE_ROWS,
        store_schema=False,
    )


class _Extent:
    """Rows, times and versions of what was written."""

    def __init__(self) -> None:
        self.rows = 0
        self.first_us = self.last_us = 0
        self.versions: set[int] = set()

    def add(self, table: pa.Table, version: int | None) -> None:
        """Rows in order of time, and the version they carry or are given."""
        times = table.column(TIME).cast(pa.int64())
        if self.rows == 0:
            self.first_us = times[0].as_py()
        self.last_us = times[-1].as_py()
        self.rows += table.num_rows
        self.versions.update([version] if version is not None else pc.min_max(table.column(VERSION)).as_py().values())


def _complete(table: pa.Table, version: int | None) -> pa.Table:
    """All columns of a file, in its order and with its types, dictionaries kept where they pay."""
    columns = []
    for field in FILE_SCHEMA:
        if field.name == VERSION and version is not None:
            columns.append(pa.chunked_array([pa.repeat(version, table.num_rows)]))
        elif field.name in table.column_names:
            columns.append(_worth(table.column(field.name)))
        else:
            columns.append(pa.chunked_array([pa.nulls(table.num_rows, field.type)]))
    return pa.table(columns, names=FILE_SCHEMA.names)


def _worth(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column without a dictionary longer than it: each row group would repeat all of it."""
    if not pa.types.is_dictionary(column.type) or len(column.chunk(0).dictionary) * 2 < len(column):
        return column
    return column.cast(column.type.value_type)
