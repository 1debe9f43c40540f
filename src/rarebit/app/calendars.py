"""Calendars: planned events in which jobs neither tell nor learn; Elastic's JSON, and iCalendar files in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from rarebit.app.document import objects, parse_id, read_json
from rarebit.app.home import Home
from rarebit.core.care import Calendar, CalendarEvent
from rarebit.core.errors import DefinitionError, NotFoundError
from rarebit.core.job import Job, Json
from rarebit.core.names import host_key
from rarebit.core.time import parse_time, to_datetime
from rarebit.detect.care import Hold
from rarebit.maths.hashing import hash_text

ALL: Final = "_all"
MOST_EVENTS: Final = 10_000
_CALENDAR_KEYS: Final = frozenset({"calendar_id", "job_ids", "description", "hosts", "groups", "events"})
_EVENT_KEYS: Final = frozenset(
    {
        "event_id", "calendar_id", "description", "start_time", "end_time", "skip_result", "skip_model_update",
        "force_time_shift", "hosts", "groups",
    }
)  # fmt: skip


def parse_calendar(body: Json, where: str) -> Calendar:
    """A calendar of Elastic's JSON, its events in it or not.

    Raises
    ------
    DefinitionError
        If it is wrong; the place is named.
    """
    _known(body, _CALENDAR_KEYS, "calendar", where)
    calendar_id = parse_id(body.get("calendar_id"), "calendar", f"{where}.calendar_id")
    job_ids = body.get("job_ids", [])
    made = Calendar(
        calendar_id=calendar_id,
        job_ids=_texts([job_ids] if isinstance(job_ids, str) else job_ids, f"{where}.job_ids"),
        description=_text(body.get("description") or "", f"{where}.description"),
        hosts=_texts(body.get("hosts", []), f"{where}.hosts"),
        groups=_texts(body.get("groups", []), f"{where}.groups"),
    )
    events = body.get("events") or []
    return with_events(made, parse_events(events, f"{where}.events") if events else [])


def parse_events(document: Any, where: str) -> list[CalendarEvent]:  # noqa: ANN401
    """Events of Elastic's JSON: one, a list, or ``{"events": […]}``; they get their ids in a calendar.

    Raises
    ------
    DefinitionError
        If one is wrong; the place is named.
    """
    return [_event(body, place) for place, body in objects(document, "events", where)]


def _event(body: Json, where: str) -> CalendarEvent:
    _known(body, _EVENT_KEYS, "calendar event", where)
    start, end = (_moment(body.get(name), f"{where}.{name}") for name in ("start_time", "end_time"))
    if start >= end:
        raise DefinitionError("it ends before it has begun", where=where)
    skips = {}
    for name in ("skip_result", "skip_model_update"):
        skips[name] = body.get(name, True)
        if not isinstance(skips[name], bool):
            raise DefinitionError(f"{skips[name]!r} is not true or false", where=f"{where}.{name}")
    shift = body.get("force_time_shift")
    if shift is not None and (isinstance(shift, bool) or not isinstance(shift, int)):
        raise DefinitionError(f"{shift!r} is no number of seconds", where=f"{where}.force_time_shift")
    return CalendarEvent(
        event_id="",
        description=_text(body.get("description"), f"{where}.description"),
        start_time=start,
        end_time=end,
        force_time_shift=shift,
        hosts=_texts(body.get("hosts", []), f"{where}.hosts"),
        groups=_texts(body.get("groups", []), f"{where}.groups"),
        **skips,
    )


def with_events(calendar: Calendar, new: Sequence[CalendarEvent]) -> Calendar:
    """The calendar with more events; each has an id made of what it says, so the same one comes in once."""
    held = {event.event_id: event for event in calendar.events}
    for event in new:
        text = msgspec.json.encode((calendar.calendar_id, msgspec.structs.replace(event, event_id="")))
        key = hashlib.blake2b(text, digest_size=8).hexdigest()
        held[key] = msgspec.structs.replace(event, event_id=key)
    if len(held) > MOST_EVENTS:
        raise DefinitionError(f"{len(held):,} events, more than {MOST_EVENTS:,}", where=calendar.calendar_id)
    ordered = sorted(held.values(), key=lambda event: (event.start_time, event.end_time, event.event_id))
    return msgspec.structs.replace(calendar, events=tuple(ordered))


def put_calendar(home: Home, new: Calendar, *, actor: str) -> Calendar:
    """Keep a calendar, in place of one of the same id.

    Raises
    ------
    DefinitionError
        If its id is not allowed.
    """
    parse_id(new.calendar_id, "calendar")
    before = next((each for each in home.store.care.list_calendars() if each.calendar_id == new.calendar_id), None)
    with home.store.transaction():
        home.store.care.put_calendar(new)
        home.store.add_audit(actor, "calendar put", f"calendar {new.calendar_id}", _shown(before), _shown(new))
    return new


def import_calendars(home: Home, path: Path, *, replace: bool, actor: str) -> list[Calendar]:
    """Keep the calendars of a file of Elastic's JSON: one, a list, or ``{"calendars": […]}``.

    Raises
    ------
    InputError, DefinitionError
        If the file cannot be read, a calendar is wrong, or one is there already and ``replace`` is false; nothing is
        kept then.
    """
    read = objects(read_json(path, "calendar"), "calendars", str(path))
    new = [parse_calendar(body, where) for where, body in read]
    known = {each.calendar_id for each in home.store.care.list_calendars()}
    for each in new:
        if each.calendar_id in known and not replace:
            raise DefinitionError(f"there is a calendar {each.calendar_id!r} already", hint="Replace it with --replace")
    with home.store.transaction():
        return [put_calendar(home, each, actor=actor) for each in new]


def import_events(home: Home, calendar_id: str, path: Path, *, actor: str) -> Calendar:
    """Put the events of a file into a calendar: Elastic's JSON, or iCalendar (``.ics``).

    Raises
    ------
    NotFoundError, InputError, DefinitionError, MissingExtraError
        If there is no such calendar, or the file cannot be read or is wrong; nothing is kept then.
    """
    held = home.store.care.get_calendar(calendar_id)
    if path.suffix.lower() == ".ics":
        from rarebit.asset.ics import read_events

        new = [
            CalendarEvent(
                event_id="", description=each.text, start_time=each.start_us // 1000, end_time=each.end_us // 1000
            )
            for each in read_events(path)
        ]
    else:
        new = parse_events(read_json(path, "calendar event"), str(path))
    return put_calendar(home, with_events(held, new), actor=actor)


def remove_event(home: Home, calendar_id: str, event_id: str, *, actor: str) -> Calendar:
    """Take an event out of a calendar; later events of the jobs are judged as ever.

    Raises
    ------
    NotFoundError
        If there is no such calendar or event.
    """
    held = home.store.care.get_calendar(calendar_id)
    kept = tuple(event for event in held.events if event.event_id != event_id)
    if len(kept) == len(held.events):
        raise NotFoundError(
            f"there is no event {event_id!r} in it", where=calendar_id, hint="See rarebit calendar show"
        )
    return put_calendar(home, msgspec.structs.replace(held, events=kept), actor=actor)


def delete_calendar(home: Home, calendar_id: str, *, actor: str) -> None:
    """Forget a calendar and its events.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    held = home.store.care.get_calendar(calendar_id)
    with home.store.transaction():
        home.store.care.delete_calendar(calendar_id)
        home.store.add_audit(actor, "calendar delete", f"calendar {calendar_id}", _shown(held), "")


