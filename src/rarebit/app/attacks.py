"""The bank of attacks that no filter may hide: replays of every shape of intrusion, and what people confirmed here."""

from __future__ import annotations

from functools import cache

from rarebit.app.findings import Finding
from rarebit.app.home import Home
from rarebit.core.time import parse_time
from rarebit.simulate.replay import replays
from rarebit.tune.attributes import GROUPS, HOURS, Attributes, hours_of, of_event


@cache
def bank() -> tuple[Attributes, ...]:
    """Attributes of each event of the replays."""
    found = []
    for event in replays():
        moment = event["@timestamp"]
        at = parse_time(moment) if isinstance(moment, str) else round(moment.timestamp() * 1e6)
        found.append(of_event(event) | {HOURS: hours_of(at), GROUPS["host.name"]: event["host.role"]})
    return tuple(found)


def confirmed(home: Home, found: list[Finding]) -> dict[str, str]:
    """Of findings that gave points to a case called true: id to the id of the case."""
    true = {each.case_id for each in home.store.judgements.list() if each.verdict == "true"}
    held = {
        name: case.id
        for case in home.store.list_cases()
        if case.id in true
        for name in [part.record_id for part in case.parts if part.record_id] or case.record_ids
    }
    return {each.id: held[each.id] for each in found if each.id in held}
