"""Attributes of a host from what it reported: role, system, address, sensors, local administrators, owner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from ipaddress import ip_address
from typing import Any, Final

import yaml

from rarebit.asset.inventory import State
from rarebit.asset.ledger import Fact
from rarebit.core.names import account_form

HISTORY: Final = 100
"""States of a host that are kept, the newest."""
_TELLING: Final = frozenset(
    {"os_version", "windows_optional_features", "services", "listening_ports", "interface_addresses", "users", "groups",
     "user_groups"}
)  # fmt: skip
"""Tables whose changes may make another state of a host."""
_BUILT_IN: Final = frozenset({"system", "local service", "network service", "dwm-*", "umfd-*"})


@cache
def known() -> dict[str, Any]:
    """Roles, sensors and groups of administrators, as they ship."""
    text = resources.files("rarebit.content").joinpath("inventory").joinpath("roles.yaml").read_text("utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def states_of(facts: Sequence[Fact]) -> tuple[State, ...]:
    """The states of one host in time; each holds until the next."""
    moments = {
        at for fact in facts if fact.table in _TELLING for at in (fact.since_us, fact.until_us) if at is not None
    }
    moments |= {min((fact.since_us for fact in facts), default=0)}
    owner = _owner(facts)
    made: list[State] = []
    for at in sorted(moments)[-HISTORY:]:
        state = attributes_of([fact for fact in facts if fact.held_at(at)])
        if owner and state.get("role") == "workstation":
            state["owner"] = owner
        if not made or made[-1][1] != state:
            made.append((at, state))
    return tuple(made)


def attributes_of(facts: Sequence[Fact]) -> dict[str, str]:
    """Attributes by what holds at one time."""
    system = next((fact.row for fact in facts if fact.table == "os_version"), {})
    name = system.get("name", "")
    server = "server" in name.lower()
    fits = list(_roles(facts, server=server))
    roles = [role for role, _ in fits]
    if not roles and name and ("windows" in name.lower() or system.get("platform") == "windows"):
        fits = [("server" if server else "workstation", f"osquery: {name}")]
    found = {
        "role": fits[0][0] if fits else "",
        "role_from": fits[0][1] if fits else "",
        "roles": ",".join(roles),
        "os": name,
        "os_version": system.get("version", ""),
        "ip": _address(facts),
        "sensors": ",".join(_sensors(facts)),
        "local_admins": ",".join(local_admins(facts)),
    }
    return {key: value for key, value in found.items() if value}


def _roles(facts: Sequence[Fact], *, server: bool) -> Iterator[tuple[str, str]]:
    """Roles that fit, the telling first, and what tells of each."""
    features = {f.row.get("name", "").lower() for f in facts if f.table == "windows_optional_features" and _on(f)}
    services = {f.row.get("name", "").lower() for f in facts if f.table == "services" and not _disabled(f)}
    ports = {fact.row.get("port", "") for fact in facts if fact.table == "listening_ports" and _from_outside(fact)}
    for entry in known()["roles"]:
        if entry.get("server") and not server:
            continue
        feature = next((name for name in entry.get("features", ()) if name.lower() in features), None)
        service = next((name for name in entry.get("services", ()) if name.lower() in services), None)
        wanted = [str(port) for port in entry.get("ports", ())]
        if feature:
            yield entry["role"], f"osquery: optional feature {feature}"
        elif service:
            yield entry["role"], f"osquery: service {service}"
        elif wanted and ports.issuperset(wanted):
            yield entry["role"], f"osquery: listens on {', '.join(wanted)}"


def _on(fact: Fact) -> bool:
    return fact.row.get("state", "1") == "1"


def _disabled(fact: Fact) -> bool:
    return fact.row.get("start_type", "").upper() == "DISABLED"


def _from_outside(fact: Fact) -> bool:
    address = fact.row.get("address", "")
    return bool(address) and not address.startswith("127.") and address != "::1"


def _address(facts: Sequence[Fact]) -> str:
    found = []
    for fact in facts:
        if fact.table != "interface_addresses":
            continue
        try:
            address = ip_address(fact.row.get("address", "").partition("%")[0])
        except ValueError:
            continue
        if not (address.is_loopback or address.is_link_local or address.is_unspecified):
            found.append((address.version, int(address), str(address)))
    return min(found)[2] if found else ""


def _sensors(facts: Sequence[Fact]) -> list[str]:
    services = {fact.row.get("name", "").lower() for fact in facts if fact.table == "services" and not _disabled(fact)}
    return sorted(name for name, service in known()["sensors"].items() if service.lower() in services)


def local_admins(facts: Sequence[Fact]) -> list[str]:
    """Accounts in the group of administrators of the host itself."""
    names = {name.lower() for name in known()["administrators"]["local"]}
    groups = {"544"} | {
        fact.row.get("gid", "")
        for fact in facts
        if fact.table == "groups"
        and (fact.row.get("groupname", "").lower() in names or fact.row.get("group_sid", "") == "S-1-5-32-544")
    }
    members = {f.row.get("uid", "") for f in facts if f.table == "user_groups" and f.row.get("gid", "") in groups}
    users: dict[str, Mapping[str, str]] = {f.row.get("uid", ""): f.row for f in facts if f.table == "users"}
    return sorted({account_form(users[uid].get("username", "")) for uid in members if uid in users} - {""})


def _owner(facts: Sequence[Fact]) -> str:
    """Who was logged in most often."""
    logins = Counter(account_form(fact.row.get("user", "")) for fact in facts if fact.table == "logged_in_users")
    people = {name: many for name, many in logins.items() if name and name not in _BUILT_IN and not name.endswith("$")}
    return min(people, key=lambda name: (-people[name], name), default="")