def leave_calendars(home: Home, job_id: str) -> None:
    """Take a job that is deleted out of all calendars."""
    for each in home.store.care.list_calendars():
        if job_id in each.job_ids:
            kept = tuple(name for name in each.job_ids if name != job_id)
            home.store.care.put_calendar(msgspec.structs.replace(each, job_ids=kept))


def heeds(calendar: Calendar, job: Job) -> bool:
    """Whether a job heeds a calendar: named by its id, by one of its groups, or by ``_all``."""
    return bool({ALL, job.job_id, *job.groups} & set(calendar.job_ids))


def planned_events(home: Home, job: Job) -> list[tuple[Calendar, CalendarEvent]]:
    """Events of all calendars that a job heeds."""
    calendars = [each for each in home.store.care.list_calendars() if heeds(each, job)]
    return [(calendar, event) for calendar in calendars for event in calendar.events]


def hold_of(home: Home, calendar: Calendar, event: CalendarEvent) -> Hold:
    """What an event leaves out."""
    limited = event.hosts or event.groups or calendar.hosts or calendar.groups
    own = bool(event.hosts or event.groups)
    hosts, groups = (event.hosts, event.groups) if own else (calendar.hosts, calendar.groups)
    return Hold(
        key=event_key(calendar, event),
        start_us=event.start_time * 1000,
        end_us=event.end_time * 1000,
        skip_result=event.skip_result,
        skip_learning=event.skip_model_update,
        hosts=frozenset(hash_text(host_key(name)) for name in {*hosts, *_members(home, groups)}) if limited else None,
    )


