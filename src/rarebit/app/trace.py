"""Traces to replay: of a shape that ships, or events that people hand in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from rarebit.core.errors import InputError
from rarebit.core.fields import DAY, REST, SOURCE, TIME, Kind
from rarebit.core.names import host_key
from rarebit.core.schema import kind_of
from rarebit.simulate.intrusion import SHAPES
from rarebit.simulate.trace import MadeTrace, made_trace
from rarebit.source.read import FileRead, ReadSettings
from rarebit.tune.guards import is_service

MOST: Final = 20_000
"""Events of a file that is replayed; a trace is what an attack left, not a day of a fleet."""
_OWN: Final = "rarebit."
_BUILT_IN: Final = re.compile(
    r"^(?:system|local service|network service|anonymous logon|root|daemon|dwm-\d+|umfd-\d+|.*\$|-)$"
)


def is_built_in(account: str) -> bool:
    """Whether an account is one that every host has, or that of a computer."""
    return bool(_BUILT_IN.match(account.lower()))


def shapes(names: Sequence[str], seed: int) -> list[MadeTrace]:
    """Traces of shapes that ship; of all if none is named.

    Raises
    ------
    InputError
        If there is no such shape.
    """
    for name in names:
        if name not in SHAPES:
            raise InputError(f"{name!r} is no shape of an intrusion", hint=f"One of {', '.join(SHAPES)}; or --events")
    return [made_trace(name, seed) for name in names or SHAPES]


def read_trace(path: Path, mapping: Mapping[str, str] | None = None) -> MadeTrace:
    """The events of a file of any known format as one trace.

    The first account of a person is taken to own the first host; one that is seen on several hosts to be an
    administrator's.

    Raises
    ------
    InputError
        If it cannot be read, holds no event of a host, or more than :data:`MOST`.
    """
    if not path.is_file():
        raise InputError("there is no such file", where=str(path), hint="Give a file of events, as NDJSON or EVTX")
    reading = FileRead(path, ReadSettings(mapping=dict(mapping or {})))
    events: list[dict[str, Any]] = []
    for batch in reading.batches():
        events += [event for row in batch.to_pylist() if (event := _plain(row)).get("host.name")]
        if len(events) > MOST:
            raise InputError(
                f"more than {MOST:,} events", where=str(path), hint="Cut it down to those that the attack left"
            )
    if not events:
        error = reading.report().error
        raise InputError(f"no event of a host in it{': ' + error if error else ''}", where=str(path))
    events.sort(key=lambda event: event[TIME])
    return MadeTrace(
        name=path.name,
        techniques=(),
        events=tuple(events),
        roles={},
        owners=_owners(events),
        accounts=_accounts(events),
        addresses={ip: host_key(event["host.name"]) for event in events for ip in event.get("host.ip", ())},
    )


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    event = {
        name: value.split(",") if kind_of(name) is Kind.SET else value
        for name, value in row.items()
        if value is not None and not name.startswith(_OWN) and name not in (DAY, REST, SOURCE)
    }
    event[TIME] = round(event[TIME].timestamp() * 1e6)
    return (orjson.loads(row[REST]) if row.get(REST) else {}) | event


def _people(events: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    pairs = [(str(event.get("user.name", "")), host_key(event["host.name"])) for event in events]
    return [(user, host) for user, host in pairs if user and not is_built_in(user)]


def _owners(events: Sequence[dict[str, Any]]) -> dict[str, str]:
    person = next(((user, host) for user, host in _people(events) if not is_service(user.lower())), None)
    return {} if person is None else {person[0]: person[1]}


def _accounts(events: Sequence[dict[str, Any]]) -> dict[str, str]:
    owners = _owners(events)
    on = Counter(user for user, _ in dict.fromkeys(_people(events)))
    kinds = {user: "service" if is_service(user.lower()) else "admin" if on[user] > 1 else "person" for user in on}
    return kinds | dict.fromkeys(owners, "person")
