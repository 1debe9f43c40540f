"""What a site has to play a trace with: its hosts, who works where, what each host sends."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
import pyarrow as pa

from rarebit.app.home import Home
from rarebit.app.trace import is_built_in
from rarebit.core.fields import CODED, TIME
from rarebit.core.names import host_key, user_key
from rarebit.core.time import DAY_US
from rarebit.query import literal
from rarebit.tune.guards import is_service

LOOKED_BACK_US: Final = 14 * DAY_US
_ID: Final = literal.identifier
IDENTITY: Final = (
    "host.name", "host.hostname", "host.domain", "host.id", "host.ip", "host.os.type", "host.os.family", "host.os.name",
    "agent.type", "agent.id",
)  # fmt: skip
"""What every event of a host says of the host and its sensor."""
ENVELOPE: Final = (
    "event.kind", "event.category", "event.type", "event.action", "event.code", "event.module", "event.dataset",
    "event.provider", "event.outcome", "winlog.channel",
)  # fmt: skip
"""What every event of a kind says of its kind."""
_ADMIN: Final = re.compile(r"(?:^|[-_.])adm|adm(?:in)?$")
_MOST_HOSTS: Final = 4_000
"""Hosts looked at where there are more, those with most starts of programs."""


class SiteHost(msgspec.Struct, frozen=True, kw_only=True):
    """A host of the site."""

    key: str
    """Short name, lower case."""
    name: str
    kind: str
    """``domain_controller``, ``server`` or ``workstation``."""
    windows: bool
    people: tuple[str, ...]
    """Accounts of people on it, the busiest first."""
    address: str


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of event as one host sends it."""

    categories: frozenset[str]
    types: frozenset[str]
    outcome: str
    events: int
    filled: frozenset[str]
    """Of the fields asked for, those that any such event has."""
    sample: dict[str, Any]
    """Its :data:`IDENTITY` and :data:`ENVELOPE`."""


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """A site, as a trace can be played on it."""

    hosts: tuple[SiteHost, ...]
    accounts: dict[str, tuple[str, ...]]
    """``admin`` and ``service``: accounts of the kind, those on most hosts first."""
    users: dict[str, dict[str, Any]]
    """Account to its ``user.*`` fields."""


def stage(home: Home, end_us: int) -> Stage:
    """Look at the two weeks before a time."""
    since = f"{_ID(TIME)} >= {literal.time(end_us - LOOKED_BACK_US)} AND {_ID(TIME)} <= {literal.time(end_us)}"
    people = _people(home, since)
    spread: dict[str, int] = {}
    for users in people.values():
        for name in users:
            spread[name] = spread.get(name, 0) + 1
    ranked = sorted(spread, key=lambda name: (-spread[name], name))
    service = tuple(name for name in ranked if is_service(name))
    persons = [name for name in ranked if not is_service(name)]
    named = tuple(name for name in persons if _ADMIN.search(name))
    return Stage(
        hosts=_hosts(home, since, people),
        accounts={"admin": named or tuple(persons[:3]), "service": service},
        users=_users(home, since),
    )


def _hosts(home: Home, since: str, people: dict[str, list[str]]) -> tuple[SiteHost, ...]:
    code, name, system = (_ID(each) for each in (CODED["host.name"], "host.name", "host.os.type"))
    rows = home.lake.sql(
        f"SELECT max_by({name}, {_ID(TIME)}) AS name, max_by({system}, {_ID(TIME)}) AS system, "
        f"max_by({_ID('host.ip')}, {_ID(TIME)}) AS ip, count(*) AS starts FROM events "
        f"WHERE {since} AND {code} <> 0 AND contains({_ID('event.category')}, 'process') "
        f"AND contains({_ID('event.type')}, 'start') GROUP BY {code} ORDER BY starts DESC, name LIMIT {_MOST_HOSTS}"
    ).to_pylist()
    inferred, listed = _kinds(home), home.inventory()
    made = []
    for row in rows:
        key = host_key(row["name"])
        known = listed.get(key)
        made.append(
            SiteHost(
                key=key,
                name=row["name"],
                kind=_kind(known.get("role") or inferred.get(key, "")),
                windows=(row["system"] or "windows") == "windows",
                people=tuple(people.get(key, ())),
                address=known.get("ip") or next((ip for ip in row["ip"] or () if ":" not in ip), ""),
            )
        )
    return tuple(sorted(made, key=lambda host: host.key))


