"""Reading the lake in exact event order, with as little sorting as the files allow."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Final

import pyarrow as pa

from rarebit.lake.engine import Engine, order, quote, time_range
from rarebit.lake.layout import PLACE, restored
from rarebit.lake.log import DataFile

BATCH_ROWS: Final = 262_144
MOST_SEGMENTS: Final = 32
"""A day cut finer than this is sorted as a whole: a query costs more than sorting few rows."""


@dataclass(frozen=True)
class Segment:
    """A stretch of time, and the files that hold its events."""

    start_us: int
    end_us: int
    files: tuple[DataFile, ...]
    overlap: bool
    """Whether several files hold events of the same time, so that the rows must be sorted."""


def segments(files: Sequence[DataFile]) -> Iterator[Segment]:
    """Cut the files into stretches that can be read one after the other.

    Parameters
    ----------
    files : sequence of DataFile
        In any order.

    Yields
    ------
    Segment
        By rising time; together they hold every event once.
    """
    held: Segment | None = None
    for part in _of_days(files):
        if held is not None and not held.overlap and not part.overlap:
            held = Segment(held.start_us, part.end_us, held.files + part.files, overlap=False)
            continue
        if held is not None:
            yield held
        held = part
    if held is not None:
        yield held


def _of_days(files: Sequence[DataFile]) -> Iterator[Segment]:
    """Segments of each day by itself."""
    for _, day in groupby(sorted(files, key=lambda f: (f.day, f.first_us, f.last_us)), key=lambda f: f.day):
        of_day = tuple(day)
        cut = _cut(of_day)
        if len(cut) <= MOST_SEGMENTS:
            yield from cut
        else:
            yield Segment(of_day[0].first_us, max(f.last_us for f in of_day) + 1, of_day, overlap=True)


def _cut(files: tuple[DataFile, ...]) -> list[Segment]:
    points = sorted({f.first_us for f in files} | {f.last_us + 1 for f in files})
    found: list[Segment] = []
    for start, end in pairwise(points):
        active = tuple(f for f in files if f.first_us < end and f.last_us >= start)
        if not active:
            continue
        last = found[-1] if found else None
        if last is not None and last.overlap == (len(active) > 1):
            joined = tuple(dict.fromkeys((*last.files, *active)))
            found[-1] = Segment(last.start_us, end, joined, last.overlap)
        else:
            found.append(Segment(start, end, active, overlap=len(active) > 1))
    return found


def read_segment(engine: Engine, segment: Segment, columns: str, condition: str) -> Iterator[pa.Table]:
    """Rows of a segment by time and id, some batches at a time.

    Parameters
    ----------
    engine : Engine
        Reads the files.
    segment : Segment
        What to read.
    columns, condition : str
        Select list and condition in SQL.
    """
    inside = all(f.first_us >= segment.start_us and f.last_us < segment.end_us for f in segment.files)
    span = "TRUE" if inside else time_range(segment.start_us, segment.end_us)
    if not segment.overlap:
        columns += f", e.{quote(PLACE)} AS {quote(PLACE)}"
    sorting = f" ORDER BY {order()}" if segment.overlap else ""
    source = engine.source(segment.files)
    with engine.cursor() as cursor:
        relation = cursor.sql(f"SELECT {columns} FROM {source} AS e WHERE ({condition}) AND {span}{sorting}")
        with relation.to_arrow_reader(BATCH_ROWS) as reader:
            tables = (pa.Table.from_batches([batch]) for batch in reader if batch.num_rows)
            yield from tables if segment.overlap else gathered(restored(tables))


def gathered(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Tables joined, so that none but the last is much smaller than a batch."""
    held: list[pa.Table] = []
    rows = 0
    for table in tables:
        held.append(table)
        rows += table.num_rows
        if rows >= BATCH_ROWS // 2:
            yield pa.concat_tables(held)
            held, rows = [], 0
    if held:
        yield pa.concat_tables(held)


def ahead(make: Callable[[], Iterator[pa.Table]], *, depth: int = 2) -> Iterator[pa.Table]:
    """The items of an iterator, made in a thread of its own up to `depth` items before they are asked for.

    An error of the iterator is raised here; leaving early ends the thread.
    """
    ready: queue.Queue[pa.Table | BaseException | None] = queue.Queue(depth)
    left = threading.Event()

    def put(item: pa.Table | BaseException | None) -> bool:
        while not left.is_set():
            try:
                ready.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def run() -> None:
        try:
            for item in make():
                if not put(item):
                    return
            put(None)
        except BaseException as error:  # noqa: BLE001 - raised again by the reader below
            put(error)

    thread = threading.Thread(target=run, name="lake-reader", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        left.set()
        thread.join()
