"""The hosts of a fleet: roles, sites, owners and the habits that differ from host to host."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from rarebit.core.time import DAY_US
from rarebit.simulate.clock import SITES
from rarebit.simulate.people import DNS_DOMAIN, Account

ROLES: Final = ("workstation", "developer", "server", "domain_controller", "kiosk", "terminal_server")
_SHORT: Final = {
    "workstation": "ws",
    "developer": "dev",
    "server": "srv",
    "domain_controller": "dc",
    "kiosk": "kio",
    "terminal_server": "ts",
}
SERVER_KINDS: Final = ("web", "file", "sql", "build", "linux", "app", "print", "backup")
RATES: Final = {
    "workstation": 900.0,
    "developer": 1400.0,
    "server": 1000.0,
    "domain_controller": 1500.0,
    "kiosk": 700.0,
    "terminal_server": 1500.0,
}
"""Nominal events of a host and day, mean over a week."""
_NOVELTY: Final = {
    "workstation": (2e-4, 1.6),
    "developer": (1.5e-2, 1.2),
    "server": (4e-5, 1.5),
    "domain_controller": (3e-6, 0.8),
    "kiosk": (2e-6, 0.6),
    "terminal_server": (5e-4, 1.0),
}
"""Median and log-sigma of the share of a host's events that run a program never seen before."""
NOVELTY_RANGE: Final = (1e-6, 0.1)
_NEW, _ANEW, _SKEWED, _LEGACY = 0.03, 0.02, 0.04, 0.05
"""Shares of desks that join or are reinstalled within four weeks, of wrong clocks, of hosts without the sensor."""
_MIGRATING: Final = 0.4
"""Share of the hosts without the sensor that get it within three weeks."""
_CRITICAL: Final = {"domain_controller": "critical", "server": "high", "terminal_server": "high", "developer": "medium"}
_OS: Final = {
    "workstation": "Windows 11 Enterprise",
    "developer": "Windows 11 Enterprise",
    "kiosk": "Windows 10 IoT Enterprise",
}


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """One computer."""

    name: str
    """Short name, lower case."""
    role: str
    kind: str
    """Sub-kind of a server (web, file, sql, …), else the role."""
    site: int
    os: str
    linux: bool
    owner: int = -1
    """Account of the person it was given to, or -1."""
    ip: str
    criticality: str
    novelty: float
    """Share of its events that run a program never seen before."""
    skew_us: int = 0
    """How far its clock runs ahead."""
    legacy: bool = False
    """Reports through the Windows event log instead of the endpoint sensor."""
    migrates_us: int = 0
    """When a legacy host gets the endpoint sensor, and with it another name in its events; 0 for never."""
    joined_us: int = 0
    reinstalled_us: int = 0
    """When it was set up anew under its old name, or 0."""

    @property
    def fqdn(self) -> str:
        """Full name, lower case."""
        return f"{self.name}.{DNS_DOMAIN}"


def count_roles(hosts: int) -> dict[str, int]:
    """Hosts of each role; at least two domain controllers, and one of every other role."""
    counts = {
        "developer": max(1, round(0.08 * hosts)),
        "server": max(2, round(0.14 * hosts)),
        "domain_controller": max(2, round(0.005 * hosts)),
        "kiosk": max(1, round(0.03 * hosts)),
        "terminal_server": max(1, round(0.015 * hosts)),
    }
    return {"workstation": hosts - sum(counts.values()), **counts}


def make_hosts(rng: np.random.Generator, hosts: int, people: list[Account], start_us: int) -> list[Host]:
    """Hosts in the order of their roles; workstations and developer machines belong to people of their site."""
    owners = _owners(rng, people)
    shares = np.array([site.share for site in SITES])
    made: list[Host] = []
    for role, count in count_roles(hosts).items():
        sites = rng.choice(len(SITES), count, p=shares / shares.sum())
        if role == "domain_controller":
            sites = np.arange(count) % len(SITES)
        for number in range(count):
            pool = owners["engineering" if role == "developer" else "other"]
            owner = pool.pop() if role in {"workstation", "developer"} and pool else -1
            site = people[owner].site if owner >= 0 else int(sites[number])
            made.append(_host(rng, role, number, len(made), site, owner, start_us))
    windows = [at for at, host in enumerate(made) if not host.linux]
    legacy = rng.choice(windows, max(1, round(_LEGACY * hosts)), replace=False).tolist()
    for number, at in enumerate(legacy):
        moves = start_us + int(DAY_US * (2 + 20 * rng.random())) if number < _MIGRATING * len(legacy) else 0
        made[at] = msgspec.structs.replace(made[at], legacy=True, migrates_us=moves)
    return made


def _owners(rng: np.random.Generator, people: list[Account]) -> dict[str, list[int]]:
    order = rng.permutation([at for at, account in enumerate(people) if account.kind == "person"])
    pools: dict[str, list[int]] = {"engineering": [], "other": []}
    for at in order.tolist():
        pools["engineering" if people[at].department == "engineering" else "other"].append(at)
    return pools


def _host(rng: np.random.Generator, role: str, number: int, serial: int, site: int, owner: int, start_us: int) -> Host:
    kind = SERVER_KINDS[number % len(SERVER_KINDS)] if role == "server" else role
    linux = kind == "linux"
    median, sigma = _NOVELTY[role if kind != "build" else "developer"]
    draw = rng.random(3)
    desk = role in {"workstation", "developer"}
    joined = start_us + int(DAY_US * (3 + 25 * draw[1])) if desk and draw[0] < _NEW else 0
    fresh = start_us + int(DAY_US * (2 + 26 * draw[1])) if desk and _NEW <= draw[0] < _NEW + _ANEW else 0
    skew = int(rng.normal(0, 240e6)) if draw[2] < _SKEWED else int(rng.normal(0, 300e3))
    return Host(
        name=f"{SITES[site].prefix}-{'lnx' if linux else kind if role == 'server' else _SHORT[role]}-{number + 1:04d}",
        role=role,
        kind=kind,
        site=site,
        os="Debian GNU/Linux 12" if linux else _OS.get(role, "Windows Server 2022"),
        linux=linux,
        owner=owner,
        ip=f"10.{20 + site}.{serial // 250 % 250}.{serial % 250 + 2}",
        criticality=_CRITICAL.get(role, "low"),
        novelty=float(np.clip(median * np.exp(sigma * rng.standard_normal()), *NOVELTY_RANGE)),
        skew_us=skew,
        joined_us=joined,
        reinstalled_us=fresh,
    )
