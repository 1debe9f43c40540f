"""The accounts of a fleet: people with jobs, admins, service accounts, built-in principals, machines."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import msgspec
import numpy as np

from rarebit.simulate.tables import words

DOMAIN: Final = "MERIDIAN"
DNS_DOMAIN: Final = "meridian.example"

DEPARTMENTS: Final = ("sales", "finance", "hr", "operations", "legal", "marketing", "engineering", "it")
_SHARES: Final = (0.27, 0.16, 0.07, 0.25, 0.05, 0.10, 0.07, 0.03)

_GIVEN: Final = words("given")
_FAMILY: Final = words("family")

SERVICE_ACCOUNTS: Final = (
    "svc-backup",
    "svc-sql",
    "svc-scan",
    "svc-deploy",
    "svc-web",
    "svc-build",
    "svc-report",
    "svc-print",
)
LINUX_ACCOUNTS: Final = ("root", "www-data", "postgres", "chrony", "deploy")


class Who(IntEnum):
    """Under which account an activity runs."""

    PERSON = 0
    """Whoever sits at the host: one of its own users."""
    SYSTEM = 1
    LOCAL_SERVICE = 2
    NETWORK_SERVICE = 3
    MACHINE = 4
    """The computer account, ``HOST$``."""
    DWM = 5
    UMFD = 6
    VISITOR = 7
    """Somebody who reaches the host over the network, from a host of their own."""
    SERVICE = 8
    """The service account of the host."""
    ROOT = 9
    DAEMON = 10
    """The account of the main daemon of a Linux host."""


BUILT_IN: Final = {
    Who.SYSTEM: ("SYSTEM", "NT AUTHORITY", "S-1-5-18"),
    Who.LOCAL_SERVICE: ("LOCAL SERVICE", "NT AUTHORITY", "S-1-5-19"),
    Who.NETWORK_SERVICE: ("NETWORK SERVICE", "NT AUTHORITY", "S-1-5-20"),
    Who.DWM: ("DWM-1", "Window Manager", "S-1-5-90-0-1"),
    Who.UMFD: ("UMFD-0", "Font Driver Host", "S-1-5-96-0-0"),
}


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One account."""

    name: str
    domain: str
    sid: str
    kind: str
    """person, admin, service, linux, builtin or machine"""
    department: str = ""
    site: int = 0


def _person(rng: np.random.Generator, taken: set[str]) -> str:
    given, family = _GIVEN[rng.integers(len(_GIVEN))], _FAMILY[rng.integers(len(_FAMILY))]
    name = f"{given[0]}{family}"
    serial = 2
    while name in taken:
        name = f"{given[0]}{family}{serial}"
        serial += 1
    taken.add(name)
    return name


def _sid(number: int) -> str:
    return f"S-1-5-21-1704482213-338201127-2905516644-{1100 + number}"


def make_people(rng: np.random.Generator, sites: list[str], shares: list[float], count: int) -> list[Account]:
    """People with a department and a site; at least two in IT, who get an admin account each.

    Returns
    -------
    list of Account
        ``count`` people, then one ``adm-`` account for each of IT, then service and Linux accounts: all
        accounts that own a profile directory.
    """
    taken: set[str] = set()
    department = rng.choice(len(DEPARTMENTS), count, p=np.array(_SHARES) / sum(_SHARES))
    department[: max(2, round(count * _SHARES[-1]))] = len(DEPARTMENTS) - 1
    site = rng.choice(len(sites), count, p=np.array(shares) / sum(shares))
    names = [_person(rng, taken) for _ in range(count)]
    kinds = [(name, "person", DEPARTMENTS[d], int(s)) for name, d, s in zip(names, department, site, strict=True)]
    kinds += [(f"adm-{name}", "admin", "it", s) for name, _, d, s in kinds if d == "it"]
    kinds += [(name, "service", "", 0) for name in SERVICE_ACCOUNTS]
    people = [
        Account(name=name, domain=DOMAIN, sid=_sid(number), kind=kind, department=d, site=s)
        for number, (name, kind, d, s) in enumerate(kinds)
    ]
    linux = [
        Account(name=name, domain="", sid=str(0 if name == "root" else 900 + number), kind="linux")
        for number, name in enumerate(LINUX_ACCOUNTS)
    ]
    return people + linux


def make_builtin() -> list[Account]:
    """Built-in principals of Windows, in the order of :data:`BUILT_IN`."""
    return [Account(name=name, domain=domain, sid=sid, kind="builtin") for name, domain, sid in BUILT_IN.values()]


def make_machine(number: int, host: str) -> Account:
    """Computer account of a host."""
    return Account(name=f"{host.upper()}$", domain=DOMAIN, sid=_sid(100_000 + number), kind="machine")
