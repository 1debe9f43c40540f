"""Part ``intake``: files to batches of events, and into a lake, against the fastest reader of the same columns."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bench.data import Data
from bench.measure import ROOT, Case, Figures, Line, rounds, timed

TARGET = 2.0
"""At least half as fast as the floor."""
_EVTX_FOLDER = "evtx-workstations/raw"
_MOST_PARQUET = 1_500_000
"""Events of Parquet read at most."""


def intake(data: Data, repeats: int) -> list[Line]:
    """NDJSON, Parquet and EVTX."""
    return [*_ndjson(data, repeats), *_parquet(data, repeats), *_evtx(repeats)]


def _ndjson(data: Data, repeats: int) -> list[Line]:
    files = _files(data.ndjson, "ndjson")
    schema = pq.read_schema(_files(data.files, "parquet")[0])
    columns = {name: _duck_type(schema.field(name).type) for name in schema.names}
    given = {"files": files, "columns": columns}
    found = rounds(
        [
            Case("floor batches", "intake:duckdb_json_batches", given),
            Case("batches", "intake:to_batches", given),
            Case("floor lake", "intake:duckdb_json_parquet", given),
            Case("lake", "intake:to_lake", given),
        ],
        repeats,
    )
    return [
        _line("NDJSON to batches", found["batches"], "DuckDB read_json to Arrow", found["floor batches"]),
        _line("NDJSON to lake", found["lake"], "DuckDB read_json to Parquet", found["floor lake"]),
    ]


def _parquet(data: Data, repeats: int) -> list[Line]:
    files, rows = [], 0
    for file in _files(data.files, "parquet"):
        rows += pq.read_metadata(file).num_rows
        if files and rows > _MOST_PARQUET:
            break
        files.append(file)
    given = {"files": files}
    cases = [Case("floor", "intake:duckdb_parquet", given), Case("lake", "intake:to_lake", given)]
    found = rounds(cases, repeats)
    return [_line("Parquet to lake", found["lake"], "DuckDB Parquet to Parquet", found["floor"], target=None)]


def _evtx(repeats: int) -> list[Line]:
    folder = Path(os.environ.get("RAREBIT_DATA", ROOT.parent / "shared" / "data")) / _EVTX_FOLDER
    files = [str(path) for path in sorted(folder.rglob("*")) if ".evtx" in path.name]
    if not files:
        return [Line("intake", "EVTX", f"skipped: no event logs under RAREBIT_DATA ({_EVTX_FOLDER})")]
    given = {"files": files}
    found = rounds([Case("floor", "intake:evtx_library", given), Case("batches", "intake:to_batches", given)], repeats)
    return [_line("EVTX to batches", found["batches"], "the evtx library to JSON", found["floor"], target=None)]


def _line(name: str, ours: Figures, floor_name: str, floor: Figures, target: float | None = TARGET) -> Line:
    ratio = (ours["seconds"] / ours["events"]) / (floor["seconds"] / floor["events"])
    told = f"{ours['events'] / ours['seconds'] / 1e3:.0f} k events/s, {ours['peak_mb']:.0f} MB peak"
    against = f"{floor_name}, {floor['events'] / floor['seconds'] / 1e3:.0f} k/s"
    met = None if target is None else ratio <= target
    wanted = "" if target is None else f"≤ {target:g}"
    return Line("intake", name, told, against, ratio, wanted, met, {"ours": ours, "floor": floor})


def _files(folder: Path, form: str) -> list[str]:
    return [str(path) for path in sorted((folder / "events").glob(f"*.{form}"))]


def _duck_type(kind: pa.DataType) -> str:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_list(kind):
        return "VARCHAR[]"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMPTZ"
    return {"int64": "BIGINT", "double": "DOUBLE", "bool": "BOOLEAN", "string": "VARCHAR"}[str(kind)]


def to_batches(given: Figures) -> Figures:
    """Child: the product's own reader."""
    from rarebit.source.read import FileRead, ReadSettings

    figures: Figures = {}
    _warm(given)
    with timed(figures):
        rows = sum(
            batch.num_rows for file in given["files"] for batch in FileRead(Path(file), ReadSettings()).batches()
        )
    return figures | {"events": rows}


