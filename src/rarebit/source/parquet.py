"""Parquet files of events: dotted columns or nested structs, streamed by row group."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rarebit.core.fields import Kind
from rarebit.source.cells import BREAK, Cells
from rarebit.source.intake import Intake
from rarebit.source.normalise import KNOWN
from rarebit.source.stream import ByteStream


def read_parquet(stream: ByteStream, intake: Intake) -> Iterator[pa.RecordBatch]:
    """Events of a Parquet file; a damaged row group ends it, and is reported."""
    try:
        with pq.ParquetFile(stream.path) as file:
            for group in range(file.metadata.num_row_groups):
                yield from _read_group(file, group, intake)
    except (pa.ArrowException, OSError) as error:
        intake.tally.fail(f"not a readable Parquet file: {_first_line(error)}")


def _read_group(file: pq.ParquetFile, group: int, intake: Intake) -> Iterator[pa.RecordBatch]:
    before = intake.tally.read
    try:
        for batch in file.iter_batches(batch_size=intake.settings.batch_rows, row_groups=[group]):
            start = intake.tally.read
            intake.tally.read += batch.num_rows
            yield from intake.events(_cells(batch, start, intake.settings.mapping))
    except (pa.ArrowException, OSError) as error:
        lost = file.metadata.row_group(group).num_rows - (intake.tally.read - before)
        if lost > 0:
            intake.tally.read += lost
            intake.tally.skip("damaged row group", f"row group {group}: {_first_line(error)}", count=lost)


def _cells(batch: pa.RecordBatch, start: int, mapping: dict[str, str]) -> Cells:
    def row_bytes(row: int) -> bytes:
        return orjson.dumps(batch.slice(row, 1).to_pylist()[0], default=str)

    cells = Cells(
        batch.num_rows, {}, pa.nulls(batch.num_rows, pa.string()), row_bytes, lambda row: f"row {start + row + 1}"
    )
    for name, column in _leaves(batch):
        _place(cells, mapping.get(name, name), column)
    return cells


def _leaves(batch: pa.RecordBatch) -> Iterator[tuple[str, pa.Array]]:
    """Columns under dotted names, structs taken apart."""
    pending = list(zip(batch.schema.names, batch.columns, strict=True))
    while pending:
        name, column = pending.pop(0)
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pa.types.is_struct(column.type):
            fields = [column.type.field(at).name for at in range(column.type.num_fields)]
            pending[:0] = [(f"{name}.{field}", pc.struct_field(column, [field])) for field in fields]
        else:
            yield name, column


def _place(cells: Cells, name: str, column: pa.Array) -> None:
    text = _text(column, KNOWN.get(name, Kind.KEYWORD))
    if text is None:
        return
    if name == "rarebit.rest":
        cells.rest = text
    elif name in KNOWN:
        cells.fill(name, pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text))
    elif not name.startswith("rarebit.") and name != "day":
        cells.to_rest(name, text)


def _text(column: pa.Array, kind: Kind) -> pa.Array | None:
    """A column as text cells."""
    if pa.types.is_null(column.type):
        return None
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        glue = BREAK if kind is Kind.LIST else ","
        return pc.binary_join(column.cast(pa.list_(pa.string())), glue)
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us")).cast(pa.int64()).cast(pa.string())
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([orjson.dumps(value, default=str).decode() for value in column.to_pylist()], pa.string())


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
