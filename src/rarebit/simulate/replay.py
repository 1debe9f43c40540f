"""Replays of attacks: what every shape of intrusion leaves, as events, whoever and wherever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from rarebit.core.names import host_key
from rarebit.simulate.fleet import Fleet, FleetSettings

SEEDS: Final = (11, 12, 13)


def replays(seeds: tuple[int, ...] = SEEDS) -> Iterator[dict[str, Any]]:
    """Events of one intrusion of every shape and seed: dotted fields to values, and ``host.role``.

    Parameters
    ----------
    seeds : tuple of int
        One made fleet each; the same give the same events.
    """
    for seed in seeds:
        fleet = Fleet(FleetSettings(hosts=20, days=6, seed=seed, start="2025-03-03", events_per_host_day=1.0))
        planted = {event["id"] for intrusion in fleet.truth() for event in intrusion["events"]}
        role = {host.name: host.role for host in fleet.hosts}
        for window in fleet.windows():
            for batch in fleet.batches(window):
                ids = batch.column("event.id").cast(pa.string())
                for event in batch.filter(pc.is_in(ids, value_set=pa.array(sorted(planted)))).to_pylist():
                    yield event | {"host.role": role.get(host_key(event["host.name"]), "")}
