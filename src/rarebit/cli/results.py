"""``rarebit record | case | event``: what was found, and the events behind it."""

from __future__ import annotations

import getpass
from typing import Annotated

import msgspec
import typer

from rarebit.app import show, verdicts
from rarebit.app.verdicts import Given
from rarebit.cli.cases import print_case, print_cases
from rarebit.cli.options import (
    HomeOption,
    HostOption,
    JobOption,
    JsonOption,
    LimitOption,
    ScoreOption,
    SinceOption,
    UntilOption,
    existing_home,
    moment,
)
from rarebit.cli.output import data, safe, table, write_json
from rarebit.core.event_line import event_line
from rarebit.core.influencer import Explained
from rarebit.core.rate import rate, rate_between
from rarebit.core.result import Record

record_app = typer.Typer(no_args_is_help=True, help="Records: one series unusual in one bucket.")
case_app = typer.Typer(no_args_is_help=True, help="Cases: the unit of work, ranked.")
event_app = typer.Typer(no_args_is_help=True, help="Events: the raw telemetry.")

_SHOWN = 50
_WELL_KNOWN = {
    "learning": "learning (less than 8 active hours or 8 observations)",
    "usable": "usable (up to 56 active hours)",
    "mature": "mature (more than 56 active hours)",
}


@record_app.command("list")
def list_records(
    job: JobOption = None,
    min_score: ScoreOption = None,
    host: HostOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: LimitOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List records, the highest score first."""
    with existing_home(home) as place:
        found = show.records(
            place, job_id=job, min_score=min_score, host=host, since_us=moment(since), until_us=moment(until),
            limit=limit if limit or json else _SHOWN,
        )  # fmt: skip
    if json:
        write_json(found)
        return
    made = table("id", "score", "expected", "time", "job", "what", right=("score",))
    for record in found:
        state = f" ({_state(record)})" if _state(record) else ""
        state += " (revised: events came late)" if record.revised else ""
        made.add_row(
            record.id[:10], f"{record.record_score:.0f}", _rate_of(record), record.time[:19],
            safe(record.job_id), safe(record.explanation.sentence + state),
        )  # fmt: skip
    data().print(made)


@record_app.command("show")
def show_record(record_id: str, home: HomeOption = None, json: JsonOption = False) -> None:
    """Show one record with the counts it rests on."""
    with existing_home(home) as place:
        record = place.store.get_record(record_id)
    if json:
        write_json([record])
    else:
        print_record(record)


def print_record(record: Record) -> None:
    """One record with its counts."""
    out = data()
    out.print(safe(record.explanation.sentence), style="bold")
    out.print(safe(f"{record.job_id}, detector {record.detector_index}, {record.time}"))
    out.print(
        safe(
            f"score {record.record_score:.1f} (first {record.initial_record_score:.1f}): expected "
            f"{_rate_of(record)} (first {rate(record.initial_expected_per_week)}), "
            f"p = {record.probability:.2g}"
        )
    )
    known = f"{record.entity_type or 'series'} {record.entity_id}".rstrip()
    never = "; it never alerts" if record.learning else ""
    out.print(safe(f"{known}: {_WELL_KNOWN[record.maturity]}{never}"))
    told = record.explanation
    parts = (told.tally, told.gauge, told.rhythm, told.journey, told.beacon)
    for basis in (*told.levels, *(part for part in parts if part)):
        counts = msgspec.to_builtins(basis)
        out.print(safe("; ".join(f"{name} {_short(value)}" for name, value in counts.items())))
    for influencer in record.influencers:
        values = [_influence(each) for each in influencer.explains] or list(influencer.influencer_field_values)
        out.print(safe(f"{influencer.influencer_field_name}: {', '.join(values)}"))
    out.print(safe(f"{record.event_count} events: {', '.join(record.event_ids[:5])}"))
    out.print(safe(f"rarebit event list --record {record.id[:10]}"))


def _state(record: Record) -> str:
    """Why a record cannot alert, or how far its entity is known; nothing of one that is known well."""
    if record.learning:
        return f"learning this {record.entity_type or 'series'}" if record.maturity == "learning" else "learning"
    return "rollout" if record.rollout else record.maturity if record.maturity != "mature" else ""


def _influence(each: Explained) -> str:
    usual = f", usually {each.usual_events:,} of {each.usual_of:,} sampled" if each.usual_of else ""
    return f"{each.value} explains {100 * each.influencer_score:.0f} % ({each.events} of {each.of} events{usual})"


def _rate_of(record: Record) -> str:
    """Expected number a week, and how sure that is."""
    return rate_between(record.expected_per_week, record.expected_per_week_low, record.expected_per_week_high)


def _short(value: object) -> str:
    if isinstance(value, tuple | list):
        return f"[{' '.join(_short(each) for each in value)}]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@case_app.command("list")
def list_cases(
    state: Annotated[str, typer.Option("--state", help="open, below, closed, withdrawn or all.")] = "open",
    edr: Annotated[str | None, typer.Option("--edr", help="Only if the EDR saw: none, partial or same.")] = None,
    limit: LimitOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List cases by rank; those below the budget with --state below."""
    with existing_home(home) as place:
        found = show.cases(place, state=state, edr=edr, limit=limit)
    if json:
        write_json(found)
    else:
        print_cases(found)


@case_app.command("show")
def show_case(
    case: Annotated[str, typer.Argument(help="Id, beginning of an id, or rank.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show who, what, why, the proof, and what to do next."""
    with existing_home(home) as place:
        found = show.case(place, case)
        if json:
            write_json([found])
        else:
            print_case(place, found)


@case_app.command("close")
def close_case(case: str, home: HomeOption = None, json: JsonOption = False) -> None:
    """Close a case; it stays closed, and is kept."""
    with existing_home(home) as place:
        given = verdicts.settle(place, case, state="closed", verdict=None, actor=getpass.getuser())
        _print_judged(given, json=json)


@case_app.command()
def verdict(
    case: str,
    verdict: Annotated[str, typer.Argument(help="true, benign, false or unsure.")],
    note: Annotated[str, typer.Option("--note", help="Why; kept with the verdict.")] = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Say what a case was; anything but unsure closes it, and the same behaviour ranks higher or lower at once."""
    with existing_home(home) as place:
        _print_judged(verdicts.give_verdict(place, case, verdict, actor=getpass.getuser(), note=note), json=json)


def _print_judged(given: Given, *, json: bool) -> None:
    if json:
        write_json([msgspec.to_builtins(given.case) | {"shifts": msgspec.to_builtins(given.shifts)}])
        return
    data().print(safe(f"case {given.case.id}: {verdicts.standing_of(given.case)}"))
    if given.case.verdict or given.shifts:
        data().print(safe(verdicts.shift_text(given.shifts)))


@event_app.command("list")
def list_events(
    record: Annotated[str | None, typer.Option("--record", help="Events of a record.")] = None,
    alert: Annotated[str | None, typer.Option("--alert", help="Events of an alert.")] = None,
    case: Annotated[str | None, typer.Option("--case", help="Events of a case.")] = None,
    where: Annotated[str | None, typer.Option("--where", help="Events that meet a query.")] = None,
    language: Annotated[str, typer.Option("--language", help="Of --where: kql, lucene or dsl.")] = "kql",
    since: SinceOption = None,
    until: UntilOption = None,
    limit: LimitOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List events in order of time."""
    if language not in ("kql", "lucene", "dsl"):
        raise typer.BadParameter(f"{language!r} is none of kql, lucene, dsl", param_hint="--language")
    with existing_home(home) as place:
        found = show.events(
            place, record_id=record, alert_id=alert, case_id=case, where=where, language=language,  # type: ignore[arg-type]
            since_us=moment(since), until_us=moment(until), limit=limit if limit or json else _SHOWN,
        )  # fmt: skip
    if json:
        write_json(found)
        return
    made = table("time", "host", "user", "what", "parent", "id")
    for event in found:
        line = event_line(event)
        cells = (line.time[:23], line.host, line.user, line.what, line.parent, line.id[:12])
        made.add_row(*(safe(cell) for cell in cells))
    data().print(made)
    if where and not limit and len(found) == _SHOWN:
        data().print(safe(f"the first {_SHOWN}; more with --limit"))
