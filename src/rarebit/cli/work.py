"""``rarebit run | check | status | simulate | demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rarebit.app import demo as demonstration
from rarebit.app import show
from rarebit.app.check import check as check_files
from rarebit.app.mapping import read_mapping
from rarebit.app.run import DEFAULT_BUDGET, RunOptions, RunSummary
from rarebit.app.run import run as run_jobs
from rarebit.app.status import status as status_of
from rarebit.cli.cases import print_cases
from rarebit.cli.options import HomeOption, JsonOption, existing_home, home_at, moment
from rarebit.cli.output import data, notes, progress, safe, write_json
from rarebit.cli.serve import serve_demo
from rarebit.cli.summary import print_check, print_files, print_status, print_summary
from rarebit.core.errors import InputError
from rarebit.core.time import DAY_US, parse_span

DEGRADED = 3
Paths = Annotated[list[Path], typer.Argument(help="Files, or directories to walk.")]
MapOption = Annotated[
    Path | None, typer.Option("--map", help="YAML: column of a CSV file, or JSON name, to ECS field.")
]


def parse_budget(text: str) -> float:
    """Cases a day of ``10``, ``10/day`` or ``70/week``.

    Raises
    ------
    InputError
        If the text is none of these.
    """
    number, _, unit = text.partition("/")
    divisor = {"": 1.0, "day": 1.0, "d": 1.0, "week": 7.0, "w": 7.0}.get(unit.strip())
    try:
        value = float(number)
    except ValueError:
        value = -1.0
    if divisor is None or not 0.0 < value < 1e6:  # noqa: PLR2004
        raise InputError(f"{text!r} is not a budget", where="--budget", hint="Write for example 10/day")
    return value / divisor


def parse_keep(text: str) -> int:
    """Whole days of a span such as ``400d`` or ``52w``.

    Raises
    ------
    InputError
        If it is no span, or shorter than a day.
    """
    days = parse_span(text) // DAY_US
    if days < 1:
        raise InputError(f"{text!r} is less than a day", where="--keep", hint="Write for example 400d")
    return days


def run(
    paths: Paths,
    home: HomeOption = None,
    job: Annotated[
        list[str] | None, typer.Option("--job", help="Only this job, or this group of them; may be repeated.")
    ] = None,
    since: Annotated[str | None, typer.Option("--since", help="Only events from this time on.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Only events before this time.")] = None,
    learn_until: Annotated[
        str | None, typer.Option("--learn-until", help="Learn up to this time, alert after it.")
    ] = None,
    budget: Annotated[str, typer.Option("--budget", help="Most cases a day.")] = f"{DEFAULT_BUDGET:g}/day",
    mapping: MapOption = None,
    assets: Annotated[Path | None, typer.Option("--assets", help="CSV or YAML of hosts, imported first.")] = None,
    keep: Annotated[
        str | None, typer.Option("--keep", help="Drop events older than this before the newest, as 400d.")
    ] = None,
    fail_on: Annotated[
        float | None, typer.Option("--fail-on", help="Exit 1 if an open case has at least this score.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Read telemetry, learn, and show a short ranked list of cases with a summary."""
    options = RunOptions(
        jobs=tuple(job or ()),
        since_us=moment(since),
        until_us=moment(until),
        learn_until_us=moment(learn_until),
        budget=parse_budget(budget),
        mapping=read_mapping(mapping) if mapping else {},
        keep_days=parse_keep(keep) if keep else None,
    )
    with home_at(home) as place:
        if assets:
            place.import_assets(assets)
        with progress() as report:
            summary = run_jobs(place, paths, options, progress=report)
        found = show.cases(place, state="open")
        reports = place.store.list_file_reports(summary.run_id)
        if json:
            write_json(found)
        else:
            print_cases(found)
        print_files(reports, everything=False)
        print_summary(summary, place.path)
    _leave(summary, found_scores=[case.score for case in found], fail_on=fail_on, named=bool(job))


