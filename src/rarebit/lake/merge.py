"""Sorted files merged into one sorted stream, a bounded number of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rarebit.core.errors import StateError
from rarebit.core.fields import TIME
from rarebit.lake.layout import BLOCK_ROWS, restored
from rarebit.lake.log import DataFile
from rarebit.lake.parquet import TEXT_COLUMNS, encode, join, merge, trimmed

HELD_ROWS: Final = BLOCK_ROWS
_LEAST_BATCH: Final = 4_096
_END: Final = np.iinfo(np.int64).max


def merged(root: Path, files: Sequence[DataFile], *, held_rows: int = HELD_ROWS) -> Iterator[pa.Table]:
    """Encoded events of files in order of time and id, in tables of whole blocks but for the last.

    At most some `held_rows` rows are held, and as many again on their way out, unless more of them have the
    same time; of files that overlap in time, a block of each.

    Parameters
    ----------
    root : Path
        Directory of the lake.
    files : sequence of DataFile
        Of one day, in any order.
    held_rows : int
        Rows read ahead, over all files.

    Raises
    ------
    StateError
        If a file is missing or damaged.
    """
    rest: list[pa.Table] = []
    for part in _in_order(root, files, held_rows):
        rest.append(part)
        del part  # kept alive here, it would double what is held while the caller writes
        whole = sum(table.num_rows for table in rest) // BLOCK_ROWS * BLOCK_ROWS
        if whole:
            joined = join(rest)
            rest = [_copied(joined.slice(whole))]
            yield joined.slice(0, whole)
            del joined
    if rest and any(table.num_rows for table in rest):
        yield join(rest)


def _copied(table: pa.Table) -> pa.Table:
    """Rows that do not keep alive the whole they were sliced from."""
    return trimmed(table.take(pa.array(np.arange(table.num_rows))))


def _in_order(root: Path, files: Sequence[DataFile], held_rows: int) -> Iterator[pa.Table]:
    rows = max(_LEAST_BATCH, held_rows // max(1, len(files)))
    runs = [_Run(root, file, rows) for file in files]
    while runs:
        behind = min(runs, key=lambda run: run.frontier)
        if behind.frontier < _END and sum(run.held for run in runs) < held_rows:
            behind.load()
            continue
        before = [part for run in runs if (part := run.take(behind.frontier)) is not None]
        if before:
            ready = merge(before)
            before.clear()
            yield ready
            del ready
        elif behind.frontier < _END:
            behind.load()  # all that is held is of one moment, and there may be more of it
        runs = [run for run in runs if run.held or run.frontier < _END]


class _Run:
    """One file on its way through the merge.

    Attributes
    ----------
    frontier : int
        Rows not yet loaded have this time or a later one, microseconds since 1970.
    held : int
        Rows loaded and not yet taken.
    """

    def __init__(self, root: Path, file: DataFile, rows: int) -> None:
        self.frontier = file.first_us
        self.held = 0
        self._path = root / file.path
        self._rows = rows
        self._batches: Iterator[pa.Table] | None = None
        self._parts: list[tuple[pa.Table, NDArray[np.int64]]] = []

    def load(self) -> None:
        """Read the next rows of the file."""
        try:
            if self._batches is None:
                self._batches = restored(self._stored())
            batch = next(self._batches, None)
        except (OSError, pa.ArrowException) as error:
            raise StateError(
                f"a file of the event lake cannot be read: {error}",
                where=str(self._path),
                hint="Put it back from a backup; nothing has been changed.",
            ) from error
        if batch is None:
            self.frontier = _END
        elif batch.num_rows:
            table = trimmed(encode(batch))
            times: NDArray[np.int64] = table.column(TIME).cast(pa.int64()).to_numpy()
            self._parts.append((table, times))
            self.held += table.num_rows
            self.frontier = int(times[-1])

    def _stored(self) -> Iterator[pa.Table]:
        file = pq.ParquetFile(self._path, read_dictionary=TEXT_COLUMNS, pre_buffer=False)
        for batch in file.iter_batches(self._rows):
            yield pa.Table.from_batches([batch])

    def take(self, before_us: int) -> pa.Table | None:
        """Rows held that are earlier than a time (all of them at the end of all files)."""
        taken, left = [], []
        for table, times in self._parts:
            count = times.size if before_us == _END else int(np.searchsorted(times, before_us, side="left"))
            if count:
                taken.append(table.slice(0, count))
            if count < times.size:
                left.append((table.slice(count), times[count:]))
        self._parts = left
        self.held = sum(times.size for _, times in left)
        return pa.concat_tables(taken, promote_options="default") if taken else None
