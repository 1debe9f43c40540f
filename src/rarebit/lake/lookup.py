"""Finding events: by condition, by id, and for thousands of entities and times at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rarebit.core.errors import QueryError
from rarebit.core.fields import ID, ID_CODE, TIME
from rarebit.lake.engine import Engine, everything, order, quote, select, time_range
from rarebit.lake.log import DataFile, Snapshot
from rarebit.maths.hashing import hash_bytes

_WANTED: Final = ("row", "start_us", "end_us")


_PLACE: Final = f'epoch_us({quote(TIME)}) AS "_at", {quote(ID_CODE)} AS "_code"'
_FEW: Final = 8
"""So many columns are read along with the condition; more only once it is known of which events."""


def find(
    engine: Engine,
    files: Sequence[DataFile],
    *,
    where: str,
    columns: Sequence[str] | None,
    limit: int | None,
    newest_first: bool,
    span: tuple[int | None, int | None],
) -> pa.Table:
    """Events that meet a condition, by time and id; see :meth:`Lake.events`."""
    chosen = everything() if columns is None else {name: quote(name) for name in columns}
    direction = "DESC" if newest_first else "ASC"
    tail = f"FROM {engine.source(files)} AS e WHERE ({where}) AND {time_range(*span)} ORDER BY {order(direction)}"
    if limit is not None:
        tail += f" LIMIT {int(limit)}"
    with engine.cursor() as cursor:
        if limit is None or len(chosen) <= _FEW:
            return cursor.sql(f"SELECT {select(chosen)} {tail}").to_arrow_table()
        places = cursor.sql(f"SELECT {_PLACE} {tail}").to_arrow_table()
        return _fetch(engine, cursor, files, places, f"SELECT {select(chosen)}", direction)


def find_ids(engine: Engine, snapshot: Snapshot, ids: Sequence[str], days: Sequence[str] | None) -> pa.Table:
    """Events by id; see :meth:`Lake.by_id`."""
    files = [file for file in snapshot.files if days is None or file.day in days]
    texts = pa.array(list(dict.fromkeys(ids)), pa.string())
    with engine.cursor() as cursor:
        cursor.register("wanted", pa.table({"id": texts, "code": _codes(texts)}))
        places = cursor.sql(
            f"SELECT {_PLACE} FROM {engine.source(files)} WHERE {quote(ID_CODE)} IN (SELECT code FROM wanted)"
        ).to_arrow_table()
        found = _fetch(engine, cursor, files, places, f"SELECT {select(everything())}", "ASC")
    return found.filter(pc.is_in(found.column(ID), texts))


def _fetch(
    engine: Engine,
    cursor: duckdb.DuckDBPyConnection,
    files: Sequence[DataFile],
    places: pa.Table,
    chosen: str,
    direction: str,
) -> pa.Table:
    """Columns of the events at places (time and id code), from the files that can hold them."""
    times = places.column("_at").to_numpy()
    span = (int(times.min()), int(times.max()) + 1) if times.size else (0, 0)
    cursor.register("place", places)
    return cursor.sql(
        f"{chosen} FROM {engine.source(_holding(files, times, times + 1))} AS e WHERE {time_range(*span)} "
        f'AND (epoch_us({quote(TIME)}), {quote(ID_CODE)}) IN (SELECT ("_at", "_code") FROM place) '
        f"ORDER BY {order(direction)}"
    ).to_arrow_table()


def join(
    engine: Engine,
    snapshot: Snapshot,
    wanted: pa.Table,
    *,
    on: Mapping[str, str],
    columns: Mapping[str, str],
    where: str,
    per_row_limit: int,
) -> pa.Table:
    """Events of many entities and stretches of time; see :meth:`Lake.join`."""
    missing = [name for name in (*_WANTED, *on) if name not in wanted.column_names]
    if missing:
        raise QueryError(f"the table of what is wanted has no column {missing[0]!r}")
    starts, ends = (wanted.column(name).cast(pa.int64()).to_numpy() for name in ("start_us", "end_us"))
    files = _holding(snapshot.files, starts, ends)
    span = (int(starts.min()), int(ends.max())) if wanted.num_rows else (0, 0)
    with engine.cursor() as cursor:
        cursor.register("wanted", wanted.select([*_WANTED, *on]))
        # First which events, from few columns; then the columns asked for, of those events only.
        picks = cursor.sql(_picks_sql(engine.source(files), on, where, span, per_row_limit)).to_arrow_table()
        times = picks.column("at").to_numpy()
        cursor.register("picks", picks)
        source = engine.source(_holding(files, times, times + 1))
        return cursor.sql(
            f"""
            SELECT p."row", {", ".join(f"e.{quote(name)}" for name in columns)}, p.total
            FROM (SELECT {_PLACE}, {select(columns)} FROM {source} WHERE {time_range(*span)}) AS e
            JOIN picks AS p ON e."_code" = p.code AND e."_at" = p.at
            ORDER BY p."row", p.at, p.code
            """
        ).to_arrow_table()


def _picks_sql(source: str, on: Mapping[str, str], where: str, span: tuple[int, int], limit: int) -> str:
    keys = "".join(f', {expression} AS "_key{at}"' for at, expression in enumerate(on.values()))
    same = "".join(f' AND e."_key{at}" IS NOT DISTINCT FROM w.{quote(name)}' for at, name in enumerate(on))
    # The condition costs more than the join: asked in terms of both sides, it is asked of what was joined.
    met = f'CASE WHEN w."row" IS NOT NULL THEN ({where}) ELSE FALSE END'
    return f"""
        SELECT w."row", e."_at" AS at, e."_code" AS code, count(*) OVER (PARTITION BY w."row") AS total
        FROM (SELECT *, {_PLACE}{keys} FROM {source} WHERE {time_range(*span)}) AS e
        JOIN wanted AS w ON e."_at" >= w.start_us AND e."_at" < w.end_us{same}
        WHERE {met}
        QUALIFY row_number() OVER (PARTITION BY w."row" ORDER BY e."_at", e."_code") <= {int(limit)}
        """


def _codes(texts: pa.Array) -> pa.Array:
    large = texts.cast(pa.large_string())
    _, offsets, data = large.buffers()
    starts = np.frombuffer(offsets, np.int64)[: len(large) + 1]
    return pa.array(hash_bytes(starts, np.frombuffer(data or b"", np.uint8)))


def _holding(files: Sequence[DataFile], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> list[DataFile]:
    """Files that may hold an event of one of the stretches ``[start, end)``."""
    order = np.argsort(starts, kind="stable")
    begin, reach = starts[order], np.maximum.accumulate(ends[order])

    def touched(file: DataFile) -> bool:
        before = int(np.searchsorted(begin, file.last_us, side="right"))
        return before > 0 and int(reach[before - 1]) > file.first_us

    return [file for file in files if touched(file)]
