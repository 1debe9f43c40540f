"""What is handed on: alerts, records and cases in the forms of others, coverage, and a report in one file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from rarebit.alert.condition import OVER_EVENTS
from rarebit.app import show
from rarebit.app.home import Home
from rarebit.app.jobs import all_jobs, default_jobs, planned
from rarebit.app.rules import condition_of, list_rules
from rarebit.app.sight import present
from rarebit.core.errors import InputError, NotFoundError
from rarebit.core.event_line import event_line
from rarebit.core.fields import TIME
from rarebit.core.result import Alert, Case, Record
from rarebit.core.time import iso
from rarebit.detect.problems import problems
from rarebit.output.ecs import Document, ecs_alert, ecs_case
from rarebit.output.flat import ALERTS, CASES, RECORDS, csv_lines
from rarebit.output.navigator import Covered, layer
from rarebit.output.ocsf import finding
from rarebit.output.page import CaseText, Report, page
from rarebit.query.tree import fields_of

What = Literal["cases", "alerts", "records"]
FORMS: Final[dict[What, tuple[str, ...]]] = {
    "cases": ("ndjson", "ecs", "ocsf", "csv"),
    "alerts": ("ndjson", "ecs", "csv"),
    "records": ("ndjson", "csv"),
}
_EVENTS: Final = 8
_TITLE: Final = "Rarebit report"


def exported(home: Home, what: What, form: str, *, state: str = "open") -> Iterator[bytes]:
    """Lines of an export, each with its end; ``state`` is that of cases.

    Raises
    ------
    InputError
        If these cannot be had in that form, or there is no such state of a case.
    """
    if form not in FORMS[what]:
        raise InputError(f"{what} have no form {form!r}", hint=f"One of {', '.join(FORMS[what])}")
    items: list[Case] | list[Alert] | list[Record]
    if what == "cases":
        items = show.cases(home, state=state)
    else:
        items = show.alerts(home)[0] if what == "alerts" else show.records(home)
    if form == "csv":
        columns = {"cases": CASES, "alerts": ALERTS, "records": RECORDS}[what]
        return (line.encode() for line in csv_lines(items, columns))
    return (msgspec.json.encode(_document(home, item, form)) + b"\n" for item in items)


def _document(home: Home, item: Case | Alert | Record, form: str) -> Case | Alert | Record | Document:
    match item, form:
        case Case(), "ecs":
            return ecs_case(item)
        case Case(), "ocsf":
            return finding(item, [record for name in item.record_ids if (record := _record(home, name))])
        case Alert(), "ecs":
            return ecs_alert(item, _first_event(home, item))
    return item


def _record(home: Home, record_id: str) -> Record | None:
    """None once it was dropped with its time of keeping."""
    try:
        return home.store.get_record(record_id)
    except NotFoundError:
        return None


def _first_event(home: Home, alert: Alert) -> Document | None:
    """None once the lake has dropped it."""
    found = show.events(home, alert_id=alert.id, limit=1) if alert.event_ids else []
    return found[0] if found else None


def coverage(home: Home) -> list[Covered]:
    """Every job and rule that names techniques, and whether it could fire on the events there are."""
    jobs = [
        job for job in all_jobs(home) if job.guide.techniques and not any(p.kind == "refused" for p in problems(job))
    ]
    running = {job.job_id for job in default_jobs(home)}
    running |= {position.job_id for position in home.store.list_positions()}
    plans = [(job, sorted(planned(home, job).required)) for job in jobs]
    rules = [
        (rule, sorted(fields_of(condition_of(home, rule)) - {TIME}))
        for rule in list_rules(home)
        if rule.kind in OVER_EVENTS
    ]
    there = present(home, sorted({name for _, names in (*plans, *rules) for name in names}))
    made = [
        Covered(
            id=job.job_id, kind="job", tactics=job.guide.tactics, techniques=job.guide.techniques,
            runs=job.job_id in running, missing=tuple(name for name in names if not there[name]),
        )
        for job, names in plans
    ]  # fmt: skip
    return made + [
        Covered(
            id=rule.id, kind="rule", tactics=rule.guide.tactics, techniques=rule.guide.techniques,
            runs=rule.state == "on", missing=tuple(name for name in names if not there[name]),
        )
        for rule, names in rules
    ]  # fmt: skip


def attack_layer(home: Home) -> Document:
    """The coverage as a layer of the ATT&CK Navigator."""
    return layer(coverage(home), name="Rarebit: able to fire today")


def report(home: Home, *, title: str = _TITLE) -> str:
    """The open cases with their evidence, as HTML in one file that asks for nothing from outside."""
    cases, run = show.cases(home, state="all"), home.store.last_run()
    lake = home.lake.summary()
    opened = [case for case in cases if case.state == "open"]
    return page(
        Report(
            title=title,
            made_at=iso(int(time.time() * 1e6)),
            first=iso(lake.first_us) if lake.first_us is not None else "",
            last=iso(lake.last_us) if lake.last_us is not None else "",
            events=lake.events,
            open=tuple(_with_events(home, case) for case in opened),
            below=sum(case.state == "below" for case in cases),
            budget=float(run["budget_per_day"]) if run else 0.0,
            blind=tuple(
                f"{each.id}: no event has {', '.join(each.missing)}"
                for each in coverage(home) if each.runs and each.missing
            ),
        )
    )  # fmt: skip


def _with_events(home: Home, case: Case) -> CaseText:
    lines = [event_line(event) for event in show.events(home, case_id=case.id, limit=_EVENTS)]
    return CaseText(
        case=case,
        next_steps=tuple(show.next_steps(home, case)),
        events=tuple(f"{line.time}  {line.host}  {line.user}  {line.what}".rstrip() for line in lines),
    )
