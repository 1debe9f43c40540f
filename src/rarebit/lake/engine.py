"""DuckDB over the files of one version of the lake: connections that can read the lake and nothing else."""

from __future__ import annotations

import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from threading import Lock, Timer
from typing import Final

import duckdb
import pyarrow as pa

from rarebit.core.errors import QueryError, RarebitError, StateError
from rarebit.core.fields import DAY, ID_CODE, TIME
from rarebit.core.schema import EVENT_SCHEMA
from rarebit.lake.log import TABLE_SCHEMA, DataFile

QUERY_SECONDS: Final = 30.0
_seconds: ContextVar[float | None] = ContextVar("seconds of a query", default=None)


@contextmanager
def query_time(seconds: float = QUERY_SECONDS) -> Iterator[None]:
    """End each query that this thread begins in the block, and that takes longer, with a QueryError."""
    before = _seconds.set(seconds)
    try:
        yield
    finally:
        _seconds.reset(before)


@contextmanager
def _ended(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Interrupt what a cursor does once its time is over."""
    seconds = _seconds.get()
    if seconds is None:
        yield
        return

    def interrupt() -> None:
        with suppress(duckdb.Error):  # it has ended by itself just now
            cursor.interrupt()

    timer = Timer(seconds, interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class Engine:
    """A DuckDB instance in memory that reads one lake.

    Parameters
    ----------
    root : Path
        Directory of the lake.
    memory_limit : str
        Most memory of a query, such as ``1GB``; beyond it DuckDB spills to a temporary directory.
    threads : int
        Threads of a query.
    """

    def __init__(self, root: Path, *, memory_limit: str, threads: int) -> None:
        self._root = root
        self._settings = {"memory_limit": memory_limit, "threads": str(threads)}
        self._base: duckdb.DuckDBPyConnection | None = None
        self._spill: weakref.finalize[..., Engine] | None = None
        self._opening = Lock()

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection for one query of one thread.

        Raises
        ------
        QueryError
            If the query is wrong.
        StateError
            If files cannot be read, or memory and disk do not suffice.
        """
        cursor = self._connection().cursor()
        try:
            cursor.execute("SET TimeZone = 'UTC'")
            with _ended(cursor):
                yield cursor
        except duckdb.Error as error:
            raise self._explained(error) from error
        finally:
            cursor.close()

    def source(self, files: Sequence[DataFile]) -> str:
        """SQL table expression over files in the order given; without files, an empty one."""
        if not files:
            nulls = ", ".join(f"NULL::{_duck_type(f.type)} AS {quote(f.name)}" for f in TABLE_SCHEMA)
            return f"(SELECT {nulls} WHERE FALSE)"
        paths = ", ".join(literal(_unglob(str(self._root / file.path))) for file in files)
        # The day is taken from the last directory; DuckDB's own reading would take any "day=" on the way there.
        return (
            f"(SELECT * EXCLUDE (filename), regexp_extract(filename, '{DAY}=([0-9-]+)[/\\\\][^/]*$', 1) AS {DAY} "
            f"FROM read_parquet([{paths}], hive_partitioning = false, filename = true))"
        )

    def close(self) -> None:
        """End the instance and remove its temporary files; the next query starts another."""
        with self._opening:
            if self._base is not None:
                self._base.close()
                self._base = None
            if self._spill is not None:
                self._spill()
                self._spill = None

    def _explained(self, error: duckdb.Error) -> RarebitError:
        if isinstance(error, duckdb.InterruptException):
            return QueryError("the query took too long and was ended", hint="Ask for a shorter time, or for less.")
        line = str(error).strip().splitlines()[0]
        damaged = ".parquet" in line and not isinstance(error, duckdb.PermissionException)
        if damaged or isinstance(error, duckdb.IOException | duckdb.OutOfMemoryException):
            return StateError(
                f"the event lake cannot be read: {line}",
                where=str(self._root),
                hint="Check the disk; give queries more memory, or ask for a shorter time.",
            )
        return QueryError(f"the query cannot be run: {line}")

    def _connection(self) -> duckdb.DuckDBPyConnection:
        with self._opening:
            if self._base is None:
                self._base = self._open()
            return self._base

    def _open(self) -> duckdb.DuckDBPyConnection:
        spill = tempfile.mkdtemp(prefix="rarebit-spill-")
        self._spill = weakref.finalize(self, shutil.rmtree, spill, ignore_errors=True)
        base = duckdb.connect(":memory:", config=dict(self._settings))
        base.execute(f"SET temp_directory = {literal(spill)}")
        base.execute("SET parquet_metadata_cache = true")
        # Else a long IN becomes a join, and a join gives the rows of a scan in no particular order.
        base.execute("SET disabled_optimizers = 'in_clause'")
        base.execute("SET python_enable_replacements = false")
        base.execute("SET autoinstall_known_extensions = false")
        own = ", ".join(literal(text) for text in (str(self._root), _unglob(str(self._root))))
        base.execute(f"SET allowed_directories = [{own}]")
        base.execute("SET enable_external_access = false")
        return base


def select(columns: Mapping[str, str]) -> str:
    """Select list of SQL expressions and their output names."""
    return ", ".join(f"{expression} AS {quote(name)}" for name, expression in columns.items())


def everything() -> dict[str, str]:
    """All columns of an event, under their own names."""
    return {name: quote(name) for name in EVENT_SCHEMA.names}


def order(direction: str = "ASC") -> str:
    """SQL order of events, of a source called ``e``; qualified, since an output name may be the same."""
    return f"e.{quote(TIME)} {direction}, e.{quote(ID_CODE)} {direction}"


def time_range(start_us: int | None, end_us: int | None) -> str:
    """SQL condition on the time: ``[start_us, end_us)``."""
    parts = ["TRUE"]
    if start_us is not None:
        parts.append(f"{quote(TIME)} >= make_timestamptz({start_us})")
    if end_us is not None:
        parts.append(f"{quote(TIME)} < make_timestamptz({end_us})")
    return " AND ".join(parts)


def quote(name: str) -> str:
    """The name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """The text as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def _unglob(path: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", path)


def _duck_type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return "VARCHAR[]"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMPTZ"
    return {"int64": "BIGINT", "double": "DOUBLE", "bool": "BOOLEAN", "string": "VARCHAR"}[str(kind)]