def event_key(calendar: Calendar, event: CalendarEvent) -> int:
    """Stable code under which it is counted what an event left out."""
    return hash_text(f"event|{calendar.calendar_id}|{event.event_id}")


def event_text(calendar: Calendar, event: CalendarEvent) -> str:
    """An event in words."""
    return f"calendar {calendar.calendar_id}: {event.description}"


def troubles(home: Home, calendar: Calendar) -> list[str]:
    """Parts of a calendar that are kept and not acted on, or that mean nobody."""
    known = set(home.inventory().peer_of().values())
    found = [f"no host of the inventory is in the group {name!r}" for name in calendar.groups if name not in known]
    for event in calendar.events:
        found += [
            f"{event.description}: no host of the inventory is in the group {name!r}"
            for name in event.groups if name not in known
        ]  # fmt: skip
        if event.force_time_shift is not None:
            found.append(f"{event.description}: force_time_shift is kept for export; clocks are not shifted")
    if not calendar.job_ids:
        found.append("no job heeds it: it has no job_ids")
    return found


def _members(home: Home, groups: Sequence[str]) -> list[str]:
    return [host for host, group in home.inventory().peer_of().items() if group in groups]


def _known(body: Mapping[str, Any], keys: frozenset[str], what: str, where: str) -> None:
    for key in body.keys() - keys:
        raise DefinitionError(f"a {what} has no {key!r}", where=where)


def _text(value: Any, where: str) -> str:  # noqa: ANN401
    if not isinstance(value, str):
        raise DefinitionError(f"expected text, found {type(value).__name__}", where=where)
    return value


def _texts(value: Any, where: str) -> tuple[str, ...]:  # noqa: ANN401
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item for item in value):
        raise DefinitionError("expected a list of names", where=where)
    return tuple(dict.fromkeys(value))


def _moment(value: Any, where: str) -> int:  # noqa: ANN401
    """Milliseconds since 1970 of a number of them, in digits too, or of ISO 8601."""
    if isinstance(value, str) and not value.isdigit():
        return parse_time(value) // 1000
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise DefinitionError(f"{value!r} is no time", where=where, hint="Write milliseconds since 1970, or ISO 8601")
    try:
        moment = int(value)
        to_datetime(moment * 1000)
    except (OverflowError, ValueError) as error:
        raise DefinitionError(f"{str(value)[:40]} lies outside the years 1 to 9999", where=where) from error
    return moment


def _shown(held: Calendar | None) -> str:
    return "" if held is None else msgspec.json.encode(held).decode()
