"""``rarebit calendar``: planned events in which jobs neither tell nor learn."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from rarebit.app import calendars
from rarebit.cli.options import HomeOption, JsonOption, existing_home, home_at, moment
from rarebit.cli.output import data, notes, safe, table, write_json
from rarebit.core.care import Calendar, CalendarEvent
from rarebit.core.time import iso

app = typer.Typer(no_args_is_help=True, help="Calendars: planned events in which jobs neither tell nor learn.")
CalendarId = Annotated[str, typer.Argument(help="Id of the calendar.")]
Hosts = Annotated[list[str] | None, typer.Option("--host", help="Only events of this host; may be repeated.")]
Groups = Annotated[
    list[str] | None, typer.Option("--group", help="Only events of hosts of this role; may be repeated.")
]


@app.command("list")
def list_(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the calendars and the jobs that heed them."""
    with home_at(home) as place:
        found = place.store.care.list_calendars()
    if json:
        write_json(
            {"calendar_id": each.calendar_id, "job_ids": each.job_ids, "description": each.description,
             "hosts": each.hosts, "groups": each.groups, "event_count": len(each.events)}
            for each in found
        )  # fmt: skip
        return
    made = table("id", "events", "jobs", "description", right=("events",))
    for each in found:
        jobs = ", ".join(each.job_ids) or "no job"
        made.add_row(safe(each.calendar_id), str(len(each.events)), safe(jobs), safe(each.description))
    data().print(made)


@app.command()
def show(calendar_id: CalendarId, home: HomeOption = None, json: JsonOption = False) -> None:
    """Show a calendar and its events."""
    with existing_home(home) as place:
        found = place.store.care.get_calendar(calendar_id)
        troubles = calendars.troubles(place, found)
    _print(found, troubles, json=json)


@app.command()
def put(
    calendar_id: CalendarId,
    job: Annotated[list[str] | None, typer.Option("--job", help="Job or group of jobs, or _all; repeatable.")] = None,
    description: Annotated[str, typer.Option("--description", help="What it is for.")] = "",
    host: Hosts = None,
    group: Groups = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Make a calendar, or change whom one is for; its events stay."""
    with home_at(home) as place:
        known = {each.calendar_id: each for each in place.store.care.list_calendars()}
        held = known.get(calendar_id)
        new = Calendar(
            calendar_id=calendar_id, job_ids=tuple(job or ()), description=description, hosts=tuple(host or ()),
            groups=tuple(group or ()), events=held.events if held else (),
        )  # fmt: skip
        made = calendars.put_calendar(place, new, actor=getpass.getuser())
        troubles = calendars.troubles(place, made)
    _print(made, troubles, json=json)


@app.command()
def add(
    calendar_id: CalendarId,
    description: Annotated[str, typer.Option("--description", help="What is planned.")],
    start: Annotated[str, typer.Option("--from", help="First moment (ISO 8601).")],
    end: Annotated[str, typer.Option("--to", help="First moment after it.")],
    host: Hosts = None,
    group: Groups = None,
    results: Annotated[bool, typer.Option("--results", help="Tell of findings all the same.")] = False,
    learning: Annotated[bool, typer.Option("--learning", help="Learn all the same.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Add an event to a calendar."""
    body = {
        "description": description, "start_time": (moment(start) or 0) // 1000, "end_time": (moment(end) or 0) // 1000,
        "hosts": host or [], "groups": group or [], "skip_result": not results, "skip_model_update": not learning,
    }  # fmt: skip
    with existing_home(home) as place:
        held = place.store.care.get_calendar(calendar_id)
        new = calendars.with_events(held, calendars.parse_events(body, calendar_id))
        made = calendars.put_calendar(place, new, actor=getpass.getuser())
        troubles = calendars.troubles(place, made)
    _print(made, troubles, json=json)


@app.command()
def remove(
    calendar_id: CalendarId,
    event_id: Annotated[str, typer.Argument(help="Id of the event.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Take an event out of a calendar."""
    with existing_home(home) as place:
        made = calendars.remove_event(place, calendar_id, event_id, actor=getpass.getuser())
    _print(made, [], json=json)


@app.command()
def delete(calendar_id: CalendarId, home: HomeOption = None) -> None:
    """Delete a calendar and its events."""
    with existing_home(home) as place:
        calendars.delete_calendar(place, calendar_id, actor=getpass.getuser())


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="JSON of calendars; with --into, of events, or an .ics file.")],
    into: Annotated[str | None, typer.Option("--into", help="Put the file's events into this calendar.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Put them in place of those of the same id.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Import calendars in Elastic's JSON, or events from JSON or iCalendar."""
    actor = getpass.getuser()
    with home_at(home) as place:
        if into is None:
            taken = calendars.import_calendars(place, file, replace=replace, actor=actor)
        else:
            taken = [calendars.import_events(place, into, file, actor=actor)]
        troubles = [trouble for each in taken for trouble in calendars.troubles(place, each)]
    if json:
        write_json(taken)
        return
    for each in taken:
        data().print(safe(f"{each.calendar_id}: {len(each.events)} events"))
    for trouble in troubles:
        notes().print(safe(f"  {trouble}"))


@app.command()
def export(calendar_id: CalendarId, home: HomeOption = None) -> None:
    """Print a calendar with its events as Elastic's JSON."""
    with existing_home(home) as place:
        write_json([place.store.care.get_calendar(calendar_id)])


def _print(found: Calendar, troubles: list[str], *, json: bool) -> None:
    if json:
        write_json([found])
        return
    head = f"{found.calendar_id}: heeded by {', '.join(found.job_ids) or 'no job'}"
    data().print(safe(f"{head}; {found.description}" if found.description else head))
    if found.hosts or found.groups:
        data().print(safe(f"only {_whose(found)}"))
    made = table("id", "from", "to", "what", "whose", "leaves out")
    for event in found.events:
        made.add_row(
            event.event_id, iso(event.start_time * 1000)[:16], iso(event.end_time * 1000)[:16],
            safe(event.description), safe(_whose(event)), _leaves_out(event),
        )  # fmt: skip
    if found.events:
        data().print(made)
    for trouble in troubles:
        notes().print(safe(f"  {trouble}"))


def _whose(of: Calendar | CalendarEvent) -> str:
    return ", ".join([*of.hosts, *(f"role {name}" for name in of.groups)]) or "all"


def _leaves_out(event: CalendarEvent) -> str:
    parts = [name for name, skips in (("results", event.skip_result), ("learning", event.skip_model_update)) if skips]
    return " and ".join(parts) or "nothing"
