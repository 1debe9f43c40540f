"""Parts ``jobs20`` and ``minute``: twenty jobs at once, over everything and over one live minute."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.data import Data
from bench.jobs import RARE_JOB, run_arguments
from bench.measure import Case, Figures, Line, rounds, run, timed
from rarebit.core.fields import ID, ID_CODE, TIME
from rarebit.lake import Lake

JOBS = 20
TARGET = 8.0
"""Times one rare job."""
MINUTE_EVENTS = 100_000
MINUTE_TARGET = 0.5
_SHIPPED = (
    RARE_JOB, "v3_windows_anomalous_process_all_hosts", "v3_windows_anomalous_user_name", "rare_user_name_for_a_host",
    "v3_rare_process_by_host_linux", "v3_linux_anomalous_user_name", "v3_linux_anomalous_process_all_hosts",
    "auth_high_count_logon_events", "auth_high_count_logon_events_for_a_source_ip", "auth_high_count_logon_fails",
    "high_count_events_for_a_host_name", "suspicious_login_activity",
)  # fmt: skip
_PROCESS, _NETWORK, _LOGON = ({"term": {"event.category": name}} for name in ("process", "network", "authentication"))
_VARIANTS: dict[str, tuple[dict[str, str], str, dict[str, Any]]] = {
    "rare-user-of-a-process": ({"function": "rare", "by": "user.name", "partition": "process.name"}, "15m", _PROCESS),
    "rare-host-of-a-user": ({"function": "rare", "by": "host.name", "over": "user.name"}, "1h", _LOGON),
    "freq-rare-process": ({"function": "freq_rare", "by": "process.name", "over": "host.name"}, "1h", _PROCESS),
    "rare-peer-of-host": ({"function": "rare", "by": "destination.domain", "partition": "host.name"}, "15m", _NETWORK),
    "count-by-host-15m": ({"function": "high_count", "partition": "host.name"}, "15m", {"match_all": {}}),
    "low-count-by-host-4h": ({"function": "low_count", "partition": "host.name"}, "4h", {"match_all": {}}),
    "distinct-processes-1h": (
        {"function": "high_distinct_count", "field": "process.name", "partition": "host.name"}, "1h", _PROCESS
    ),
    "count-by-user-1h": ({"function": "high_non_zero_count", "partition": "user.name"}, "1h", _LOGON),
}  # fmt: skip
"""Detector, span and query of the jobs that are not shipped."""


def jobs20(data: Data, repeats: int) -> list[Line]:
    """Twenty jobs in one run, beside one rare job in the same rounds; then what each of them takes by itself."""
    twenty = {"home": str(data.home), "warm": str(data.warm_home)}
    found = rounds(
        [
            Case("one", "jobs:run_jobs", run_arguments(data, [RARE_JOB])),
            Case("twenty", "many:run_twenty", twenty),
        ],
        repeats,
    )
    one, many = found["one"], found["twenty"]
    ratio = many["seconds"] / one["seconds"]
    each = many["seconds"] / many["events"] / JOBS * 1e9
    told = f"{many['seconds']:.2f} s, {each:.0f} ns an event and job"
    against = f"one rare job {one['seconds']:.2f} s"
    lines = [
        Line("jobs20", f"{JOBS} jobs", told, against, ratio, f"≤ {TARGET:g}", ratio <= TARGET, found),
        Line(
            "jobs20", "memory of their process", f"{many['peak_mb']:.0f} MB peak", "", None, "< 2 GB",
            many["peak_mb"] < 2_000,
        ),
    ]  # fmt: skip
    for name, nanoseconds in sorted(many["each"].items(), key=lambda part: -part[1]):
        lines.append(Line("jobs20", name, f"{nanoseconds:.1f} ns an event"))
    return lines


def minute(data: Data, repeats: int) -> list[Line]:
    """One minute's events through twenty warm jobs, as a live process has them."""
    given = {"home": str(data.home), "repeats": max(repeats, 5)}
    found = run(Case("minute", "many:live_minute", given))
    middle = {name: float(np.median(found[name])) for name in ("twenty", "one", "append")}
    told = f"{middle['twenty'] * 1e3:.0f} ms, worst {max(found['twenty']) * 1e3:.0f} ms"
    one = f"one rare job's replay of it {middle['one'] * 1e3:.0f} ms"
    met = middle["twenty"] <= MINUTE_TARGET
    ratio = middle["twenty"] / middle["one"]
    appended = f"{middle['append'] * 1e3:.0f} ms"
    return [
        Line("minute", f"{MINUTE_EVENTS:,} events, {JOBS} jobs", told, one, ratio, "≤ 0.5 s", met, found),
        Line("minute", "the same events into the lake first", appended),
    ]


