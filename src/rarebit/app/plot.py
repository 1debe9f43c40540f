"""How one series of a count job went, bucket by bucket, beside what was usual: the job is done over the lake anew."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa

from rarebit.app.clock import fleet_clock
from rarebit.app.home import Home
from rarebit.app.jobs import detector_text, get_job, planned
from rarebit.app.run import RunOptions, new_stream
from rarebit.core.errors import InputError, NotFoundError
from rarebit.core.result import Record
from rarebit.core.time import iso
from rarebit.detect.ahead import AHEAD_US
from rarebit.detect.count_engine import CountEngine, unit_of
from rarebit.detect.count_records import bounds_of
from rarebit.detect.plan import DetectorPlan, JobPlan
from rarebit.detect.scan import feed, request
from rarebit.detect.text_codes import codes_of
from rarebit.model.tables import Table


class PlotPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One bucket of one series."""

    timestamp: str
    bucket_span: int
    """Seconds."""
    detector_index: int
    function: str
    by_field_name: str | None = None
    by_field_value: str | None = None
    partition_field_name: str | None = None
    partition_field_value: str | None = None
    over_field_name: str | None = None
    over_field_value: str | None = None
    actual: int
    typical: float | None
    """None, as are the bounds, while nothing is learnt to judge by."""
    lower: int | None
    upper: int | None
    """Less, or more, come in 1 of 100 such buckets at most."""
    probability: float | None
    record_id: str | None = None
    record_score: float | None = None


def plot(
    home: Home,
    job_id: str,
    series: Sequence[str],
    *,
    detector: int | None = None,
    since_us: int | None = None,
    until_us: int | None = None,
) -> list[PlotPoint]:
    """The closed buckets of a series, by time, as the job's last run saw them.

    The job is replayed over all events of the lake up to that run; with the events of old days dropped, the numbers
    of the days after lack what was learnt from them.

    Parameters
    ----------
    job_id : str
        A job that counts.
    series : sequence of str
        Values of the detector's partition, by and over field, in this order; none where it counts the whole fleet.
    detector : int, optional
        Index of the detector; the first that counts series of so many fields.
    since_us, until_us : int, optional
        Buckets that begin in ``[since_us, until_us)``, microseconds since 1970.

    Raises
    ------
    InputError
        If the job has no such detector.
    NotFoundError
        If there is no such job, or no event of the series.
    """
    plan = planned(home, get_job(home, job_id))
    at, chosen = _detector(plan, len(series), detector)
    stream = new_stream(home, plan, RunOptions())
    stream.horizon_us = (fleet_clock(home) or 0) + AHEAD_US
    engine = stream.engine(at)
    assert isinstance(engine, CountEngine)  # noqa: S101 others count nothing
    codes = [codes_of(name, pa.array([value])) for name, value in zip(chosen.split, series, strict=True)]
    engine.watch(codes)
    asked = request([plan])
    position = home.store.get_position(job_id)
    tables = home.lake.scan(
        columns=asked.columns, where=asked.where, until_version=position.lake_version if position else None
    )
    for _ in feed([stream], tables):
        pass
    stream.catch_up()
    cells = engine.watched()
    if cells.size == 0:
        raise NotFoundError(
            f"job {job_id!r} met no {' '.join(series) or 'event'} in a bucket that is closed",
            hint=f"Detector {chosen.index} counts by {', '.join(chosen.split) or 'nothing: the whole fleet'}",
        )
    inside = (cells["bucket_us"] >= (since_us or 0)) & (cells["bucket_us"] < (until_us or np.iinfo(np.int64).max))
    return _points(home, plan, chosen, series, cells[inside])


def _detector(plan: JobPlan, fields: int, wanted: int | None) -> tuple[int, DetectorPlan]:
    """Place among the groups, and detector."""
    counts = [(at, group[0]) for at, group in enumerate(plan.groups) if group[0].counting is not None]
    for at, each in counts:
        if wanted in (None, each.index) and len(each.split) == fields:
            return at, each
    known = "; ".join(
        f"{each.index}: {detector_text(plan.job, each.index)} ({len(each.split)} values)" for _, each in counts
    )
    raise InputError(
        f"job {plan.job.job_id!r} has no such detector that counts series of {fields} values",
        hint=f"Detectors: {known}" if known else "It counts nothing; rarebit job list names those that do",
    )


def _points(home: Home, plan: JobPlan, detector: DetectorPlan, series: Sequence[str], cells: Table) -> list[PlotPoint]:
    written = detector.detector
    values = dict(zip(detector.split, series, strict=True))
    beyond, unit = int(detector.skips_empty), unit_of(detector)
    judged = ~np.isnan(cells["p"])
    lower, upper, typical = (np.zeros(cells.size) for _ in range(3))
    lower[judged], upper[judged], typical[judged] = bounds_of(cells[judged])
    records = _records(home, plan, detector, values)
    points = []
    for row, cell in enumerate(cells):
        known = bool(judged[row])
        at = iso(int(cell["bucket_us"]))
        record = records.get(at)
        points.append(
            PlotPoint(
                timestamp=at,
                bucket_span=plan.span_us // 1_000_000,
                detector_index=detector.index,
                function=written.function,
                by_field_name=written.by_field_name,
                by_field_value=values.get(written.by_field_name or ""),
                partition_field_name=written.partition_field_name,
                partition_field_value=values.get(written.partition_field_name or ""),
                over_field_name=written.over_field_name,
                over_field_value=values.get(written.over_field_name or ""),
                actual=int(cell["count"]) * unit,
                typical=float(typical[row] + beyond) * unit if known else None,
                lower=(int(lower[row]) + beyond) * unit if known else None,
                upper=(int(upper[row]) + beyond) * unit if known else None,
                probability=float(cell["p"]) if known else None,
                record_id=record.id if record else None,
                record_score=record.record_score if record else None,
            )
        )
    return points


def _records(home: Home, plan: JobPlan, detector: DetectorPlan, values: dict[str, str]) -> dict[str, Record]:
    """Records of the series by the start of their bucket."""
    found = {}
    for record in home.store.list_records(job_id=plan.job.job_id):
        own = {
            name: value
            for name, value in (
                (record.by_field_name, record.by_field_value),
                (record.partition_field_name, record.partition_field_value),
                (record.over_field_name, record.over_field_value),
            )
            if name
        }
        if record.detector_index == detector.index and own == values:
            found[record.timestamp] = record
    return found
