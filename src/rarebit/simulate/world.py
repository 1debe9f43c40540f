"""Everything about a fleet that does not change while its events are made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rarebit.core.time import DAY_US
from rarebit.simulate.activity import Cadence, Columns, Kind, Table
from rarebit.simulate.clock import (
    AWAKE_PROFILE,
    HUMAN_PROFILE,
    OPEN_PROFILE,
    SERVER_PROFILE,
    SITES,
    patch_days,
)
from rarebit.simulate.machines import RATES, Host, make_hosts
from rarebit.simulate.mixture import BACKGROUND, CLASS_SHARE, END_SHARE, PEOPLE, Lookup, Mixer, installed, lookup
from rarebit.simulate.people import BUILT_IN, Account, Who, make_builtin, make_machine, make_people
from rarebit.simulate.pool import Pool

PEOPLE_PER_HOST = 1.15
_PLANNED = 10.0
"""Events of a host and day that rollouts and planned work add on top of everyday events."""
_UNSEEN = 1.045
"""Makes up for absences, outages and events the sensor does not report."""
_SHARED = 0.25
"""Share of desks that a second person uses now and then."""
_SERVICE_OF = {
    "web": "svc-web",
    "sql": "svc-sql",
    "build": "svc-build",
    "app": "svc-report",
    "print": "svc-print",
    "backup": "svc-backup",
}
_DAEMONS = ("www-data", "postgres", "deploy")


class World:
    """Hosts, accounts, software and habits of a fleet.

    Parameters
    ----------
    hosts, days, seed : int
        Size, length and seed.
    start_us : int
        First instant: midnight UTC.
    events_per_host_day : float, optional
        Mean over all hosts and a week; by role if not given.
    """

    def __init__(self, *, hosts: int, days: int, seed: int, start_us: int, events_per_host_day: float | None) -> None:
        self.days, self.seed, self.start_us = days, seed, start_us
        rng = self.random("world")
        people = make_people(
            rng, [site.name for site in SITES], [site.share for site in SITES], max(6, round(hosts * PEOPLE_PER_HOST))
        )
        self.people = len(people)
        self.hosts = make_hosts(rng, hosts, people, start_us)
        self.users: list[Account] = (
            people + make_builtin() + [make_machine(number, host.name) for number, host in enumerate(self.hosts)]
        )
        self.user_at = {account.name: at for at, account in enumerate(self.users)}
        self.pool = Pool([account.name for account in people])
        self.patches = patch_days(start_us, days)
        self.table = Table(self.pool, (1, days // 7 + 2, len(self.patches) + 1))
        self.site = np.array([host.site for host in self.hosts])
        self.novelty = np.array([host.novelty for host in self.hosts])
        self.joined = np.array([host.joined_us for host in self.hosts], np.int64)
        self.hired = np.zeros(len(self.users), np.int64)
        for host in self.hosts:
            if host.owner >= 0:
                self.hired[host.owner] = host.joined_us
        self.update_lag = (rng.gamma(2.0, 0.6, (hosts, len(Cadence))) * DAY_US).astype(np.int64)
        self._place_people(rng)
        self._install(rng)
        self._set_rates(events_per_host_day)

    def random(self, stream: str, *place: int) -> np.random.Generator:
        """Generator of one stream of chance at one place (a day, an hour); the same whenever it is asked for."""
        return np.random.default_rng([self.seed, *stream.encode(), 256, *place])

    def named(self, account: str) -> int:
        """Number of an account."""
        return self.user_at[account]

    def of_role(self, *roles: str) -> list[int]:
        """Numbers of the hosts of these roles or kinds."""
        return [at for at, host in enumerate(self.hosts) if host.role in roles or host.kind in roles]

    def of_kind(self, kind: str) -> list[int]:
        """Numbers of the accounts of a kind: person, admin, service."""
        return [at for at, account in enumerate(self.users) if account.kind == kind]

    def _place_people(self, rng: np.random.Generator) -> None:
        """Who uses each host, who visits it, and the host each account works from."""
        persons, admins = np.array(self.of_kind("person")), np.array(self.of_kind("admin"))
        owners = [host.owner for host in self.hosts]
        self.residents = [self._residents(rng, host, persons, admins) for host in self.hosts]
        visitors = [self._visitors(rng, host, persons, admins) for host in self.hosts]
        self.resident_lookup: Lookup = lookup(self.residents)
        self.visitor_lookup: Lookup = lookup(visitors)
        desks = np.array([at for at, owner in enumerate(owners) if owner >= 0] or [0])
        self.main_host = rng.choice(desks, len(self.users)).astype(np.int32)
        for at, owner in enumerate(owners):
            if owner >= 0:
                self.main_host[owner] = at
        for admin in admins.tolist():
            self.main_host[admin] = self.main_host[self.named(self.users[admin].name.removeprefix("adm-"))]
        servers = [at for at in self.of_role("server") if not self.hosts[at].linux]
        for account in self.of_kind("service"):
            self.main_host[account] = rng.choice(servers)
        self.service = np.array([self.named(_SERVICE_OF.get(host.kind, "svc-deploy")) for host in self.hosts], np.int32)
        self.daemon = np.array([self.named(_DAEMONS[at % len(_DAEMONS)]) for at in range(len(self.hosts))], np.int32)

    def _residents(
        self, rng: np.random.Generator, host: Host, persons: NDArray[np.int64], admins: NDArray[np.int64]
    ) -> list[tuple[int, float]]:
        if host.linux:
            return []
        if host.role in {"server", "domain_controller"}:
            return [(int(at), 1.0) for at in rng.choice(admins, min(len(admins), 3), replace=False)]
        if host.role == "terminal_server":
            many = rng.choice(persons, min(len(persons), 30), replace=False)
            return [(int(at), float(w)) for at, w in zip(many, rng.gamma(1.0, 1.0, many.size) + 0.05, strict=True)]
        if host.owner < 0:
            return [(int(at), 1.0) for at in rng.choice(persons, min(len(persons), 2), replace=False)]
        second = [(int(rng.choice(persons)), 0.03)] if rng.random() < _SHARED else []
        return [(host.owner, 0.97), *second]

    def _visitors(
        self, rng: np.random.Generator, host: Host, persons: NDArray[np.int64], admins: NDArray[np.int64]
    ) -> list[tuple[int, float]]:
        if host.role not in {"server", "domain_controller"}:
            return [(int(at), 1.0) for at in rng.choice(admins, min(len(admins), 2), replace=False)]
        limit = 2000 if host.role == "domain_controller" else 80
        some = rng.choice(persons, min(len(persons), limit), replace=False)
        return [(int(at), float(w)) for at, w in zip(some, rng.gamma(1.5, 1.0, some.size) + 0.02, strict=True)]

    def _install(self, rng: np.random.Generator) -> None:
        """Software of each host, and from it the lookup tables of both classes."""
        servers: dict[str, tuple[str, str]] = {}
        for host in self.hosts:
            servers.setdefault(host.role, (host.fqdn, host.ip))
            servers.setdefault(host.kind, (host.fqdn, host.ip))
        mixer = Mixer(self.table, servers)
        self.sets = [installed(rng, host, self._department(host)) for host in self.hosts]
        mixes = [mixer.of_host(rng, host, sets) for host, sets in zip(self.hosts, self.sets, strict=True)]
        self.mixes = tuple(lookup([mix[side] for mix in mixes]) for side in (PEOPLE, BACKGROUND))
        self.ends_share = np.array([[self._starts_share(mix[side]) * END_SHARE for side in range(2)] for mix in mixes])

    def _starts_share(self, mix: list[tuple[int, float]]) -> float:
        total = sum(w for _, w in mix)
        return sum(w for act, w in mix if self.table[act].kind is Kind.START) / total if total else 0.0

    def _department(self, host: Host) -> str:
        return self.users[host.owner].department if host.owner >= 0 else "operations"

    def _set_rates(self, events_per_host_day: float | None) -> None:
        """Mean events of a host and hour of each class before ends of processes are added, and its profile."""
        nominal = np.array([RATES[host.role] for host in self.hosts])
        if events_per_host_day is not None:
            nominal *= events_per_host_day / nominal.mean()
        nominal = np.maximum(nominal - _PLANNED, 0.3 * nominal) * _UNSEEN
        share = np.array([CLASS_SHARE[host.role] for host in self.hosts])
        share[[host.linux for host in self.hosts]] = (0.0, 1.0)
        self.hourly = nominal[:, None] * share / (1 + self.ends_share) / 24
        servers = np.array([host.role in {"server", "domain_controller"} for host in self.hosts])
        self.profile = np.stack(
            [
                np.where([host.role == "kiosk" for host in self.hosts], OPEN_PROFILE, HUMAN_PROFILE),
                np.where(servers, SERVER_PROFILE, AWAKE_PROFILE),
            ],
            axis=1,
        )

    def freeze(self) -> Columns:
        """The activity table as arrays; nothing can be added after."""
        return self.table.freeze()

    def fixed_users(self) -> NDArray[np.int32]:
        """Account of each :class:`Who` that is the same on every host; -1 for the others."""
        out = np.full(len(Who), -1, np.int32)
        for who, (name, _, _) in BUILT_IN.items():
            out[who] = self.named(name)
        out[Who.ROOT] = self.named("root")
        return out

    def versions_at(self, time_us: int) -> NDArray[np.int32]:
        """Version of programs of each cadence on each host: int32[hosts, cadences]."""
        out = np.zeros((len(self.hosts), len(Cadence)), np.int32)
        week = (time_us - self.start_us - self.update_lag[:, Cadence.WEEKLY]) // (7 * DAY_US) + 1
        out[:, Cadence.WEEKLY] = np.clip(week, 0, self.days // 7 + 1)
        seen = time_us - self.update_lag[:, Cadence.MONTHLY]
        out[:, Cadence.MONTHLY] = np.searchsorted(np.array(self.patches, np.int64), seen, side="right")
        return out
