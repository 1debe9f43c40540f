"""Part ``count``: count jobs, from the lake to records, against no more than adding up their series by bucket."""

from __future__ import annotations

from bench.data import Data, lake_files
from bench.jobs import run_arguments
from bench.measure import Case, Figures, Line, best, rounds, timed

TARGET = 1.3
_JOBS = ("high_count_events_for_a_host_name", "auth_high_count_logon_events_for_a_source_ip")
"""A count with its zeros, of all hosts; one without, of the busiest field."""


def count(data: Data, repeats: int) -> list[Line]:
    """Each job by itself; the floor groups the same rows by series and bucket, in order, in DuckDB and in Polars."""
    lines = []
    for job in _JOBS:
        given = {"files": lake_files(data.home), "job": job}
        found = rounds(
            [
                Case("DuckDB", "count:group_duckdb", given),
                Case("Polars", "count:group_polars", given),
                Case("rarebit", "jobs:run_jobs", run_arguments(data, [job])),
            ],
            repeats,
        )
        ours = found.pop("rarebit")
        name, floor = best(found)
        ratio = ours["seconds"] / floor["seconds"]
        told = f"{ours['seconds']:.2f} s, {floor['cells']:,} cells, {ours['peak_mb']:.0f} MB peak"
        against = f"{name} group-by {floor['seconds']:.3f} s"
        details = {"floors": found, "job": ours}
        lines.append(Line("count", job, told, against, ratio, f"≤ {TARGET:g}", ratio <= TARGET, details))
    return lines


def _series(job_id: str) -> tuple[str, str, int]:
    """Condition in SQL, field of the series, and microseconds of a bucket."""
    from rarebit.detect.catalog import catalog
    from rarebit.detect.plan import plan
    from rarebit.query.sql import to_sql

    made = plan(catalog()[job_id].job)
    return to_sql(made.condition), made.detectors[0].split[0], made.span_us


def group_duckdb(given: Figures) -> Figures:
    """Child: the job's own condition, grouped by series and bucket."""
    import duckdb

    where, field, span = _series(given["job"])
    figures: Figures = {}
    with timed(figures):
        connection = duckdb.connect()
        connection.execute("SET threads = 2")
        query = (
            f'SELECT "{field}" AS series, epoch_us("@timestamp") // {span} AS bucket, count(*) AS events '
            f"FROM read_parquet($1) WHERE {where} GROUP BY ALL ORDER BY bucket, series"
        )
        made = connection.execute(query, [given["files"]]).to_arrow_table()
    return figures | {"cells": made.num_rows}


def group_polars(given: Figures) -> Figures:
    """Child: the same in Polars, whose conditions are spelt out here."""
    import polars as pl

    _, field, span = _series(given["job"])
    col = pl.col
    success = col("event.outcome") == "success"
    where = {
        _JOBS[0]: success & col("event.category").is_not_null() & col("event.dataset").is_not_null(),
        _JOBS[1]: success & col("event.category").str.contains(r"(^|,)authentication(,|$)"),
    }[given["job"]]
    figures: Figures = {}
    with timed(figures):
        bucket = (col("@timestamp").dt.epoch("us") // span).alias("bucket")
        rows = pl.scan_parquet(given["files"]).filter(where & col(field).is_not_null())
        made = rows.group_by(field, bucket).agg(pl.len()).sort("bucket", field).collect(engine="streaming")
    return figures | {"cells": made.height}
