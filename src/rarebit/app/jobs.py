"""Jobs: those that ship, those of this installation; show, clone, import, export, check."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

import msgspec

from rarebit.app.document import read_json
from rarebit.app.feeds import running, span_of
from rarebit.app.holds import holds_of
from rarebit.app.home import Home
from rarebit.asset.people import PRIVILEGE, is_looked_up
from rarebit.core.errors import DefinitionError, NotFoundError
from rarebit.core.fields import TIME
from rarebit.core.job import Job, Json
from rarebit.core.time import iso
from rarebit.detect.care import HOST
from rarebit.detect.catalog import catalog
from rarebit.detect.elastic import parse_jobs, to_elastic
from rarebit.detect.plan import JobPlan, plan
from rarebit.detect.problems import Problem, problems
from rarebit.detect.rules import rules_of
from rarebit.detect.scopes import scope_sql
from rarebit.query.kql import parse_kql
from rarebit.query.tree import Node, Range, all_of, fields_of, rewrite


class JobLine(msgspec.Struct, frozen=True, kw_only=True):
    """One job of a listing."""

    id: str
    description: str
    detectors: tuple[str, ...]
    origin: str
    """``shipped`` or ``local``."""
    runs_by_default: bool
    runs: bool
    groups: tuple[str, ...] = ()
    note: str = ""


def list_jobs(home: Home, group: str | None = None) -> list[JobLine]:
    """All jobs, shipped and local, by id; or those of a group.

    Raises
    ------
    NotFoundError
        If there is no job of the group.
    """
    shipped = [
        _line(entry.job, "shipped", runs_by_default=entry.default, note=entry.note) for entry in catalog().values()
    ]
    local = [_line(job, "local", runs_by_default=True) for job in home.store.list_jobs()]
    lines = [line for line in shipped + local if group is None or group in line.groups]
    if group is not None and not lines:
        known = sorted({name for line in shipped + local for name in line.groups})
        raise NotFoundError(f"no job of group {group!r}", hint=f"Groups: {', '.join(known)}")
    return sorted(lines, key=lambda line: line.id)


def _line(job: Job, origin: str, *, runs_by_default: bool, note: str = "") -> JobLine:
    runs = not any(problem.kind == "refused" for problem in problems(job))
    return JobLine(
        id=job.job_id,
        description=job.description,
        detectors=tuple(detector_text(job, index) for index in range(len(job.detectors))),
        origin=origin,
        runs_by_default=runs_by_default and runs,
        runs=runs,
        groups=job.groups,
        note=note,
    )


def detector_text(job: Job, index: int) -> str:
    """A detector as the field writes it: ``rare by process.name partition host.name``."""
    d = job.detectors[index]
    parts = [d.function + (f"({d.field_name})" if d.field_name else "")]
    named = (("by", d.by_field_name), ("over", d.over_field_name), ("partition", d.partition_field_name))
    return " ".join(parts + [f"{word} {name}" for word, name in named if name])


def get_job(home: Home, job_id: str) -> Job:
    """A job by its whole id.

    Raises
    ------
    NotFoundError
        If there is none; ids that come near are named.
    """
    if job_id in catalog():
        return catalog()[job_id].job
    try:
        return home.store.get_job(job_id)
    except NotFoundError as error:
        near = [name for name in catalog() if job_id.removesuffix("_ecs") in name or name in job_id]
        raise NotFoundError(
            f"no job {job_id!r}", hint=f"Perhaps {', '.join(near[:3])}" if near else "See rarebit job list"
        ) from error


def jobs_named(home: Home, names: Iterable[str]) -> list[Job]:
    """Jobs by id or by group, each once; a group is its shipped jobs in their main form, and its local ones.

    Raises
    ------
    NotFoundError
        If a name is neither.
    """
    found: dict[str, Job] = {}
    for name in names:
        group = [] if name in catalog() else _group(home, name)
        for job in group or [get_job(home, name)]:
            found[job.job_id] = job
    return list(found.values())


def _group(home: Home, name: str) -> list[Job]:
    local = home.store.list_jobs()
    if any(job.job_id == name for job in local):
        return []
    heads = [entry.job for entry in catalog().values() if entry.head == entry.job.job_id]
    return [job for job in (*heads, *local) if name in job.groups]


def all_jobs(home: Home) -> list[Job]:
    """Every job, shipped and local."""
    return [*(entry.job for entry in catalog().values()), *home.store.list_jobs()]


def default_jobs(home: Home) -> list[Job]:
    """What runs when no job is named: the shipped default set, and every local job that can run and is not closed."""
    local = [job for job in home.store.list_jobs() if not any(p.kind == "refused" for p in problems(job))]
    on = running(home, [job.job_id for job in local])
    local = [job for job in local if job.job_id in on]
    return [entry.job for entry in catalog().values() if entry.default] + local


def planned(home: Home, job: Job) -> JobPlan:
    """Plan a job with all that people said of it: hosts of ``asset.*``, filter lists, calendars, its span of time."""
    made = plan(job)
    holds = holds_of(home, job)
    limited = {HOST} if any(hold.hosts is not None for hold in holds) else set()
    coded = tuple(sorted({*made.coded, *limited}))
    condition = _within(made.condition, *span_of(home, job.job_id))
    made = dataclasses.replace(made, condition=condition, coded=coded, flags=flags(home, job), holds=holds)
    fields = [name for name in fields_of(made.condition) if is_looked_up(name)]
    if not fields:
        return made
    condition = rewrite(made.condition, home.resolvers(fields))  # type: ignore[arg-type]
    return dataclasses.replace(made, condition=condition)


def _within(condition: Node, start_us: int | None, end_us: int | None) -> Node:
    """The condition, for events of a stretch alone."""
    parts = [condition]
    if start_us is not None:
        parts.append(Range(TIME, gte=iso(start_us)))
    if end_us is not None:
        parts.append(Range(TIME, lt=iso(end_us)))
    return all_of(parts) if len(parts) > 1 else condition


def flags(home: Home, job: Job) -> dict[str, str]:
    """SQL for the scope of each rule of a job that has one; without rules whose filter list is not there."""
    scoped = [rule for rule in rules_of(job) if rule.scopes]
    lists = {each.filter_id: each for each in home.store.care.list_filters()} if scoped else {}
    found = {rule.flag: scope_sql(rule, lists) for rule in scoped}
    return {flag: sql for flag, sql in found.items() if sql is not None}


def needs(job: Job) -> list[str]:
    """Fields without which the job sees nothing, those of its query and of its detectors."""
    return sorted(plan(job).required)


def clone_job(home: Home, job_id: str, *, new_id: str, where: str = "", alert_score: float | None = None) -> Job:
    """A copy of a job under a new id, narrowed by a KQL condition; it is kept and runs from now on.

    Raises
    ------
    NotFoundError, DefinitionError, QueryError
        If there is no such job, the id is taken, or the condition is wrong or names an unknown asset attribute.
    """
    job = get_job(home, job_id)
    _free(home, new_id)
    if where:
        check_asset_fields(home, fields_of(parse_kql(where)))
    joined = f"({job.where}) and ({where})" if job.where and where else where or job.where
    made = msgspec.structs.replace(
        job,
        job_id=new_id,
        where=joined,
        alert_score=job.alert_score if alert_score is None else alert_score,
        description=f"{job.description} Only where {joined}." if joined else job.description,
    )
    plan(made)
    _keep(home, made, "clone", job_id)
    return made


def check_asset_fields(home: Home, fields: Iterable[str]) -> None:
    """Refuse a condition on an asset attribute that no host has: it would match nothing in silence."""
    known = home.inventory().attributes()
    for name in sorted(fields):
        if name == PRIVILEGE and not home.people().accounts:
            raise DefinitionError(
                f"{name} of no account is known", hint="Import a directory or a result log: rarebit asset import FILE"
            )
        if name.startswith("asset.") and name.removeprefix("asset.") not in known:
            raise DefinitionError(
                f"no host of the inventory has {name}",
                hint=f"Known: {', '.join(f'asset.{k}' for k in known) or 'none; rarebit asset import FILE first'}",
            )


def import_jobs(home: Home, path: Path, *, new_id: str | None = None) -> list[tuple[Job, list[Problem]]]:
    """Keep the jobs of a file of Elastic's JSON.

    Raises
    ------
    InputError, DefinitionError
        If the file cannot be read or a definition is wrong; nothing is kept then.
    """
    jobs = read_jobs(path, job_id=new_id)
    if new_id and len(jobs) == 1:
        jobs = [msgspec.structs.replace(jobs[0], job_id=new_id)]
    for job in jobs:
        _free(home, job.job_id)
    with home.store.transaction():
        for job in jobs:
            _keep(home, job, "import", path.name)
    return [(job, validate(home, job)) for job in jobs]


def read_jobs(path: Path, *, job_id: str | None = None) -> list[Job]:
    """Jobs of a file of Elastic's JSON, not kept; ``job_id`` is for one that has none of its own.

    Raises
    ------
    InputError, DefinitionError
        If the file cannot be read or a definition is wrong.
    """
    return parse_jobs(read_json(path, "job definition"), where=str(path), job_id=job_id)


def export_job(home: Home, job_id: str) -> Json:
    """``{"job": …, "datafeed": …}`` in Elastic's form.

    A clone's own condition and ``asset.*`` in it go out as Query DSL with the hosts they mean today.
    """
    job = get_job(home, job_id)
    body = to_elastic(job)
    if job.where:
        from rarebit.query.dsl_write import to_dsl

        body["datafeed"]["query"] = to_dsl(planned(home, job).condition)
    return body


def validate(home: Home, job: Job) -> list[Problem]:
    """Everything of a definition that is refused or not acted on."""
    found = problems(job)
    if not any(problem.kind == "refused" for problem in found):
        check_asset_fields(home, fields_of(plan(job).condition))
        found += idle_rules(home, job)
    return found


def idle_rules(home: Home, job: Job) -> list[Problem]:
    """Rules that do nothing, for a filter list they name is not there."""
    known = {each.filter_id for each in home.store.care.list_filters()}
    return [
        Problem(f"analysis_config.{rule.place}.scope.{scope.field}", "ignored",
                f"there is no filter list {scope.filter_id!r}: the rule does nothing until there is")
        for rule in rules_of(job) for scope in rule.scopes if scope.filter_id not in known
    ]  # fmt: skip


def problem_json(problem: Problem) -> Json:
    """A problem as an object."""
    return {"where": problem.where, "kind": problem.kind, "text": problem.text}


def _free(home: Home, job_id: str) -> None:
    if job_id in catalog() or any(job.job_id == job_id for job in home.store.list_jobs()):
        raise DefinitionError(f"there is a job {job_id!r} already", hint="Choose another id with --id")


def _keep(home: Home, job: Job, action: str, source: str) -> None:
    home.store.put_job(job, origin=f"{action} {source}")
    home.store.add_audit("local", f"job {action}", job.job_id, "", source)
