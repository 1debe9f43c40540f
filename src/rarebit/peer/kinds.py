"""Hard facts before any likeness: what kind of host or account this is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rarebit.peer.evidence import Evidence, token_code

DOMAIN_CONTROLLER: Final = "domain controller"
_TICKETS: Final = 20
"""Ticket requests from which on a host is a domain controller."""
_ASKED: Final = 0.05
"""Share of the hosts that must use its Kerberos and its directory, where no ticket request is logged."""
_LEAST_CLIENTS: Final = 3
_SYSTEMS: Final = (
    ("server", "server"),
    ("iot", "embedded host"),
    ("embedded", "embedded host"),
    ("windows 1", "workstation"),
    ("windows 7", "workstation"),
    ("windows 8", "workstation"),
    ("mac", "mac"),
    ("darwin", "mac"),
    ("windows", "windows host"),
    ("linux", "linux host"),
    ("ubuntu", "linux host"),
    ("debian", "linux host"),
    ("red hat", "linux host"),
    ("centos", "linux host"),
    ("suse", "linux host"),
)
"""Part of the name of an operating system, and the kind of host; the first that fits."""
_BUILT_IN: Final = frozenset({"system", "local service", "network service", "root", "daemon", "dwm-*", "umfd-*"})
_BY_HAND: Final = ("2", "7", "10", "11")
_BY_SYSTEM: Final = ("4", "5")


def kinds_of(evidence: Evidence, roles: Mapping[str, str]) -> list[str]:
    """Kind of each entity, in words that begin a label; a role given by the inventory comes before all else."""
    if evidence.entity_type == "user":
        return _accounts(evidence)
    controllers = _controllers(evidence)
    pairs = zip(evidence.names, evidence.systems, controllers.tolist(), strict=True)
    return [roles.get(name) or (DOMAIN_CONTROLLER if rules else _of_system(system)) for name, system, rules in pairs]


def _of_system(system: str) -> str:
    text = system.lower()
    return next((kind for part, kind in _SYSTEMS if part in text), "host")


def _controllers(evidence: Evidence) -> NDArray[np.bool_]:
    found = evidence.kerberos >= _TICKETS
    kerberos, directory = evidence.served.get(88, {}), evidence.served.get(389, {})
    least = max(_LEAST_CLIENTS, _ASKED * len(evidence.names))
    for at in kerberos.keys() & directory.keys():
        found[at] |= min(kerberos[at], directory[at]) > least
    return found


def _accounts(evidence: Evidence) -> list[str]:
    by_hand, by_system = (_shows(evidence, kinds) for kinds in (_BY_HAND, _BY_SYSTEM))
    return [
        "machine account" if name.endswith("$")
        else "built-in account" if name in _BUILT_IN
        else "service account" if system and not hand
        else "account"
        for name, hand, system in zip(evidence.names, by_hand.tolist(), by_system.tolist(), strict=True)
    ]  # fmt: skip


def _shows(evidence: Evidence, kinds: tuple[str, ...]) -> NDArray[np.bool_]:
    wanted = np.isin(evidence.token_codes, [token_code("logon", kind) for kind in kinds])
    return np.bincount(evidence.habits.entity, wanted[evidence.habits.token], evidence.habits.entities) > 0
