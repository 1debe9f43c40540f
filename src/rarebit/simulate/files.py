"""Events as files, one a day: NDJSON in order of arrival, or Parquet in order of time."""

from __future__ import annotations

import gzip
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Literal, NamedTuple, cast

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rarebit.core.errors import InputError
from rarebit.simulate.ndjson import Layout
from rarebit.simulate.stream import Window

Format = Literal["ndjson", "ndjson.gz", "parquet"]
_GZIP_LEVEL: Final = 3
_PARQUET_ROWS, _JSON_ROWS = 131_072, 32_768
"""Rows made at once: a row group, and some 30 MB of text."""
_AHEAD: Final = 2
"""Batches made while an earlier one is still being written."""
FORMATS: Final = ("ndjson", "ndjson.gz", "parquet")


class FleetReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was written."""

    events: int
    """Lines or rows, with those sent twice."""
    files: tuple[str, ...]
    """Event files, one a day."""
    assets: str
    truth: str
    hosts: int
    users: int
    intrusions: int
    size: int
    """Bytes of the event files."""


class Events(NamedTuple):
    """What there is to write."""

    windows: Iterator[Window]
    batches: Callable[[Window, int], Iterator[pa.RecordBatch]]
    schema: pa.Schema
    days: tuple[str, ...]
    """Date of each day."""


def write_events(
    source: Events, folder: Path, form: Format, on_progress: Callable[[int, int], None] | None
) -> tuple[int, list[Path]]:
    """Write one file a day, each under its name only when it is whole; the number of events, and the files.

    Raises
    ------
    InputError
        If the folder holds other files already: they would be read as part of the fleet.
    """
    wanted = {f"{day}.{form}" for day in source.days}
    others = sorted(
        path.name for path in folder.iterdir() if path.name not in wanted and not path.name.endswith(".part")
    )
    if others:
        raise InputError(
            f"{others[0]!r} and {len(others) - 1} more files are not of this fleet", where=str(folder),
            hint="Give an empty directory.",
        )  # fmt: skip
    events, paths = 0, []
    for day, windows in groupby(source.windows, key=lambda window: window.day):
        path = folder / f"{source.days[day]}.{form}"
        part = folder / f".{path.name}.part"
        with _open(part, source, form) as file, ThreadPoolExecutor(1) as thread:
            waiting: deque[Future[None]] = deque()
            for batch in _batches(source, windows, arrived=form != "parquet"):
                events += batch.num_rows
                waiting.append(thread.submit(file.write, batch))
                if len(waiting) > _AHEAD:
                    waiting.popleft().result()
            for write in waiting:
                write.result()
        part.replace(path)
        paths.append(path)
        if on_progress is not None:
            on_progress(day + 1, len(source.days))
    return events, paths


def _batches(source: Events, windows: Iterator[Window], *, arrived: bool) -> Iterator[pa.RecordBatch]:
    """Columns of some windows, in order of arrival within each window if ``arrived``."""
    for window in windows:
        if arrived:
            order = np.argsort(window.ingested, kind="stable")
            arrival = window._replace(rows=window.rows.take(order), ingested=window.ingested[order])
            yield from source.batches(arrival, _JSON_ROWS)
        else:
            yield from source.batches(window, _PARQUET_ROWS)


def _open(path: Path, source: Events, form: Format) -> _ParquetFile | _JsonFile:
    return (
        _ParquetFile(path, source.schema)
        if form == "parquet"
        else _JsonFile(path, source.schema, compressed=form == "ndjson.gz")
    )


class _ParquetFile(AbstractContextManager["_ParquetFile"]):
    """One day in Parquet."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(
            path,
            schema,
            compression="zstd",
            compression_level=1,
            store_schema=False,
            use_dictionary=[field.name for field in schema if pa.types.is_dictionary(field.type)],
        )

    def write(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(batch)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()


class _JsonFile(AbstractContextManager["_JsonFile"]):
    """One day in NDJSON, plain or compressed."""

    def __init__(self, path: Path, schema: pa.Schema, *, compressed: bool) -> None:
        self._layout = Layout(schema)
        self._file: IO[bytes] = path.open("wb")
        self._raw = self._file
        if compressed:
            self._file = cast(IO[bytes], gzip.GzipFile("", "wb", _GZIP_LEVEL, self._file, mtime=0))

    def write(self, batch: pa.RecordBatch) -> None:
        self._file.write(_text_of(self._layout.lines(batch)))

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._raw.close()


def _text_of(lines: pa.Array) -> memoryview:
    """The bytes of all strings of an array, end to end."""
    offsets = np.frombuffer(lines.buffers()[1], np.int32)[lines.offset : lines.offset + len(lines) + 1]
    return memoryview(lines.buffers()[2])[int(offsets[0]) : int(offsets[-1])]
