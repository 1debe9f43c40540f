"""Roles and privileges by what hosts and accounts do, where no inventory says them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rarebit.asset.inventory import State
from rarebit.core.peer import Grouping
from rarebit.core.time import parse_time

BEHAVIOUR: Final = "behaviour"
"""Where a role or privilege is known from that nobody has said."""
_ROLES: Final = {
    "domain controller": "domain_controller", "domain_controller": "domain_controller", "server": "server",
    "workstation": "workstation",
}  # fmt: skip


def inferred_roles(groupings: Sequence[Grouping]) -> dict[str, tuple[State, ...]]:
    """Role of each host from the Monday on at which its kind was found; a role that stays is one state."""
    found: dict[str, list[State]] = {}
    for grouping in groupings:
        kinds = {group.id: group.kind for group in grouping.groups}
        for host, group in sorted(grouping.members.items()):
            role = _ROLES.get(kinds.get(group, ""))
            states = found.setdefault(host, [])
            if role and (not states or states[-1][1]["role"] != role):
                states.append((parse_time(grouping.at), {"role": role, "role_from": BEHAVIOUR}))
    return {host: tuple(states) for host, states in found.items() if states}


def inferred_privileges(grouping: Grouping | None) -> list[tuple[str, str, str]]:
    """Accounts that only systems log on with: (account, privilege, where from)."""
    if grouping is None:
        return []
    kinds = {group.id: group.kind for group in grouping.groups}
    return [
        (account, "service", BEHAVIOUR)
        for account, group in sorted(grouping.members.items())
        if kinds.get(group) == "service account"
    ]
