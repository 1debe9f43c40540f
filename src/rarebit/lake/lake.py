"""The event lake: what every other room asks of the events on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import pyarrow as pa

from rarebit.core.errors import QueryError
from rarebit.core.fields import TIME
from rarebit.lake import compact as housekeeping
from rarebit.lake import lookup
from rarebit.lake.compact import CompactReport
from rarebit.lake.engine import Engine, everything, quote, select, time_range
from rarebit.lake.lock import WriterLock
from rarebit.lake.log import VERSION, DeltaLog
from rarebit.lake.scan import ahead, read_segment, segments
from rarebit.lake.writer import LakeWriter


@dataclass(frozen=True, kw_only=True)
class LakeSummary:
    """What a version of the lake holds, from its log alone."""

    version: int
    events: int
    first_us: int | None
    last_us: int | None
    files: int
    bytes: int
    days: dict[str, int]
    """Events of each day."""


class Lake:
    """A directory of events; made by the first append. Reading and writing may go on at the same time.

    Every reading method looks at one version of the lake, the newest when it is called.

    Parameters
    ----------
    path : Path
        Directory of the Delta table.
    memory_limit : str
        Most memory of a query; beyond it DuckDB spills to disk.
    threads : int
        Threads of a query.
    """

    def __init__(self, path: Path, *, memory_limit: str = "1GB", threads: int = 2) -> None:
        self.path = path.absolute()
        self._log = DeltaLog(self.path)
        self._engine = Engine(self.path, memory_limit=memory_limit, threads=threads)

    def close(self) -> None:
        """Give back the memory and the temporary files of queries; the next query opens them anew."""
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def writer(self) -> LakeWriter:
        """The right to append, for one at a time.

        Raises
        ------
        StateError
            If another writer is open, in this process or another, or the directory cannot be written.
        """
        return LakeWriter(self._log)

    def version(self) -> int:
        """The newest version; -1 while nothing has been committed."""
        return self._log.snapshot().version

    def has_since(self, version: int) -> bool:
        """Whether it holds events committed after a version; laying files out anew and dropping days are none."""
        return bool(self._log.snapshot().between(None, None, version, None))

    def identity(self) -> str:
        """Name that this lake was given when it was made; empty while nothing has been committed."""
        return self._log.identity()

    def summary(self) -> LakeSummary:
        """Counts and span of the newest version, without reading an event."""
        snapshot = self._log.snapshot()
        days: dict[str, int] = {}
        for file in snapshot.files:
            days[file.day] = days.get(file.day, 0) + file.rows
        return LakeSummary(
            version=snapshot.version,
            events=sum(days.values()),
            first_us=min((file.first_us for file in snapshot.files), default=None),
            last_us=max((file.last_us for file in snapshot.files), default=None),
            files=len(snapshot.files),
            bytes=sum(file.size for file in snapshot.files),
            days=dict(sorted(days.items())),
        )

    def newest_before(self, until_us: int) -> int | None:
        """Time (microseconds since 1970) of the newest event up to a moment; None where there is none.

        Only files that hold events of both sides of it are read.
        """
        files = self._log.snapshot().files
        newest = max((file.last_us for file in files if file.last_us <= until_us), default=None)
        astride = [file for file in files if file.first_us <= until_us < file.last_us]
        if newest is not None:
            astride = [file for file in astride if file.last_us > newest]
        if not astride:
            return newest
        span = time_range(None if newest is None else newest + 1, until_us + 1)
        with self._engine.cursor() as cursor:
            query = f"SELECT epoch_us(max({quote(TIME)})) AS newest FROM {self._engine.source(astride)} WHERE {span}"
            found: int | None = cursor.sql(query).to_arrow_table().column("newest")[0].as_py()
        return newest if found is None else found

    def scan(
        self,
        *,
        columns: Mapping[str, str],
        where: str = "TRUE",
        start_us: int | None = None,
        end_us: int | None = None,
        since_version: int | None = None,
        until_version: int | None = None,
    ) -> Iterator[pa.Table]:
        """Read events in exact order of time and id code, a table of some hundred thousand rows at a time.

        The next table is read while the caller works on the last.

        Parameters
        ----------
        columns : mapping
            Output name to SQL expression over the columns of an event.
        where : str
            SQL condition.
        start_us, end_us : int, optional
            ``[start_us, end_us)``, microseconds since 1970.
        since_version : int, optional
            Only events committed after this version, also where later compaction has moved them.
        until_version : int, optional
            Only events committed up to this version: what a reader has noted with :meth:`version` before it
            began, so that the next reading can go on from there whatever is committed meanwhile.

        Raises
        ------
        QueryError
            If an expression is wrong.
        StateError
            If the lake cannot be read.
        """
        files = self._log.snapshot().between(start_us, end_us, since_version, until_version)
        condition = f"({where}) AND {time_range(start_us, end_us)}"
        if since_version is not None:
            condition += f" AND {quote(VERSION)} > {int(since_version)}"
        if until_version is not None:
            condition += f" AND {quote(VERSION)} <= {int(until_version)}"

        def read() -> Iterator[pa.Table]:
            for segment in segments(files):
                yield from read_segment(self._engine, segment, select(columns), condition)

        return ahead(read)

    def events(
        self,
        *,
        where: str,
        columns: Sequence[str] | None = None,
        limit: int | None = None,
        newest_first: bool = False,
        start_us: int | None = None,
        end_us: int | None = None,
    ) -> pa.Table:
        """Events that meet a condition, in order of time and id code.

        Parameters
        ----------
        where : str
            SQL condition.
        columns : sequence of str, optional
            Names of columns; all of :data:`EVENT_SCHEMA` when not given.
        limit : int, optional
            At most so many: the first, or the last with `newest_first`.
        newest_first : bool
            Give the latest first.
        start_us, end_us : int, optional
            ``[start_us, end_us)``, microseconds since 1970.
        """
        return lookup.find(
            self._engine,
            self._log.snapshot().between(start_us, end_us),
            where=where,
            columns=columns,
            limit=limit,
            newest_first=newest_first,
            span=(start_us, end_us),
        )

    def by_id(self, ids: Sequence[str], *, days: Sequence[str] | None = None) -> pa.Table:
        """Events with these ids, in order of time; ids that name nothing are left out.

        Parameters
        ----------
        ids : sequence of str
            Values of ``event.id``.
        days : sequence of str, optional
            Look only at these days (``YYYY-MM-DD``), which is much quicker in a big lake.
        """
        return lookup.find_ids(self._engine, self._log.snapshot(), ids, days)

    def join(
        self,
        wanted: pa.Table,
        *,
        on: Mapping[str, str],
        columns: Mapping[str, str],
        where: str = "TRUE",
        per_row_limit: int,
    ) -> pa.Table:
        """Events of many entities and stretches of time in one pass.

        Parameters
        ----------
        wanted : Table
            ``row`` int64, ``start_us`` and ``end_us`` int64 (half open), and the key columns of `on`.
        on : mapping
            Key column to the SQL expression over event columns it must equal; null equals null.
        columns : mapping
            Output name to SQL expression over event columns. ``row`` and ``total`` are taken.
        where : str
            SQL condition on the events.
        per_row_limit : int
            The most events of each row; the earliest are given.

        Returns
        -------
        Table
            ``row``, the columns asked for, and ``total`` int64, the number of events of the row before the
            limit; by row, time and id code. A row without events does not appear.

        Raises
        ------
        QueryError
            If an expression is wrong or a column is missing.
        """
        return lookup.join(
            self._engine,
            self._log.snapshot(),
            wanted,
            on=on,
            columns=columns,
            where=where,
            per_row_limit=per_row_limit,
        )

    def sql(self, query: str) -> pa.Table:
        """Result of one SELECT, in which ``events`` is the lake.

        The query can read the lake and no other file.

        Raises
        ------
        QueryError
            If the query is wrong, or anything but one SELECT.
        """
        source = self._engine.source(self._log.snapshot().files)
        with self._engine.cursor() as cursor:
            statements = cursor.extract_statements(query)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise QueryError("only one SELECT can be run", hint="The events are in the view events.")
            cursor.execute(f"CREATE TEMP VIEW events AS SELECT {select(everything())} FROM {source}")
            return cursor.sql(statements[0].query).to_arrow_table()

    def each_file(
        self, queries: Sequence[str], *, since_version: int, until_version: int
    ) -> Iterator[tuple[int, int, str, list[pa.Table]]]:
        """Results of SELECTs over ``events``, for each file by itself: for sums that can be added up afterwards.

        Parameters
        ----------
        queries : sequence of str
            Each over the columns of an event.
        since_version, until_version : int
            Only events committed after one version and up to another.

        Yields
        ------
        tuple
            Files done, number of files, day of the file, and a table for each query.
        """
        files = self._log.snapshot().between(None, None, since_version, until_version)
        column = quote(VERSION)
        for done, file in enumerate(files, 1):
            condition = f"{column} > {int(since_version)} AND {column} <= {int(until_version)}"
            if since_version < file.first_version and file.last_version <= until_version:
                condition = "TRUE"
            with self._engine.cursor() as cursor:
                source = self._engine.source([file])
                cursor.execute(f"CREATE TEMP VIEW events AS SELECT * FROM {source} WHERE {condition}")
                yield done, len(files), file.day, [cursor.sql(query).to_arrow_table() for query in queries]

    def compact(self, *, before_day: str | None = None) -> CompactReport:
        """Make one sorted file of each day that has more; each day is one atomic step.

        Parameters
        ----------
        before_day : str, optional
            Only days before this one (``YYYY-MM-DD``).

        Raises
        ------
        StateError
            If a writer is open or the lake cannot be written.
        """
        if self.version() < 0:
            return CompactReport(days=0, files_before=0, files_after=0, bytes_before=0, bytes_after=0, version=-1)
        with WriterLock(self.path / ".writer.lock"):
            return housekeeping.compact(self._log, before_day=before_day)

    def retain(self, *, days: int, now_us: int) -> list[str]:
        """Drop whole days older than `days` before now.

        Returns
        -------
        list of str
            The days dropped.

        Raises
        ------
        StateError
            If a writer is open or the lake cannot be written.
        """
        if self.version() < 0:
            return []
        with WriterLock(self.path / ".writer.lock"):
            return housekeeping.retain(self._log, days=days, now_us=now_us)