def to_lake(given: Figures) -> Figures:
    """Child: the product's own reader and writer."""
    from rarebit.lake import Lake
    from rarebit.source.read import FileRead, ReadSettings

    figures: Figures = {}
    _warm(given)
    with tempfile.TemporaryDirectory() as scratch, Lake(Path(scratch) / "lake") as lake:
        with timed(figures), lake.writer() as writer:
            for file in given["files"]:
                for batch in FileRead(Path(file), ReadSettings()).batches():
                    writer.append(batch)
        summary = lake.summary()
    return figures | {"events": summary.events, "bytes_an_event": summary.bytes / summary.events}


def _warm(given: Figures) -> None:
    """Have the loops of this format compiled and loaded; one batch suffices."""
    from rarebit.lake import Lake
    from rarebit.source.read import FileRead, ReadSettings

    with tempfile.TemporaryDirectory() as scratch, Lake(Path(scratch) / "lake") as lake, lake.writer() as writer:
        for batch in FileRead(Path(given["files"][0]), ReadSettings()).batches():
            writer.append(batch.slice(0, 1_000))
            break


def duckdb_json_batches(given: Figures) -> Figures:
    """Child: DuckDB's reader of JSON with the columns told, to Arrow batches."""
    import duckdb

    figures: Figures = {}
    with timed(figures):
        connection = duckdb.connect(config={"threads": 2})
        with connection.sql(_json_query(given)).to_arrow_reader(65_536) as reader:
            rows = sum(batch.num_rows for batch in reader)
    return figures | {"events": rows}


def duckdb_json_parquet(given: Figures) -> Figures:
    """Child: the same into one Parquet file."""
    return _copied(_json_query(given))


def duckdb_parquet(given: Figures) -> Figures:
    """Child: DuckDB from Parquet to Parquet."""
    return _copied(f"SELECT * FROM read_parquet({given['files']!r})")


def _copied(query: str) -> Figures:
    import duckdb

    figures: Figures = {}
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "out.parquet"
        with timed(figures):
            connection = duckdb.connect(config={"threads": 2})
            connection.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)")
        return figures | {"events": pq.read_metadata(target).num_rows}


def _json_query(given: Figures) -> str:
    tree: dict[str, Any] = {}
    for name, kind in given["columns"].items():
        at = tree
        *parents, leaf = name.split(".")
        for part in parents:
            at = at.setdefault(part, {})
        at[leaf] = kind
    columns = ", ".join(f"\"{key}\": '{_struct(below)}'" for key, below in tree.items())
    paths = ".".join
    chosen = ", ".join(f'{paths(_quoted(part) for part in name.split("."))} AS "{name}"' for name in given["columns"])
    return f"SELECT {chosen} FROM read_json({given['files']!r}, format = 'newline_delimited', columns = {{{columns}}})"


def _struct(below: dict[str, Any] | str) -> str:
    if isinstance(below, str):
        return below
    return "STRUCT(" + ", ".join(f"{_quoted(key)} {_struct(each)}" for key, each in below.items()) + ")"


def _quoted(name: str) -> str:
    return f'"{name}"'


def evtx_library(given: Figures) -> Figures:
    """Child: the evtx library alone, records to JSON text."""
    import gzip

    import evtx

    figures: Figures = {}
    with timed(figures):
        rows = 0
        for file in given["files"]:
            with (gzip.open if file.endswith(".gz") else open)(file, "rb") as stream:
                rows += _count(evtx.PyEvtxParser(stream))
    return figures | {"events": rows}


def _count(parser: Any) -> int:  # noqa: ANN401 - the library carries no types
    rows = 0
    records = parser.records_json()
    while True:
        try:
            next(records)
        except StopIteration:
            return rows
        except RuntimeError:  # a damaged record, of which these logs have some
            continue
        rows += 1
