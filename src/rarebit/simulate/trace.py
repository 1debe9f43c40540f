"""The trace of one intrusion by itself: its events, and who the hosts, accounts and addresses in them are."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from rarebit.core.time import parse_time
from rarebit.simulate.fleet import Fleet, FleetSettings

_HOSTS: Final = 60
_DAYS: Final = 6


class MadeTrace(msgspec.Struct, frozen=True, kw_only=True):
    """What an intrusion leaves."""

    name: str
    techniques: tuple[str, ...]
    events: tuple[dict[str, Any], ...]
    """Dotted fields to values, by time; ``@timestamp`` in microseconds since 1970."""
    roles: dict[str, str]
    """Of every host of the made fleet, by short name."""
    owners: dict[str, str]
    """Account of a person to the short name of the host it works at."""
    accounts: dict[str, str]
    """Account to its kind: person, admin or service."""
    addresses: dict[str, str]
    """Address to the short name of its host."""


def made_trace(shape: str, seed: int) -> MadeTrace:
    """The events of one intrusion of a shape in a made fleet, without the fleet's own.

    Parameters
    ----------
    shape : str
        One of :data:`rarebit.simulate.intrusion.SHAPES`.
    seed : int
        The same give the same events.
    """
    fleet = Fleet(FleetSettings(hosts=_HOSTS, days=_DAYS, seed=seed, events_per_host_day=1.0, intrusions=(shape,)))
    (truth,) = fleet.truth()
    planted = pa.array(sorted(event["id"] for event in truth["events"]))
    events: list[dict[str, Any]] = []
    for window in fleet.windows():
        for batch in fleet.batches(window):
            found = batch.filter(pc.is_in(batch.column("event.id").cast(pa.string()), value_set=planted))
            events += [_plain(row) for row in found.to_pylist()]
    people = {"person", "admin", "service"}
    return MadeTrace(
        name=shape,
        techniques=tuple(truth["techniques"]),
        events=tuple(sorted(events, key=lambda event: (event["@timestamp"], str(event["event.id"])))),
        roles={host.name: host.role for host in fleet.hosts},
        owners={fleet.users[host.owner].name: host.name for host in fleet.hosts if host.owner >= 0},
        accounts={user.name: user.kind for user in fleet.users if user.kind in people},
        addresses={host.ip: host.name for host in fleet.hosts},
    )


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    event = {name: value for name, value in row.items() if value is not None}
    moment = event["@timestamp"]
    event["@timestamp"] = parse_time(moment) if isinstance(moment, str) else round(moment.timestamp() * 1e6)
    return event