def twenty_jobs() -> list[Any]:
    """The shipped jobs named above, and variants of their kind."""
    import msgspec

    from rarebit.core.job import Datafeed, Detector
    from rarebit.detect.catalog import catalog

    made = [catalog()[name].job for name in _SHIPPED]
    for name, (detector, span, query) in _VARIANTS.items():
        fields = {f"{key}_field_name": value for key, value in detector.items() if key not in ("function", "field")}
        told = Detector(function=detector["function"], field_name=detector.get("field"), **fields)
        made.append(
            msgspec.structs.replace(
                catalog()[RARE_JOB].job, job_id=f"bench-{name}", bucket_span=span, detectors=(told,),
                datafeed=Datafeed(query=query), context=(), influencers=("host.name", "user.name"), counted="events",
            )
        )  # fmt: skip
    assert len(made) == JOBS
    return made


def run_twenty(given: Figures) -> Figures:
    """Child: all twenty over the events of a lake; also the time each job's own work takes."""
    from bench.data import fresh_home
    from rarebit.app.run import RunOptions
    from rarebit.app.run import run as run_jobs
    from rarebit.detect.stream import JobStream

    spent: dict[str, float] = {}
    own = JobStream.process

    def process(stream: JobStream, *batch: NDArray[np.int64], **named: object) -> None:
        started = time.perf_counter()
        own(stream, *batch, **named)  # type: ignore[arg-type]
        job = stream.plan.job.job_id
        spent[job] = spent.get(job, 0.0) + time.perf_counter() - started

    JobStream.process = process  # type: ignore[method-assign]
    figures: Figures = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("warm", "home"):
            home = fresh_home(Path(given[name]), Path(scratch) / name)
            with home.store.transaction():
                for job in twenty_jobs()[len(_SHIPPED) :]:
                    home.store.put_job(job, "bench")
            spent.clear()
            options = RunOptions(
                jobs=tuple(job.job_id for job in twenty_jobs()), remember=False, peers=False, rules=False
            )
            with timed(figures):
                summary = run_jobs(home, [], options)
        figures["events"] = home.lake.summary().events
    figures["each"] = {job: seconds / figures["events"] * 1e9 for job, seconds in spent.items()}
    figures["records"] = summary.records
    return figures


def live_minute(given: Figures) -> Figures:
    """Child: warm twenty jobs on a lake, then give them one minute's commit after another."""
    from bench.data import fresh_home
    from rarebit.app.jobs import planned
    from rarebit.app.run import RunOptions, open_stream, scan
    from rarebit.detect.scan import feed, request

    figures: Figures = {"twenty": [], "one": [], "append": []}
    with tempfile.TemporaryDirectory() as scratch:
        home = fresh_home(Path(given["home"]), Path(scratch) / "home")
        streams = [open_stream(home, planned(home, job), RunOptions()) for job in twenty_jobs()]
        single = open_stream(home, planned(home, twenty_jobs()[0]), RunOptions())
        started = time.perf_counter()
        scan(home, [*streams, single])
        figures["seconds"] = time.perf_counter() - started
        last = home.lake.summary().last_us or 0
        template = home.lake.events(where="TRUE", limit=MINUTE_EVENTS, newest_first=True)
        with Lake(Path(scratch) / "live") as lake:
            for turn in range(given["repeats"] + 1):
                batch = minute_of(template, last + (turn + 1) * 60_000_000)
                before = lake.version()
                spent = {"append": _append(lake, batch)}
                for name, some in (("one", [single]), ("twenty", streams)):
                    asked = request([stream.plan for stream in some])
                    begun = time.perf_counter()
                    tables = lake.scan(columns=asked.columns, where=asked.where, since_version=before)
                    for _ in feed(some, tables):
                        pass
                    spent[name] = time.perf_counter() - begun
                if turn:  # the first loads what later minutes have at hand
                    for name, seconds in spent.items():
                        figures[name].append(seconds)
    return figures


def _append(lake: Lake, batch: pa.Table) -> float:
    begun = time.perf_counter()
    with lake.writer() as writer:
        writer.append(batch)
    return time.perf_counter() - begun


def minute_of(template: pa.Table, start_us: int) -> pa.Table:
    """The rows of a table as if they had happened within one minute, with ids of their own."""
    rows = template.num_rows
    times = start_us + np.arange(rows) * 60_000_000 // rows
    made = {
        TIME: pa.array(times).cast(pa.timestamp("us", "UTC")),
        ID: pa.array([f"{start_us}-{row}" for row in range(rows)]),
        ID_CODE: pa.array(times * 1_000_003 + 1),
    }
    for name, column in made.items():
        template = template.set_column(template.schema.get_field_index(name), name, column)
    return template.drop_columns(["day"]) if "day" in template.column_names else template
