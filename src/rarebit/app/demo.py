"""A made fleet from nothing to ranked cases."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from rarebit.app.home import Home
from rarebit.app.progress import Progress, silent
from rarebit.app.run import RunOptions, RunSummary, run
from rarebit.core.errors import InputError
from rarebit.core.result import Case
from rarebit.simulate.files import FORMATS, Format
from rarebit.simulate.fleet import FleetSettings, write_fleet

START = "2025-03-03"
"""A Monday that lies in the past of any clock: readers refuse times that are yet to come."""
DEMO = FleetSettings(hosts=120, days=21, seed=7, start=START, intrusions=("hands_on_keyboard",))
DEMO_BUDGET = 1.0
"""Cases a day."""
_SHOWN = 8
_BELOW = 3


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A fleet on disk."""

    path: str
    events: int
    hosts: int
    days: int
    intrusions: tuple[str, ...]


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What the demonstration shows."""

    cases: tuple[Case, ...]
    below: tuple[Case, ...]
    summary: RunSummary
    truth: tuple[str, ...]


def make_fleet(
    out: Path,
    *,
    hosts: int,
    days: int,
    seed: int,
    start: str,
    file_format: str,
    events_per_host_day: float | None,
    clean: bool,
    progress: Progress = silent,
) -> Made:
    """Write the telemetry of a fleet.

    Raises
    ------
    InputError
        If the format is unknown or the directory is not empty.
    """
    if file_format not in FORMATS:
        raise InputError(f"{file_format!r} is no format", where="--format", hint=f"One of {', '.join(FORMATS)}")
    settings = FleetSettings(hosts=hosts, days=days, seed=seed, start=start, events_per_host_day=events_per_host_day)
    if clean:
        settings = msgspec.structs.replace(settings, intrusions=())
    return _write(settings, out, file_format, progress)  # type: ignore[arg-type]


def _write(settings: FleetSettings, out: Path, file_format: Format, progress: Progress) -> Made:
    if out.exists() and any(out.iterdir()):
        raise InputError("the directory is not empty", where=str(out), hint="Choose a new one with --out")
    report = write_fleet(
        settings, out, format=file_format, on_progress=lambda done, whole: progress("simulating", done, whole)
    )
    truth = msgspec.json.decode(Path(report.truth).read_bytes())
    return Made(
        path=str(out),
        events=report.events,
        hosts=report.hosts,
        days=settings.days,
        intrusions=tuple(_told(entry) for entry in truth),
    )


def _told(entry: dict[str, object]) -> str:
    hosts = entry.get("hosts")
    names = ", ".join(map(str, hosts)) if isinstance(hosts, list) else ""
    return f"planted: {entry.get('shape')} on {names} from {str(entry.get('start'))[:16]}"


@contextmanager
def demo_home(path: Path | None) -> Iterator[Home]:
    """A home for the demonstration: the one named, or a new one that stays for a closer look."""
    home = Home(path or Path(tempfile.mkdtemp(prefix="rarebit-demo-")))
    try:
        yield home
    finally:
        home.close()


def demo(home: Home, *, progress: Progress = silent) -> Shown:
    """Simulate, read, learn, rank. Detectors never see a label.

    Raises
    ------
    InputError
        If the home already holds a demonstration.
    """
    fleet = home.path / "fleet"
    made = _write(DEMO, fleet, "ndjson.gz", progress)
    home.import_assets(fleet / "assets.csv")
    summary = run(home, [fleet / "events"], RunOptions(budget=DEMO_BUDGET), progress=progress)
    cases = home.store.list_cases()
    return Shown(
        cases=tuple(case for case in cases if case.state == "open")[:_SHOWN],
        below=tuple(case for case in cases if case.state == "below")[:_BELOW],
        summary=summary,
        truth=made.intrusions,
    )
