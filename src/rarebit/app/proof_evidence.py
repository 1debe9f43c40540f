"""Whether cases carry what they say: their events, the parents of their processes, reasons with counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow.compute as pc

from rarebit.app.home import Home
from rarebit.core.errors import NotFoundError
from rarebit.core.proof import Evidence
from rarebit.core.result import Case, Explanation, Record
from rarebit.core.time import DAY_US, day_of, parse_time

_AT_ONCE: Final = 5_000


def completeness(home: Home, cases: Sequence[Case]) -> Evidence:
    """Look up everything that cases name."""
    records = home.store.records_by_id(sorted({name for case in cases for name in case.record_ids}))
    orphans, there = _events(home, list(records.values()))
    events, parents, reasons = [], [], []
    for case in cases:
        own = [records[name] for name in case.record_ids if name in records]
        ids = {name for record in own for name in record.event_ids}
        events.append(bool(ids) and ids <= there and len(own) == len(case.record_ids))
        parents.append(not ids & orphans)
        reasons.append(bool(case.reasons) and all(_stands(home, each.kind, each.id, records) for each in case.reasons))
    named = {name for record in records.values() for name in record.event_ids}
    return Evidence(
        cases=len(cases),
        complete=sum(map(all, zip(events, parents, reasons, strict=True))),
        with_events=sum(events),
        with_parents=sum(parents),
        with_reasons=sum(reasons),
        events=len(named),
        events_gone=len(named - there),
    )


def _events(home: Home, records: Sequence[Record]) -> tuple[set[str], set[str]]:
    """Of the events that records name: starts of processes without a parent, and all that are there."""
    orphans: set[str] = set()
    there: set[str] = set()
    names = list(dict.fromkeys(name for record in records for name in record.event_ids))
    days = sorted({day_of(parse_time(record.time) + more) for record in records for more in (0, DAY_US)})
    for at in range(0, len(names), _AT_ONCE):
        found = home.lake.by_id(names[at : at + _AT_ONCE], days=days)
        ids = found.column("event.id")
        there.update(ids.to_pylist())
        starts = pc.and_(
            pc.match_substring(pc.fill_null(found.column("event.category"), ""), "process"),
            pc.match_substring(pc.fill_null(found.column("event.type"), ""), "start"),
        )
        bare = pc.and_(
            pc.is_null(found.column("process.parent.name")), pc.is_null(found.column("process.parent.executable"))
        )
        orphans.update(ids.filter(pc.and_(starts, bare)).to_pylist())
    return orphans, there


def _stands(home: Home, kind: str, name: str, records: dict[str, Record]) -> bool:
    """Whether the record or alert behind a reason is there, and the record has its counts."""
    if kind == "record":
        return name in records and has_counts(records[name].explanation)
    try:
        return bool(home.store.get_alert(name).sentence)
    except NotFoundError:
        return False


def has_counts(told: Explanation) -> bool:
    """Whether an explanation carries the numbers that its sentence was made of."""
    return bool(told.levels or told.tally or told.gauge or told.rhythm or told.journey or told.change)
