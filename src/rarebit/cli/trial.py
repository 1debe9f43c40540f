"""``rarebit backtest | inject``: everything anew over the past in a scratch home; the real one is only read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rarebit.app.backtest import Backtest
from rarebit.app.backtest import backtest as over_the_past
from rarebit.app.inject import SEED
from rarebit.app.inject import inject as injected
from rarebit.app.mapping import read_mapping
from rarebit.app.trace import read_trace, shapes
from rarebit.cli.options import HomeOption, JsonOption, existing_home, moment
from rarebit.cli.output import count, data, notes, progress, safe, table, write_json
from rarebit.cli.work import MapOption, parse_budget
from rarebit.core.errors import InputError
from rarebit.core.trial import Injected, Trial

BudgetOption = Annotated[str | None, typer.Option("--budget", help="Cases a day; of the last run if not given.")]
ScratchOption = Annotated[
    Path | None,
    typer.Option(
        "--scratch", help="Where the trial is made, best on the disk of the home; else the place for temporary files."
    ),
]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Of the choice of hosts and accounts.")]
_SHOWN = 5


def backtest(
    job: Annotated[list[str] | None, typer.Option("--job", help="Id, group, or file with a job; repeatable.")] = None,
    rule: Annotated[list[str] | None, typer.Option("--rule", help="Id of a rule, or a file; repeatable.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="Tell from here on, learn before; as 14d.")] = None,
    budget: BudgetOption = None,
    scratch: ScratchOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Run jobs and rules over the past, keeping nothing: cases a day, top entities, proposed suppressions."""
    with existing_home(home) as place, progress() as report:
        found = over_the_past(
            place, jobs=job or (), rules=rule or (), start_us=moment(start),
            budget=parse_budget(budget) if budget else None, place=scratch, progress=report,
        )  # fmt: skip
    if json:
        write_json([found])
    else:
        _print_backtest(found)


def _print_backtest(found: Backtest) -> None:
    out, many = data(), len(found.days)
    out.print(safe(f"{found.start[:16]} to {found.end[:16]}, {many} days; nothing was kept"), style="bold")
    if found.jobs:
        below = sum(day.below for day in found.days)
        out.print(
            safe(
                f"cases {len(found.cases)}, {found.cases_a_day:.2g} a day within {found.budget_per_day:g} a day; "
                f"{count(below)} below the line; {count(sum(day.alerts for day in found.days))} alerts of jobs"
            )
        )
        made = table("day", "cases", "below", "alerts", right=("cases", "below", "alerts"))
        for day in found.days:
            made.add_row(day.day, count(day.cases), count(day.below), count(day.alerts))
        out.print(made)
        jobs = table("job", "events", "records", "alerts", "blind", right=("events", "records", "alerts"))
        for each in found.jobs:
            reason = safe(each.blind.reason) if each.blind else ""
            jobs.add_row(safe(each.job_id), count(each.events), count(each.records), count(each.alerts), reason)
        out.print(jobs)
    if found.rules:
        rules = table("rule", "alerts", "a day", "blind", right=("alerts", "a day"))
        for past in found.rules:
            rules.add_row(
                safe(past.rule_id), count(len(past.alerts)), f"{past.a_day:.2g}",
                safe(f"no event has {', '.join(past.blind)}" if past.blind else ""),
            )  # fmt: skip
        out.print(rules)
    if found.entities:
        most = table("most", "cases", "alerts", "by rules", right=("cases", "alerts", "by rules"))
        for entity in found.entities:
            most.add_row(safe(entity.name), count(entity.cases), count(entity.alerts), count(entity.rule_alerts))
        out.print(most)
    for case in found.cases[:_SHOWN]:
        out.print(safe(f"case {case.rank}  score {case.score:.0f}  {case.opened_at[:16]}  {case.sentence}"))
    if len(found.cases) > _SHOWN:
        out.print(safe(f"and {count(len(found.cases) - _SHOWN)} more; all with --json"))
    _print_proposals(found)


def _print_proposals(found: Backtest) -> None:
    if found.proposals_need:
        notes().print(safe(f"no suppression is proposed: {found.proposals_need}"))
    for each in found.proposals[:_SHOWN]:
        where = " and ".join(f"{name}={value}" for name, value in each.where.items())
        data().print(safe(f"could be hidden: {where}: {each.removed} findings a week"))
        data().print(safe(f"   {each.command}"), soft_wrap=True)


def inject(
    shape: Annotated[
        list[str] | None, typer.Argument(help="Shapes of intrusion that ship; all if neither these nor --events.")
    ] = None,
    events: Annotated[
        list[Path] | None, typer.Option("--events", help="File of events that an attack left; repeatable.")
    ] = None,
    host: Annotated[
        list[str] | None, typer.Option("--host", help="Host that takes the first part of the first trace; repeatable.")
    ] = None,
    at: Annotated[str | None, typer.Option("--at", help="When it begins; as late as the data allow.")] = None,
    budget: BudgetOption = None,
    seed: SeedOption = SEED,
    mapping: MapOption = None,
    scratch: ScratchOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Replay traces of attacks inside your own data: the rank they reach, and the time to a case; nothing is kept."""
    names = read_mapping(mapping) if mapping else {}
    traces = shapes(shape or (), seed) if shape or not events else []
    traces += [read_trace(path, names) for path in events or ()]
    if len({trace.name for trace in traces}) < len(traces):
        raise InputError("two traces have the same name", hint="Name each shape or file once")
    with existing_home(home) as place, progress() as report:
        found = injected(
            place, traces, hosts=host or (), at_us=moment(at), budget=parse_budget(budget) if budget else None,
            seed=seed, place=scratch, progress=report,
        )  # fmt: skip
    if json:
        write_json(found.injected)
        return
    print_injected(found)


def print_injected(found: Trial) -> None:
    """What became of each trace, in words."""
    out = data()
    became = sum(each.outcome == "case" for each in found.injected)
    played = sum(each.outcome != "not played" for each in found.injected)
    out.print(
        safe(
            f"{became} of {played} replayed traces became cases within {found.budget_per_day:g} a day; "
            f"{found.cases_open} cases are open, {found.cases_below} below the line"
        ),
        style="bold",
    )
    made = table("trace", "outcome", "rank", "that day", "hours to case", "findings", "where", right=("rank",))
    for each in found.injected:
        hours = "" if each.hours_to_case is None else f"{each.hours_to_case:.1f}"
        rank = f"{each.rank} of {each.cases}" if each.rank else ""
        made.add_row(
            safe(each.trace), each.outcome, rank, str(each.rank_of_day or ""), hours, count(each.records),
            safe(each.case_entity or each.reason or ", ".join(each.hosts[:2])),
        )  # fmt: skip
    out.print(made)
    for each in found.injected:
        for line in _beside(each):
            out.print(safe(f"{each.trace}: {line}"))


def _beside(each: Injected) -> list[str]:
    lines = []
    if each.outcome == "case" and each.hours_to_case is None:
        lines.append("in a case that was open before; nothing new was told of it")
    if each.rules:
        lines.append(f"rules that would have alerted: {', '.join(each.rules)}")
    if each.unsent:
        told = ", ".join(f"{number} {kind}" for kind, number in sorted(each.unsent.items()))
        lines.append(f"left out, since those hosts do not send such events: {told}")
    if each.unplayed:
        lines.append(f"left out, since there are too few hosts: {each.unplayed} events")
    if each.fields_missing:
        lines.append(f"played without fields that your events lack: {', '.join(each.fields_missing)}")
    return lines
