"""Filters and calendars: ``_ml/filters``, ``_ml/calendars``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from fastapi import Request, Response

from rarebit.app import calendars, filters
from rarebit.core.care import Calendar, FilterList
from rarebit.core.errors import DefinitionError, InputError
from rarebit.web.access import actor_of, home_of
from rarebit.web.elastic.parts import args_of, body_of, done, moment_of, page_of, path_of, reply

_Kept = TypeVar("_Kept", FilterList, Calendar)


def put_filter(request: Request) -> Response:
    """Make a filter list."""
    home, name = home_of(request), path_of(request, "filter_id")
    made = filters.parse_filter(body_of(request) | {"filter_id": name}, "$")
    if name in {each.filter_id for each in home.store.care.list_filters()}:
        raise DefinitionError(f"A filter with id [{name}] already exists")
    return reply(_filter(filters.put_filter(home, made, actor=actor_of(request))))


def get_filters(request: Request) -> Response:
    """Filter lists."""
    care = home_of(request).store.care
    found = _named(path_of(request, "filter_id"), care.get_filter, care.list_filters)
    return _page(request, "filters", [_filter(each) for each in found])


def update_filter(request: Request) -> Response:
    """Add and remove items."""
    home, name, body = home_of(request), path_of(request, "filter_id"), body_of(request)
    add, remove = _texts(body, "add_items"), _texts(body, "remove_items")
    made = filters.change_items(home, name, add=add, remove=remove, actor=actor_of(request))
    if isinstance(body.get("description"), str):
        changed = msgspec.structs.replace(made, description=body["description"])
        made = filters.put_filter(home, changed, actor=actor_of(request))
    return reply(_filter(made))


def delete_filter(request: Request) -> Response:
    """Delete a filter list that no job uses."""
    filters.delete_filter(home_of(request), path_of(request, "filter_id"), actor=actor_of(request))
    return done()


def _named(name: str, get: Callable[[str], _Kept], every: Callable[[], list[_Kept]]) -> list[_Kept]:
    """The one of a name; all of them where none is given, or that for all."""
    return every() if name in ("", "_all", "*") else [get(name)]


def _page(request: Request, kind: str, found: list[dict[str, Any]]) -> Response:
    """A page of what was found, beside how much that is."""
    start, size = page_of(args_of(request))
    return reply({"count": len(found), kind: found[start : start + size]})


def _filter(each: FilterList) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(each)
    return body


def put_calendar(request: Request) -> Response:
    """Make a calendar."""
    home, name = home_of(request), path_of(request, "calendar_id")
    made = calendars.parse_calendar(body_of(request) | {"calendar_id": name}, "$")
    if name in {each.calendar_id for each in home.store.care.list_calendars()}:
        raise DefinitionError(f"Cannot create calendar with id [{name}] as it already exists")
    return reply(_calendar(calendars.put_calendar(home, made, actor=actor_of(request))))


def get_calendars(request: Request) -> Response:
    """Calendars, without their events."""
    care = home_of(request).store.care
    found = _named(path_of(request, "calendar_id"), care.get_calendar, care.list_calendars)
    return _page(request, "calendars", [_calendar(each) for each in found])


def delete_calendar(request: Request) -> Response:
    """Delete a calendar and its events."""
    calendars.delete_calendar(home_of(request), path_of(request, "calendar_id"), actor=actor_of(request))
    return done()


def add_events(request: Request) -> Response:
    """Put events into a calendar."""
    held = home_of(request).store.care.get_calendar(path_of(request, "calendar_id"))
    new = calendars.parse_events(body_of(request), "$")
    made = calendars.put_calendar(home_of(request), calendars.with_events(held, new), actor=actor_of(request))
    known = {event.event_id for event in held.events}
    return reply({"events": [each for each in _events(made) if each["event_id"] not in known]})


def get_events(request: Request) -> Response:
    """Events of a calendar, or of all."""
    home, name, args = home_of(request), path_of(request, "calendar_id"), args_of(request)
    held = home.store.care.list_calendars() if name == "_all" else [home.store.care.get_calendar(name)]
    first, last = moment_of(args, "start"), moment_of(args, "end")
    found = [
        event
        for calendar in held
        for event in _events(calendar)
        if (first is None or event["end_time"] * 1000 > first) and (last is None or event["start_time"] * 1000 < last)
    ]
    return _page(request, "events", found)


def delete_event(request: Request) -> Response:
    """Take an event out of a calendar."""
    name, event = path_of(request, "calendar_id"), path_of(request, "event_id")
    calendars.remove_event(home_of(request), name, event, actor=actor_of(request))
    return done()


def put_calendar_job(request: Request) -> Response:
    """Let a job heed a calendar."""
    held = home_of(request).store.care.get_calendar(path_of(request, "calendar_id"))
    return _with_jobs(request, held, tuple(dict.fromkeys((*held.job_ids, path_of(request, "job_id")))))


def delete_calendar_job(request: Request) -> Response:
    """Let a job heed a calendar no more."""
    held, job_id = home_of(request).store.care.get_calendar(path_of(request, "calendar_id")), path_of(request, "job_id")
    return _with_jobs(request, held, tuple(name for name in held.job_ids if name != job_id))


def _with_jobs(request: Request, held: Calendar, job_ids: tuple[str, ...]) -> Response:
    made = msgspec.structs.replace(held, job_ids=job_ids)
    return reply(_calendar(calendars.put_calendar(home_of(request), made, actor=actor_of(request))))


def _calendar(each: Calendar) -> dict[str, Any]:
    return {"calendar_id": each.calendar_id, "job_ids": list(each.job_ids), "description": each.description}


def _events(calendar: Calendar) -> list[dict[str, Any]]:
    return [{"calendar_id": calendar.calendar_id, **msgspec.to_builtins(event)} for event in calendar.events]


def _texts(body: dict[str, Any], name: str) -> list[str]:
    value = body.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InputError(f"[{name}] is a list of strings")
    return value
