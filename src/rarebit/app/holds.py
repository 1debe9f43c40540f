"""Stretches of time of which a job leaves something out: events of calendars, and exclusions."""

from __future__ import annotations

from rarebit.app.calendars import event_key, event_text, hold_of, planned_events
from rarebit.app.home import Home
from rarebit.core.care import Exclusion
from rarebit.core.job import Job
from rarebit.core.names import host_key
from rarebit.core.time import iso
from rarebit.detect.care import Hold
from rarebit.maths.hashing import hash_text


def holds_of(home: Home, job: Job) -> tuple[Hold, ...]:
    """All that a job heeds, by rising time."""
    events = [hold_of(home, calendar, event) for calendar, event in planned_events(home, job)]
    excluded = [_hold(each) for each in home.store.care.list_exclusions(job.job_id)]
    return tuple(sorted([*events, *excluded], key=lambda hold: (hold.start_us, hold.end_us, hold.key)))


def hold_names(home: Home, job: Job) -> dict[int, str]:
    """What each is called, by the key of its counts."""
    names = {event_key(calendar, event): event_text(calendar, event) for calendar, event in planned_events(home, job)}
    return names | {exclusion_key(each): exclusion_text(each) for each in home.store.care.list_exclusions(job.job_id)}


def exclusion_key(each: Exclusion) -> int:
    """Stable code under which it is counted what an exclusion left out."""
    return hash_text(f"exclusion|{each.id}")


def exclusion_text(each: Exclusion) -> str:
    """An exclusion in words."""
    whose = f" of {each.host}" if each.host else ""
    return f"exclusion {each.id}{whose}, {iso(each.start_us)} to {iso(each.end_us)}: {each.reason}"


def _hold(each: Exclusion) -> Hold:
    """What was found in it stays: it is judged, and not learnt."""
    hosts = frozenset({hash_text(host_key(each.host))}) if each.host else None
    return Hold(exclusion_key(each), each.start_us, each.end_us, skip_result=False, hosts=hosts)
