"""Appending events: drop those known, gather the rest, write them sorted by day, commit them at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rarebit.core.errors import StateError
from rarebit.core.time import DAY_US, parse_time
from rarebit.lake.lock import WriterLock
from rarebit.lake.log import DeltaLog
from rarebit.lake.parquet import by_day, conform, encode, keys, merge, placed, read_codes, write_day
from rarebit.lake.seen import SeenIds

FLUSH_ROWS: Final = 1 << 20
FLUSH_BYTES: Final = 256 << 20
"""A buffer is written when it reaches either; one more is being written meanwhile."""
SEEN_BYTES: Final = 2 << 30
_PART_ROWS: Final = 131_072
"""A larger batch is taken in parts, so that no column of text outgrows Arrow's 2 GB."""


@dataclass(frozen=True, kw_only=True)
class AppendResult:
    """What became of the rows of one batch: ``given == new + duplicate + rejected``."""

    given: int
    new: int
    duplicate: int
    """Rows whose id the lake already has on that day, or that the batch holds twice."""
    rejected: int
    """Rows without an id, or without a time between the years 1601 and 9999: they can be neither placed nor
    told apart."""


class LakeWriter:
    """The one writer of a lake. Made by :meth:`Lake.writer`; a context manager.

    Leaving the block commits; leaving it by an error drops what is still buffered.

    Parameters
    ----------
    log : DeltaLog
        Log of the table.
    flush_rows, flush_bytes : int
        Size at which a buffer is written and committed on its own.
    seen_bytes : int
        Memory for the ids of the days in use.
    """

    def __init__(
        self,
        log: DeltaLog,
        *,
        flush_rows: int = FLUSH_ROWS,
        flush_bytes: int = FLUSH_BYTES,
        seen_bytes: int = SEEN_BYTES,
    ) -> None:
        self._log = log
        self._flush_rows = flush_rows
        self._flush_bytes = flush_bytes
        self._lock = WriterLock(log.root / ".writer.lock").acquire()
        self._version = self._opened_version()
        self._seen = SeenIds(self._codes_of, seen_bytes)
        self._buffer: list[pa.Table] = []
        self._rows = 0
        self._bytes = 0
        self._writing: list[pa.Table] = []
        self._pending: Future[None] | None = None
        self._failed = False
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="lake-writer")

    def append(self, batch: pa.RecordBatch | pa.Table) -> AppendResult:
        """Take in events; those already here by day and id are dropped and counted.

        Parameters
        ----------
        batch : RecordBatch or Table
            Columns of the event schema, in any order; absent ones are null. Text may be dictionaries.

        Raises
        ------
        InputError
            If a column is unknown or of a wrong type; nothing of the batch is taken.
        StateError
            If the lake cannot be written.
        """
        self._check()
        given = batch.num_rows
        parts = [
            part
            for start in range(0, given, _PART_ROWS)
            if (part := placed(conform(batch.slice(start, _PART_ROWS)))).num_rows
        ]
        encoded = [encode(part) for part in parts]
        new = 0
        with self._failing():
            for part, kept in zip(parts, encoded, strict=True):
                fresh = self._seen.add(*keys(part))
                count = int(np.count_nonzero(fresh))
                new += count
                if count:
                    self._keep(kept if count == fresh.size else kept.filter(pa.array(fresh)).combine_chunks())
        usable = sum(part.num_rows for part in parts)
        return AppendResult(given=given, new=new, duplicate=usable - new, rejected=given - usable)

    def commit(self) -> int:
        """Commit all that is buffered in one atomic step.

        Returns
        -------
        int
            The version of the lake that holds everything appended so far; -1 while it is empty.

        Raises
        ------
        StateError
            If the lake cannot be written; nothing of the buffer is committed then.
        """
        self._check()
        with self._failing():
            self._flush()
            self._settle()
        return self._version

    @property
    def reloads(self) -> int:
        """How often the ids of a day were read anew because memory for them was short."""
        return self._seen.reloads

    def close(self) -> None:
        """Give up what is still buffered and let another writer in."""
        try:
            if self._pending is not None and not self._failed:
                self._pending.result()
        finally:
            self._pending = None
            self._failed = True
            self._pool.shutdown()
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and not self._failed:
                self.commit()
        finally:
            self.close()

    def _opened_version(self) -> int:
        try:
            return self._log.snapshot().version
        except StateError:
            self._lock.release()
            raise

    def _check(self) -> None:
        if self._failed:
            raise StateError(
                "this writer is closed or has failed", where=str(self._log.root), hint="Open another and append again."
            )

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """After an error the ids seen are ahead of what is written, so the writer is of no more use."""
        try:
            yield
        except BaseException:
            self._failed = True
            raise

    def _keep(self, table: pa.Table) -> None:
        self._buffer.append(table)
        self._rows += table.num_rows
        self._bytes += table.nbytes
        if self._rows >= self._flush_rows or self._bytes >= self._flush_bytes:
            self._flush()

    def _flush(self) -> None:
        """Hand the buffer to the writing thread, once that has ended its last."""
        self._settle()
        if self._buffer:
            self._writing, self._buffer = self._buffer, []
            self._rows = self._bytes = 0
            self._pending = self._pool.submit(self._write, self._writing)

    def _settle(self) -> None:
        if self._pending is not None:
            pending, self._pending = self._pending, None
            pending.result()

    def _write(self, parts: list[pa.Table]) -> None:
        if self._version < 0:
            self._log.create()
            self._version = self._log.snapshot().version
        version = self._version + 1
        files = [write_day(self._log.root, day, [rows], version=version) for day, rows in by_day(merge(parts))]
        self._version = self._log.commit(add=files, expected_version=version)
        self._writing = []

    def _codes_of(self, day: str) -> NDArray[np.int64]:
        """Codes of all events of a day, those not yet committed included."""
        start = parse_time(day)
        # The buffers first: what is committed between the two looks is then found twice, not never.
        found = [_codes_between(part, start, start + DAY_US) for part in (*self._writing, *self._buffer)]
        files = (file.path for file in self._log.snapshot().files if file.day == day)
        found += [read_codes(self._log.root / path) for path in files]
        return np.concatenate([np.zeros(0, np.int64), *found])


def _codes_between(table: pa.Table, start_us: int, end_us: int) -> NDArray[np.int64]:
    times, codes = keys(table)
    return codes[(times >= start_us) & (times < end_us)]
