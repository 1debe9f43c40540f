"""What a job can see: which of its fields the events have, and which they lack."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rarebit.app.home import Home
from rarebit.core.fields import REST
from rarebit.core.schema import has_column
from rarebit.detect.plan import JobPlan
from rarebit.query import literal


class Blind(msgspec.Struct, frozen=True, kw_only=True):
    """A job that had no event to judge, and why."""

    missing: tuple[str, ...]
    """Fields it needs that no event has."""
    reason: str


def blind_jobs(home: Home, plans: Sequence[JobPlan]) -> dict[str, Blind]:
    """Why jobs had no event, by id: fields that are absent everywhere, or a condition that nothing meets.

    The events are looked at once for all of them.
    """
    if not plans:
        return {}
    there = present(home, sorted({name for plan in plans for name in plan.required}))
    events = home.lake.summary().events
    missing = {plan.job.job_id: tuple(name for name in sorted(plan.required) if not there[name]) for plan in plans}
    return {plan.job.job_id: explain_blindness(plan, missing[plan.job.job_id], events) for plan in plans}


def explain_blindness(plan: JobPlan, missing: tuple[str, ...], events: int) -> Blind:
    """The reason in words."""
    needed = [name for name in sorted(plan.vital) if name in missing]
    if events == 0:
        return Blind(missing=missing, reason="there are no events")
    if needed:
        return Blind(missing=missing, reason=f"no event has {', '.join(needed)}")
    if missing:
        return Blind(missing=missing, reason=f"no event meets its query; none has {', '.join(missing)}")
    return Blind(missing=(), reason="no event meets its query")


def present(home: Home, fields: list[str]) -> dict[str, bool]:
    """Which of the fields any event has."""
    if home.lake.version() < 0 or not fields:
        return dict.fromkeys(fields, False)
    tests = []
    for name in fields:
        if has_column(name):
            tests.append(f"bool_or({literal.identifier(name)} IS NOT NULL)")
        else:
            rest = literal.identifier(REST)
            keys = (f'"{name}"', f'"{name}.lat"')  # a place may be kept as an object
            tests.append(f"bool_or({' OR '.join(f'contains({rest}, {literal.string(key)})' for key in keys)})")
    row = home.lake.sql(f"SELECT {', '.join(f'{t} AS c{i}' for i, t in enumerate(tests))} FROM events").to_pylist()[0]
    return {name: bool(row[f"c{i}"]) for i, name in enumerate(fields)}