def _leave(summary: RunSummary, *, found_scores: list[float], fail_on: float | None, named: bool) -> None:
    blind = [job.job_id for job in summary.jobs if job.blind is not None]
    if summary.degraded or (named and blind):
        notes().print(safe("exit 3: a part could not be read or could see nothing; see above"))
        raise typer.Exit(DEGRADED)
    if fail_on is not None and any(score >= fail_on for score in found_scores):
        notes().print(safe(f"exit 1: an open case has a score of at least {fail_on:g}"))
        raise typer.Exit(1)


def check(paths: Paths, home: HomeOption = None, mapping: MapOption = None, json: JsonOption = False) -> None:
    """Say what is in files, keeping nothing: formats, rows, span, fields, jobs ready or blind."""
    with home_at(home) as place, progress() as report:
        found = check_files(place, paths, mapping=read_mapping(mapping) if mapping else {}, progress=report)
    if json:
        write_json([found])
    else:
        print_check(found)
    if any(file.error for file in found.files) or not any(job.ready for job in found.jobs):
        raise typer.Exit(DEGRADED)


def status(home: HomeOption = None, json: JsonOption = False) -> None:
    """Sources, jobs, learning, blind detectors, memory."""
    with existing_home(home) as place:
        found = status_of(place)
    if json:
        write_json([found])
    else:
        print_status(found)
    if any(job.state == "blind" for job in found.jobs) and all(job.state == "blind" for job in found.jobs):
        raise typer.Exit(DEGRADED)


def simulate(
    out: Annotated[Path, typer.Option("--out", help="Directory to write to; must be new or empty.")],
    hosts: Annotated[int, typer.Option("--hosts", min=10, max=20_000)] = 120,
    days: Annotated[int, typer.Option("--days", min=1, max=400)] = 21,
    seed: Annotated[int, typer.Option("--seed")] = 7,
    start: Annotated[str, typer.Option("--start", help="First day, YYYY-MM-DD.")] = demonstration.START,
    file_format: Annotated[str, typer.Option("--format", help="ndjson, ndjson.gz or parquet.")] = "ndjson.gz",
    events_per_host_day: Annotated[float | None, typer.Option("--events-per-host-day", min=1)] = None,
    clean: Annotated[bool, typer.Option("--clean", help="No intrusion.")] = False,
    json: JsonOption = False,
) -> None:
    """Make the telemetry of a fleet, with labelled intrusions, assets.csv and truth.json."""
    with progress() as report:
        made = demonstration.make_fleet(
            out, hosts=hosts, days=days, seed=seed, start=start, file_format=file_format,
            events_per_host_day=events_per_host_day, clean=clean, progress=report,
        )  # fmt: skip
    if json:
        write_json([made])
    else:
        data().print(safe(f"{made.events:,} events of {made.hosts} hosts over {made.days} days in {made.path}"))
        for line in made.intrusions:
            data().print(safe(line))


def demo(
    home: HomeOption = None,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End after printing the cases.")] = False,
    json: JsonOption = False,
) -> None:
    """Simulate a small fleet with an intrusion, run everything, show the ranked cases, serve the pages."""
    with demonstration.demo_home(home) as place:
        with progress() as report:
            shown = demonstration.demo(place, progress=report)
        if json:
            write_json(shown.cases)
        else:
            print_cases(shown.cases)
        print_summary(shown.summary, place.path)
        out = notes()
        for line in shown.truth:
            out.print(safe(line))
        if shown.below:
            out.print("kept below the line", style="bold")
            for case in shown.below:
                reason = case.reasons[0].sentence if case.reasons else ""
                out.print(safe(f"  {case.sentence}: expected {case.expected_per_week:.1f} such cases a week. {reason}"))
        out.print(safe(f"look closer: rarebit case show 1 --home {place.path}"))
        if not no_serve:
            serve_demo(place)
