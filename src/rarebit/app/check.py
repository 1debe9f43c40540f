"""What is in some files, before anything is kept: formats, span, fields, and which jobs could see."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from rarebit.app.home import Home
from rarebit.app.jobs import default_jobs, planned
from rarebit.app.progress import Progress, silent
from rarebit.app.sight import explain_blindness
from rarebit.core.fields import FIELDS, REST
from rarebit.core.report import FileReport
from rarebit.core.schema import has_column
from rarebit.detect.plan import JobPlan
from rarebit.query.arrow import to_mask
from rarebit.source.read import FileRead, ReadSettings, find_files


class FieldLine(msgspec.Struct, frozen=True, kw_only=True):
    """How many events have a field."""

    field: str
    events: int
    share: float


class JobSight(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a job could see anything in these files."""

    job_id: str
    ready: bool
    events: int
    missing: tuple[str, ...]
    reason: str


class CheckReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the files hold."""

    files: tuple[FileReport, ...]
    events: int
    first_us: int | None
    last_us: int | None
    hosts: int
    users: int
    fields: tuple[FieldLine, ...]
    jobs: tuple[JobSight, ...]
    ambiguous_hosts: tuple[str, ...]
    """Short host names that stand in more than one domain; they are taken for one host."""


def check(
    home: Home, paths: Sequence[Path], *, mapping: dict[str, str] | None = None, progress: Progress = silent
) -> CheckReport:
    """Read files, keep nothing, and say what is in them.

    Raises
    ------
    InputError
        If a path does not exist.
    """
    plans = [planned(home, job) for job in default_jobs(home)]
    needed = sorted({name for plan in plans for name in plan.required})
    tally = _Tally(plans, needed)
    files = find_files(paths)
    whole = sum(file.stat().st_size for file in files if file.exists())
    reports, done = [], 0
    for file in files:
        reading = FileRead(file, ReadSettings(mapping=mapping or {}))
        for batch in reading.batches():
            tally.add(pa.Table.from_batches([batch]))
            progress("reading", done + reading.bytes_done, whole)
        done += reading.bytes_total
        reports.append(reading.report())
        progress("reading", done, whole)
    return tally.report(reports)


class _Tally:
    def __init__(self, plans: Sequence[JobPlan], needed: Sequence[str]) -> None:
        self.plans = plans
        self.counts = dict.fromkeys([*FIELDS, *(name for name in needed if name not in FIELDS)], 0)
        self.met = [0] * len(plans)
        self.events = 0
        self.hosts: set[str] = set()
        self.users: set[str] = set()
        self.domains: dict[str, set[str]] = {}

    def add(self, table: pa.Table) -> None:
        self.events += table.num_rows
        for name in self.counts:
            self.counts[name] += _present(table, name)
        for at, plan in enumerate(self.plans):
            self.met[at] += int(pc.sum(to_mask(plan.condition, table)).as_py() or 0)
        self.hosts.update(filter(None, table.column("host.name").unique().to_pylist()))
        self.users.update(filter(None, table.column("user.name").unique().to_pylist()))
        pairs = table.select(["host.name", "host.domain"]).group_by(["host.name", "host.domain"]).aggregate([])
        for row in pairs.to_pylist():
            if row["host.name"] and row["host.domain"]:
                self.domains.setdefault(row["host.name"], set()).add(row["host.domain"])

    def report(self, reports: Sequence[FileReport]) -> CheckReport:
        firsts = [report.first_us for report in reports if report.first_us is not None]
        lasts = [report.last_us for report in reports if report.last_us is not None]
        whole = max(1, self.events)
        fields = [
            FieldLine(field=name, events=count, share=count / whole) for name, count in self.counts.items() if count
        ]
        return CheckReport(
            files=tuple(reports),
            events=self.events,
            first_us=min(firsts, default=None),
            last_us=max(lasts, default=None),
            hosts=len(self.hosts),
            users=len(self.users),
            fields=tuple(fields),
            jobs=tuple(self._sight(at, plan) for at, plan in enumerate(self.plans)),
            ambiguous_hosts=tuple(sorted(host for host, domains in self.domains.items() if len(domains) > 1)),
        )

    def _sight(self, at: int, plan: JobPlan) -> JobSight:
        missing = tuple(sorted(name for name in plan.required if not self.counts.get(name)))
        ready = self.met[at] > 0 and not plan.vital & set(missing)
        blind = explain_blindness(plan, missing, self.events)
        return JobSight(
            job_id=plan.job.job_id,
            ready=ready,
            events=self.met[at],
            missing=() if ready else blind.missing,
            reason="" if ready else blind.reason,
        )


def _present(table: pa.Table, name: str) -> int:
    if has_column(name):
        column = table.column(name)
        return int(table.num_rows - column.null_count)
    names = pc.match_substring_regex(table.column(REST), f'"{re.escape(name)}([.]lat)?"')  # a place may be an object
    return int(pc.sum(names).as_py() or 0)
