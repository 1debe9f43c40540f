"""Marking cases by what sensors said about the same, or that they were silent, or not heard of at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rarebit.app.edr import Sensed, coverage
from rarebit.app.home import Home
from rarebit.case.edr import hosts_of, mark, reach
from rarebit.core.names import host_key
from rarebit.core.result import Alert, Case, Record
from rarebit.core.time import WEEK_US, parse_time


def marked(home: Home, cases: Sequence[Case], records: Mapping[str, Record]) -> list[Case]:
    """Cases with what sensors said about each; ``records`` holds their findings by id."""
    if not cases or not home.store.sensors.count():
        return list(cases)
    spans = [reach(case) for case in cases]
    alerts = home.store.sensors.between(Alert, min(start for start, _ in spans), max(end for _, end in spans))
    by_host: dict[str, list[Alert]] = {}
    by_user: dict[str, list[Alert]] = {}
    for alert in alerts:
        if alert.edr is not None:
            by_host.setdefault(host_key(alert.edr.host), []).append(alert)
            by_user.setdefault(alert.edr.user.lower(), []).append(alert)
    sensed = coverage(home)
    made = []
    for case in cases:
        own = [records[name] for name in case.record_ids if name in records]
        near = [alert for host in sorted(hosts_of(case, own)) for alert in by_host.get(host, ())]
        users = [each.id.lower() for each in (case.entity, *case.joined) if each.type == "user"]
        near += [alert for user in users if user for alert in by_user.get(user, ())]
        made.append(mark(case, own, {alert.id: alert for alert in near}.values(), _watched(case, sensed)))
    return made


def _watched(case: Case, sensed: Sequence[Sensed]) -> frozenset[str]:
    """Hosts of which a sensor was heard from a week before the case to a day after it."""
    start, end = parse_time(case.opened_at) - WEEK_US, reach(case)[1]
    return frozenset(
        host_key(each.host)
        for each in sensed
        if each.first and each.last and parse_time(each.first) < end and parse_time(each.last) >= start
    )
