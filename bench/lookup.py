"""Part ``lookup``: from a finding to its events, in milliseconds."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from bench.data import Data, lake_files
from bench.jobs import RARE_JOB
from bench.measure import Case, Figures, Line, run

SAMPLES = 30
TARGET_MS = 1_000
_MINUTES_US = 15 * 60 * 1_000_000
_NAMES = {
    "id": ("one event by id, day known", "DuckDB, its day's files"),
    "id_anywhere": ("one event by id, any day", "DuckDB, all files"),
    "span": ("host and process, 15 minutes", "DuckDB, its day's files"),
    "host": ("one host, 14 days, 4 columns", "DuckDB, all files"),
    "record": ("the events of a record", "DuckDB by id, its day's files"),
}


def lookup(data: Data, repeats: int) -> list[Line]:
    """Each kind of look-up, on samples spread over the lake; a floor query before each of them."""
    del repeats  # the samples repeat it
    given = {"home": str(data.home), "files": lake_files(data.home), "warm": str(data.warm_home)}
    found = run(Case("lookup", "lookup:ask", given))
    lines = []
    for kind, (name, floor) in _NAMES.items():
        if kind not in found:
            lines.append(Line("lookup", name, "skipped: the job made no record"))
            continue
        ours, bare = (np.array(found[kind][who]) for who in ("ours", "floor"))
        p50, p95 = np.percentile(ours, [50, 95])
        middle = float(np.median(bare))
        told = f"p50 {p50:.0f} ms, p95 {p95:.0f} ms"
        met = bool(p95 < TARGET_MS)
        lines.append(
            Line("lookup", name, told, f"{floor}, {middle:.0f} ms", float(p50) / middle, "p95 < 1 s", met, found[kind])
        )
    return lines


def ask(given: Figures) -> Figures:
    """Child: time every kind of look-up."""
    import duckdb

    from bench.data import fresh_home
    from rarebit.app.run import RunOptions, run
    from rarebit.app.show import events, records

    with tempfile.TemporaryDirectory() as scratch:
        home = fresh_home(Path(given["home"]), Path(scratch) / "home")
        started = time.perf_counter()
        run(home, [], RunOptions(jobs=(RARE_JOB,), remember=False))
        connection = duckdb.connect(config={"threads": 2})
        connection.execute("SET TimeZone = 'UTC'")
        picked = home.lake.sql(_SAMPLE).to_pylist()
        files = given["files"]
        figures: Figures = {kind: {"ours": [], "floor": []} for kind in _NAMES}

        def both(kind: str, floor: str, ours: object) -> None:
            figures[kind]["floor"].append(_ms(lambda: connection.execute(floor).to_arrow_table()))
            figures[kind]["ours"].append(_ms(ours))

        for row in picked:
            day = [file for file in files if f"day={row['day']}" in file]
            code, start, host = row["code"], row["at"] - row["at"] % _MINUTES_US, row["host"]
            span = {"start_us": start, "end_us": start + _MINUTES_US}
            by_code = f'"rarebit.code.event.id" = {code}'
            where = f'"host.name" = {_text(host)} AND "process.name" = {_text(row["process"])}'
            within = f'epoch_us("@timestamp") >= {start} AND epoch_us("@timestamp") < {start + _MINUTES_US}'
            both("id", _all(day, by_code), lambda r=row: home.lake.by_id([r["id"]], days=[r["day"]]))
            both("id_anywhere", _all(files, by_code), lambda r=row: home.lake.by_id([r["id"]]))
            both("span", _all(day, f"{where} AND {within}"), lambda w=where, s=span: home.lake.events(where=w, **s))
            timeline = f'"host.name" = {_text(host)}'
            both("host", _all(files, timeline, _FEW), lambda w=timeline: home.lake.events(where=w, columns=_COLUMNS))
        for record in records(home, limit=SAMPLES):
            day = [file for file in files if f"day={record.time[:10]}" in file]
            ids = ", ".join(map(_text, record.event_ids))
            both("record", _all(day, f'"event.id" IN ({ids})'), lambda r=record: events(home, record_id=r.id))
        figures["seconds"] = time.perf_counter() - started
    return {kind: value for kind, value in figures.items() if kind == "seconds" or value["ours"]}


_COLUMNS = ("@timestamp", "event.id", "process.name", "user.name")
_FEW = ", ".join(f'"{name}"' for name in _COLUMNS)
_SAMPLE = f"""
    SELECT "event.id" AS id, "rarebit.code.event.id" AS code, epoch_us("@timestamp") AS at, day,
           "host.name" AS host, "process.name" AS process
    FROM events WHERE "process.name" IS NOT NULL AND "host.name" IS NOT NULL
    ORDER BY hash("rarebit.code.event.id") LIMIT {SAMPLES}
    """


def _ms(ask_it: object) -> float:
    started = time.perf_counter()
    ask_it()  # type: ignore[operator]
    return (time.perf_counter() - started) * 1e3


def _all(files: list[str], where: str, columns: str = "*") -> str:
    return f'SELECT {columns} FROM read_parquet({files!r}) WHERE {where} ORDER BY "@timestamp"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