def _kinds(home: Home) -> dict[str, str]:
    """Host to the kind of its peer group, for those that are in one."""
    grouping = home.store.groupings.latest("host")
    if grouping is None:
        return {}
    kinds = {group.id: group.kind for group in grouping.groups}
    return {name: kinds[of] for name, of in grouping.members.items() if of in kinds}


def _kind(role: str) -> str:
    text = role.lower().replace("_", " ")
    if "domain controller" in text:
        return "domain_controller"
    return "server" if "server" in text else "workstation"


def _people(home: Home, since: str) -> dict[str, list[str]]:
    """Host to the accounts of people and services on it, those with most events first."""
    host, user = (_ID(CODED[name]) for name in ("host.name", "user.name"))
    rows = home.lake.sql(
        f"SELECT min({_ID('host.name')}) AS host, min({_ID('user.name')}) AS account, count(*) AS events FROM events "
        f"WHERE {since} AND {host} <> 0 AND {user} <> 0 GROUP BY {host}, {user} ORDER BY events DESC, account, host"
    )
    found: dict[str, list[str]] = {}
    for name, account in zip(rows.column("host").to_pylist(), rows.column("account").to_pylist(), strict=True):
        key = user_key(account)
        if not is_built_in(key):
            found.setdefault(host_key(name), []).append(key)
    return found


def _users(home: Home, since: str) -> dict[str, dict[str, Any]]:
    fields = ("user.name", "user.domain", "user.id", "user.email")
    asked = ", ".join(f'max_by({_ID(name)}, {_ID(TIME)}) AS "{name}"' for name in fields)
    code = _ID(CODED["user.name"])
    rows = home.lake.sql(f"SELECT {asked} FROM events WHERE {since} AND {code} <> 0 GROUP BY {code}").to_pylist()
    return {user_key(row["user.name"]): {name: value for name, value in row.items() if value} for row in rows}


def sent_by(home: Home, hosts: list[str], fields: list[str], end_us: int) -> dict[str, list[Sent]]:
    """Host to the kinds of events it sent in the two weeks before a time, and which of the fields these have."""
    since = f"{_ID(TIME)} >= {literal.time(end_us - LOOKED_BACK_US)} AND {_ID(TIME)} <= {literal.time(end_us)}"
    among = ", ".join(literal.string(name) for name in hosts)
    kept = dict.fromkeys([*IDENTITY, *ENVELOPE])
    samples = ", ".join(f'max_by({_ID(name)}, {_ID(TIME)}) AS "s:{name}"' for name in kept)
    filled = "".join(f', count({_ID(name)}) AS "n:{name}"' for name in fields)
    rows: pa.Table = home.lake.sql(
        f"SELECT {samples}{filled}, count(*) AS events FROM events WHERE {since} AND {_ID('host.name')} IN ({among}) "
        f"AND {_ID('event.category')} IS NOT NULL GROUP BY {_ID('host.name')}, {_ID('event.category')}, "
        f"{_ID('event.type')}, {_ID('event.outcome')}"
    )
    found: dict[str, list[Sent]] = {}
    for row in rows.to_pylist():
        sample = {name: row[f"s:{name}"] for name in kept if row[f"s:{name}"] is not None}
        sent = Sent(
            categories=frozenset(str(sample["event.category"]).split(",")),
            types=frozenset(str(sample.get("event.type", "")).split(",")),
            outcome=str(sample.get("event.outcome", "")),
            events=row["events"],
            filled=frozenset(name for name in fields if row[f"n:{name}"]),
            sample=sample,
        )
        found.setdefault(host_key(sample["host.name"]), []).append(sent)
    return found
