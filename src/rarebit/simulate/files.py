"""Events as files, one a day: NDJSON in order of arrival, or Parquet in order of time."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Literal, NamedTuple, cast

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rarebit.simulate.ndjson import Layout
from rarebit.simulate.stream import Window

Format = Literal["ndjson", "ndjson.gz", "parquet"]
_GZIP_LEVEL: Final = 3
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
    batches: Callable[[Window], Iterator[pa.RecordBatch]]
    schema: pa.Schema
    days: tuple[str, ...]
    """Date of each day."""


def write_events(
    source: Events, folder: Path, form: Format, on_progress: Callable[[int, int], None] | None
) -> tuple[int, list[Path]]:
    """Write one file a day; the number of events, and the files."""
    events, paths = 0, []
    for day, windows in groupby(source.windows, key=lambda window: window.day):
        path = folder / f"{source.days[day]}.{form}"
        with _ParquetFile(path, source) if form == "parquet" else _JsonFile(path, source) as file:
            for window in windows:
                file.write(window)
                events += window.rows.size
        paths.append(path)
        if on_progress is not None:
            on_progress(day + 1, len(source.days))
    return events, paths


class _ParquetFile(AbstractContextManager["_ParquetFile"]):
    """One day in Parquet, in order of time."""

    def __init__(self, path: Path, source: Events) -> None:
        self._source = source
        self._writer = pq.ParquetWriter(path, source.schema, compression="zstd", store_schema=False)

    def write(self, window: Window) -> None:
        for batch in self._source.batches(window):
            self._writer.write_batch(batch)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()


class _JsonFile(AbstractContextManager["_JsonFile"]):
    """One day in NDJSON, in order of arrival within each window."""

    def __init__(self, path: Path, source: Events) -> None:
        self._source = source
        self._layout = Layout(source.schema)
        self._file: IO[bytes] = path.open("wb")
        self._raw = self._file
        if path.suffix == ".gz":
            self._file = cast(IO[bytes], gzip.GzipFile("", "wb", _GZIP_LEVEL, self._file, mtime=0))

    def write(self, window: Window) -> None:
        order = np.argsort(window.ingested, kind="stable")
        arrived = window._replace(rows=window.rows.take(order), ingested=window.ingested[order])
        for batch in self._source.batches(arrived):
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
