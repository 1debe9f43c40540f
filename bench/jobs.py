"""Parts ``rare``, ``jobs``, ``beside``: from the lake to records, against the fastest bare scan of the columns."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from bench.data import Data, lake_files
from bench.measure import Case, Figures, Line, best, rounds, timed

RARE_JOB = "v3_rare_process_by_host_windows"
TARGET = 5.0
MOST_MB = 2_000
_TEXTS = ("host.name", "process.name", "process.parent.name", "event.category", "event.type", "host.os.type")
"""What the job reads: its detector's fields, the parent that gives context, and its condition."""


def rare(data: Data, repeats: int) -> list[Line]:
    """The rare-process job alone."""
    found = rounds([*_floors(data), Case("rarebit", "jobs:run_jobs", run_arguments(data, [RARE_JOB]))], repeats)
    ours = found.pop("rarebit")
    name, floor = best(found)
    ratio = ours["seconds"] / floor["seconds"]
    told = f"{ours['seconds']:.2f} s, {ours['events'] / ours['seconds'] / 1e6:.1f} M events/s"
    peak = f"{ours['peak_mb']:.0f} MB peak"
    starts = f"{ours['import_seconds']:.2f} s imports, {ours['warm_seconds']:.2f} s first run"
    scan = f"{name} scan {floor['seconds']:.3f} s"
    return [
        Line("rare", RARE_JOB, told, scan, ratio, f"≤ {TARGET:g}", ratio <= TARGET, {"floors": found, "job": ours}),
        Line("rare", "memory of its process", peak, "", None, "< 2 GB", ours["peak_mb"] < MOST_MB),
        Line("rare", "before the clock starts", starts, details={"seconds": ours["import_seconds"]}),
    ]


def all_jobs(data: Data, repeats: int) -> list[Line]:
    """Every job of the default set in one run."""
    found = rounds([*_floors(data), Case("rarebit", "jobs:run_jobs", run_arguments(data, []))], repeats)
    ours = found.pop("rarebit")
    name, floor = best(found)
    each = ours["seconds"] / ours["events"] / ours["jobs"] * 1e9
    told = f"{ours['seconds']:.2f} s, {each:.0f} ns an event and job"
    scan = f"{name} scan {floor['seconds']:.3f} s"
    ratio = ours["seconds"] / floor["seconds"]
    details = {"floors": found, "jobs": ours}
    return [
        Line("jobs", f"{ours['jobs']:.0f} default jobs", told, scan, ratio, details=details),
        Line("jobs", "memory of its process", f"{ours['peak_mb']:.0f} MB peak", details={"peak_mb": ours["peak_mb"]}),
    ]


def beside(data: Data, repeats: int) -> list[Line]:
    """All of a first run over events that are in the lake: what is done beside the rare-process job, by itself."""
    ours = rounds([Case("rarebit", "jobs:run_jobs", run_arguments(data, [RARE_JOB], beside=True))], repeats)["rarebit"]
    floors = rounds(_floors(data), repeats)
    name, floor = best(floors)
    scan = f"{name} scan {floor['seconds']:.3f} s"
    parts = {"the job": "detecting", "peer groups": "peers", "rules": "rules", "first-seen memory": "remembering"}
    lines = [
        Line("beside", title, f"{ours[part]:.2f} s", scan, ours[part] / floor["seconds"])
        for title, part in parts.items()
    ]
    whole = f"{ours['seconds']:.2f} s, {ours['peak_mb']:.0f} MB peak"
    ratio = ours["seconds"] / floor["seconds"]
    return [*lines, Line("beside", "a first run, all of it", whole, scan, ratio, details={"run": ours})]


def run_arguments(data: Data, jobs: list[str], *, beside: bool = False) -> Figures:
    """What :func:`run_jobs` is given; ``beside``: with all that a run does beside its jobs."""
    return {"home": str(data.home), "warm": str(data.warm_home), "jobs": jobs, "beside": beside}


def _floors(data: Data) -> list[Case]:
    given = {"files": lake_files(data.home)}
    return [Case("DuckDB", "jobs:scan_duckdb", given), Case("Polars", "jobs:scan_polars", given)]


def run_jobs(given: Figures) -> Figures:
    """Child: jobs over events that are in the lake already, to their records and cases."""
    started = time.perf_counter()
    from bench.data import fresh_home
    from rarebit.app.run import RunOptions, run

    figures: Figures = {"import_seconds": time.perf_counter() - started}
    whole = given["beside"]
    options = RunOptions(jobs=tuple(given["jobs"]), remember=whole, peers=whole, rules=whole)
    with tempfile.TemporaryDirectory() as scratch:
        started = time.perf_counter()
        run(fresh_home(Path(given["warm"]), Path(scratch) / "warm"), [], options)
        figures["warm_seconds"] = time.perf_counter() - started
        home = fresh_home(Path(given["home"]), Path(scratch) / "home")
        figures["events"] = home.lake.summary().events
        with timed(figures):
            summary = run(home, [], options)
    figures |= {"jobs": len(summary.jobs), "records": summary.records, "cases": summary.cases}
    figures |= {"remembering": summary.seconds_remembering, "peers": summary.seconds_peers}
    figures |= {"detecting": summary.seconds_detecting, "rules": summary.seconds_rules}
    figures["taken"] = sum(job.events for job in summary.jobs)
    figures["observations"] = sum(job.observations for job in summary.jobs)
    figures["model_mb"] = sum(job.memory_bytes for job in summary.jobs) / 1e6
    return figures


def scan_duckdb(given: Figures) -> Figures:
    """Child: the job's own condition, and the lengths of its columns, in one query."""
    import duckdb

    from rarebit.detect.catalog import catalog
    from rarebit.detect.datafeed import condition
    from rarebit.query.sql import to_sql

    where = to_sql(condition(catalog()[RARE_JOB].job))
    sums = ", ".join(f'sum(length("{name}"))' for name in _TEXTS)
    figures: Figures = {}
    with timed(figures):
        connection = duckdb.connect()
        connection.execute("SET threads = 2")
        query = f'SELECT count(*), {sums}, max(epoch_us("@timestamp")) FROM read_parquet($1) WHERE {where}'
        row = connection.execute(query, [given["files"]]).fetchone()
    return figures | {"taken": row[0] if row else 0}


def scan_polars(given: Figures) -> Figures:
    """Child: the same in Polars, whose conditions are spelt out here."""
    import polars as pl

    from rarebit.detect.catalog import catalog

    left_out = catalog()[RARE_JOB].job.datafeed.query["bool"]["must_not"][0]["terms"]["process.name"]
    col = pl.col
    word = {name: (col(name) == text) | col(name).str.contains(f"(^|,){text}(,|$)") for name, text in _WORDS.items()}
    windows = (col("host.os.type") == "windows") | (col("host.os.family") == "windows")
    named = col("process.name").is_in(left_out).fill_null(value=False)
    where = word["event.category"] & word["event.type"] & windows & ~named
    sums = [col(name).str.len_chars().cast(pl.Int64).sum() for name in _TEXTS]
    figures: Figures = {}
    with timed(figures):
        scan = pl.scan_parquet(given["files"]).filter(where)
        made = scan.select(pl.len().alias("taken"), *sums, col("@timestamp").max()).collect(engine="streaming")
    return figures | {"taken": made.row(0)[0]}


_WORDS = {"event.category": "process", "event.type": "start"}
