"""What the events of some weeks tell of hosts or users: habits, hours, systems, logons, services.

Everything is aggregated by the lake before it comes here: rows of pairs, not of events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rarebit.core.fields import CODED, NORMAL, TIME
from rarebit.core.names import account_form, host_key
from rarebit.core.time import DAY_US
from rarebit.maths.hashing import hash_text, pair_code
from rarebit.model.peer_groups import Habits, canonical_order
from rarebit.query.literal import identifier, string, time

Ask = Callable[[str], pa.Table]
"""Answers one SELECT over the view ``events``."""

FIELD_OF: Final = {"host": "host.name", "user": "user.name"}
HOURS: Final = 168
LONGEST_DAYS: Final = 28
SERVED: Final = {88: "kerberos", 389: "ldap", 53: "dns", 445: "files", 1433: "sql", 3389: "remote desktop", 80: "web",
                 443: "web", 22: "ssh", 25: "mail", 5985: "winrm"}  # fmt: skip
"""Ports that say what a host is for."""
_KERBEROS: Final = ("4768", "4769")
_SERVING: Final = 3
"""A host serves a port when so many others come to it."""
_THURSDAY_US: Final = 4 * DAY_US
"""From 1970-01-01, a Thursday, to a Monday."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Evidence:
    """Entities in canonical order, and what is known of each; ``n`` of them."""

    entity_type: str
    start_us: int
    end_us: int
    names: list[str]
    codes: Ints
    habits: Habits
    """Programs and kinds of logon, with the days they were seen on; day 0 is the day of ``start_us``."""
    token_codes: Ints
    programs: NDArray[np.bool_]
    """Which tokens are programs (bool[tokens]); the others are kinds of logon."""
    hours: Floats
    """Events by hour of the week from Monday 00:00 UTC (float64[n, 168])."""
    systems: list[str]
    """Name of the operating system, or its type, or empty."""
    visitors: Ints
    """Different users seen on a host, or different hosts of a user."""
    served: dict[int, dict[int, int]]
    """Port to places of the hosts that serve it, and how many hosts they serve."""
    kerberos: Ints
    """Ticket requests answered by a host."""

    @property
    def days(self) -> int:
        """Days from the first to the end."""
        return max(1, -(-(self.end_us - self.start_us) // DAY_US))


def token_code(kind: str, value: str) -> int:
    """Code of a habit that is no program."""
    return int(pair_code(np.int64(hash_text(kind)), np.int64(hash_text(value))))


def gather(ask: Ask, entity_type: str, start_us: int, end_us: int) -> Evidence | None:
    """What the events of ``[start_us, end_us)`` tell; None where there is no such entity.

    Raises
    ------
    StateError
        If the lake cannot be read.
    """
    assert (end_us - start_us) <= (LONGEST_DAYS + 1) * DAY_US  # noqa: S101 a bit a day
    scope = _Scope(entity_type, start_us, end_us)
    about = ask(scope.about())
    if about.num_rows == 0:
        return None
    codes, rows = np.unique(about.column("entity").to_numpy(), return_inverse=True)
    habits, tokens, programs = _habits(codes, ask(scope.programs()), ask(scope.logons()))
    order = canonical_order(habits, tokens)
    place = np.empty(codes.size, np.int64)
    place[order] = np.arange(codes.size)
    hours = np.zeros((codes.size, HOURS))
    np.add.at(hours, (place[rows], about.column("hour").to_numpy()), about.column("events").to_numpy())
    names, systems = _texts(about, place[rows], codes.size, entity_type)
    visitors = np.zeros(codes.size, np.int64)
    met = ask(scope.visitors())
    visitors[place[np.searchsorted(codes, met.column("entity").to_numpy())]] = met.column("others").to_numpy()
    kerberos, served = np.zeros(codes.size, np.int64), {}
    if entity_type == "host":
        tickets = ask(scope.tickets())
        kerberos[place[np.searchsorted(codes, tickets.column("entity").to_numpy())]] = tickets.column("n").to_numpy()
        served = _served({name: at for at, name in enumerate(names)}, ask(scope.served()))
    return Evidence(
        entity_type, start_us, end_us, names, codes[order], habits.of(order), tokens, programs, hours, systems,
        visitors, served, kerberos,
    )  # fmt: skip


class _Scope:
    """The questions asked of the lake; each reads a few columns once."""

    def __init__(self, entity_type: str, start_us: int, end_us: int) -> None:
        self._field = FIELD_OF[entity_type]
        self._entity = identifier(CODED[self._field])
        self._other = identifier(CODED["user.name" if entity_type == "host" else "host.name"])
        self._start_us = start_us
        at = identifier(TIME)
        self._when = f"{at} >= {time(start_us)} AND {at} < {time(end_us)} AND {self._entity} <> 0"
        self._day = f"bit_or(1::BIGINT << ((epoch_us({at}) - {start_us}) // {DAY_US})::INTEGER)"

    def about(self) -> str:
        """Hours of the week; name and system, which are the same in nearly all events."""
        hour = f"((epoch_us({identifier(TIME)}) - {_THURSDAY_US}) // 3600000000 % {HOURS})::INTEGER"
        system = f"min(coalesce({identifier('host.os.name')}, {identifier('host.os.type')}))"
        return (
            f"SELECT {self._entity} AS entity, {hour} AS hour, count(*) AS events, "
            f"min({identifier(self._field)}) AS name, {system} AS system FROM events WHERE {self._when} GROUP BY ALL"
        )

    def programs(self) -> str:
        """Programs and days."""
        token = identifier(CODED["process.name"])
        return (
            f"SELECT {self._entity} AS entity, {token} AS token, {self._day} AS days FROM events "
            f"WHERE {self._when} AND {token} <> 0 GROUP BY ALL"
        )

    def logons(self) -> str:
        """Kinds of logon and days; on a host they come in, of a user they go out."""
        kind = identifier("winlog.logon.type")
        return (
            f"SELECT {self._entity} AS entity, {kind} AS token, {self._day} AS days FROM events "
            f"WHERE {self._when} AND {kind} IS NOT NULL GROUP BY ALL"
        )

    def visitors(self) -> str:
        """How many users a host has, or hosts a user."""
        return (
            f"SELECT {self._entity} AS entity, approx_count_distinct({self._other}) AS others FROM events "
            f"WHERE {self._when} AND {self._other} <> 0 GROUP BY ALL"
        )

    def tickets(self) -> str:
        """Kerberos tickets granted."""
        codes = ", ".join(string(code) for code in _KERBEROS)
        return (
            f"SELECT {self._entity} AS entity, count(*) AS n FROM events "
            f"WHERE {self._when} AND {identifier('event.code')} IN ({codes}) GROUP BY ALL"
        )

    def served(self) -> str:
        """Hosts asked for a service by name, and by how many."""
        port, domain = identifier("destination.port"), identifier("destination.domain")
        ports = ", ".join(map(str, SERVED))
        return (
            f"SELECT {domain} AS name, {port} AS port, count(DISTINCT {self._entity}) AS clients FROM events "
            f"WHERE {self._when} AND {domain} IS NOT NULL AND {port} IN ({ports}) "
            f"GROUP BY ALL HAVING count(DISTINCT {self._entity}) >= {_SERVING}"
        )


def _habits(codes: Ints, programs: pa.Table, logons: pa.Table) -> tuple[Habits, Ints, NDArray[np.bool_]]:
    kinds = logons.column("token").to_pylist()
    coded = {kind: token_code("logon", kind) for kind in set(kinds)}
    token = np.concatenate([programs.column("token").to_numpy(), np.array([coded[k] for k in kinds], np.int64)])
    entity = np.concatenate([programs.column("entity").to_numpy(), logons.column("entity").to_numpy()])
    days = np.concatenate([programs.column("days").to_numpy(), logons.column("days").to_numpy()]).astype(np.int64)
    tokens, places = np.unique(token, return_inverse=True)
    is_program = np.ones(tokens.size, np.bool_)
    is_program[places[programs.num_rows :]] = False
    habits = Habits(np.searchsorted(codes, entity), places.astype(np.int64), days, codes.size, tokens.size)
    return habits, tokens, is_program


def _texts(about: pa.Table, rows: Ints, size: int, entity_type: str) -> tuple[list[str], list[str]]:
    """Name and system of each entity: the least of its texts, so that the order of events does not matter."""
    form = host_key if entity_type == "host" else account_form
    names, systems = [""] * size, [""] * size
    columns = zip(rows.tolist(), about.column("name").to_pylist(), about.column("system").to_pylist(), strict=True)
    for row, name, system in columns:
        if name and (not names[row] or name < names[row]):
            names[row] = name
        if system and (not systems[row] or system < systems[row]):
            systems[row] = system
    return [form(name) for name in names], systems


def _served(places: Mapping[str, int], found: pa.Table) -> dict[int, dict[int, int]]:
    served: dict[int, dict[int, int]] = {}
    for row in found.to_pylist():
        at = places.get(host_key(row["name"]))
        if at is not None:
            held = served.setdefault(int(row["port"]), {})
            held[at] = max(held.get(at, 0), int(row["clients"]))
    return served


def program_names(ask: Ask, codes: Ints, start_us: int, end_us: int) -> dict[int, str]:
    """Normal form of programs' names by code."""
    if codes.size == 0:
        return {}
    token, at = identifier(CODED["process.name"]), identifier(TIME)
    wanted = ", ".join(str(int(code)) for code in codes)
    found: list[dict[str, Any]] = ask(
        f"SELECT {token} AS code, min({identifier(NORMAL['process.name'])}) AS name FROM events "
        f"WHERE {at} >= {time(start_us)} AND {at} < {time(end_us)} AND {token} IN ({wanted}) GROUP BY ALL"
    ).to_pylist()
    return {int(row["code"]): str(row["name"]) for row in found}
