"""Work on a plan: administrators, help desk, service accounts and their jobs, scans, new and reinstalled hosts."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rarebit.core.time import DAY_US, HOUR_US, MINUTE_US, to_datetime
from rarebit.simulate.activity import Activity, Kind
from rarebit.simulate.bulk import Everyday
from rarebit.simulate.catalogue import SYSTEM32, programs, starts
from rarebit.simulate.clock import SITES, utc_of_local, weekday_of
from rarebit.simulate.mixture import Lookup, logon, lookup
from rarebit.simulate.people import Who
from rarebit.simulate.rows import Ints, Rows, concat
from rarebit.simulate.world import World

_SETS: Final = (
    "windows_tools",
    "support",
    "job_backup",
    "job_scan",
    "job_report",
    "job_week",
    "job_month",
    "job_quarter",
    "provision",
)
_FRIDAY: Final = 4
_SCAN_WEEKDAY: Final = 2
_QUARTER_MONTHS: Final = (1, 4, 7, 10)
_VENDORS: Final = ("Aldwick", "Corvane", "Nordhavn", "Tessel", "Holm", "Northgate", "Cordon", "Oakwright")

_OWN_SERVER: Final = 0.85
"""Share of an administrator's sessions that are on a server they keep."""
_PSEXEC: Final = 0.04
"""Share of sessions beside which an administrator also runs a command from afar."""
_VENDOR_VISIT: Final = 0.25
"""Chance of a vendor's visit on a working day."""
_SCANNED: Final = 0.97
"""Share of hosts that a scan reaches."""
_CLOSING: Final = 0.6
"""Share of the desks of finance that take part in a day of the quarter's end."""

Hosts = NDArray[np.int32]


class Routine:
    """Planned work of a span.

    Parameters
    ----------
    world : World
        The fleet; its activity table grows.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        add = world.table.add
        chosen: dict[str, list[tuple[int, float]]] = {name: [] for name in _SETS}
        for program in programs():
            if program.set in chosen:
                calls = starts(program)
                chosen[program.set] += [(add(call), program.weight / len(calls)) for call in calls]
        self._sets: dict[str, Lookup] = {name: lookup([acts]) for name, acts in chosen.items()}
        self._remote = add(logon(Who.PERSON, "10"))
        self._network = add(logon(Who.PERSON, "3"))
        self._failed = add(logon(Who.PERSON, "3", failed=True))
        self._psexec = (
            add(Activity(kind=Kind.SERVICE, service="PSEXESVC")),
            add(_service_tool("PSEXESVC.exe", "Microsoft Corporation")),
        )
        self._probe = add(Activity(kind=Kind.SERVICE, service="KestrelProbe"))
        self._support = [self._vendor_tool(week) for week in range((world.days + 6) // 7)]
        windows = np.array([not host.linux for host in world.hosts])
        self._windows = np.flatnonzero(windows).astype(np.int32)
        servers = np.array([host.role in {"server", "domain_controller"} for host in world.hosts])
        self._servers = np.flatnonzero(servers & windows).astype(np.int32)
        self._desks = np.array(world.of_role("workstation", "developer"), np.int32)
        self._admins = np.array(world.of_kind("admin"), np.int32)
        self._own: dict[int, list[int]] = {}
        for host in self._servers.tolist():
            for account, _ in world.residents[host]:
                self._own.setdefault(account, []).append(host)

    def _vendor_tool(self, week: int) -> int:
        """A support tool of a vendor that is used once, on one server."""
        rng = self._world.random("vendor", week)
        vendor = str(rng.choice(_VENDORS))
        name = f"{vendor}Support-{rng.integers(2, 12)}.{rng.integers(0, 9)}.exe"
        path = f"C:\\Users\\{{user}}\\Downloads\\{name}"
        return self._world.table.add(
            Activity(
                kind=Kind.START, who=Who.PERSON, name=name, exe=path, cmd=f'"{path}"', cwd=SYSTEM32, sha=name,
                signer=f"{vendor} Systems Ltd", parent="explorer.exe", parent_exe="C:\\Windows\\explorer.exe",
            )
        )  # fmt: skip

    def of_day(self, everyday: Everyday, day: int) -> Rows:
        """Planned work that begins on a day."""
        start = self._world.start_us + day * DAY_US
        rng = self._world.random("routine", day)
        weekday, date = weekday_of(start), to_datetime(start)
        parts = [
            self._backup(rng, everyday, start),
            self._report(rng, everyday, start),
            self._set_up(rng, everyday, start),
        ]
        if weekday <= _FRIDAY:
            parts += [
                self._administer(rng, everyday, start),
                self._help(rng, everyday, start),
                self._vendor_visit(rng, everyday, start, day),
            ]
        if weekday == _SCAN_WEEKDAY:
            parts.append(self._scan(rng, everyday, start))
        if weekday == _FRIDAY + 2:
            parts.append(self._job(rng, everyday, start + 3 * HOUR_US, self._servers, "job_week", 2))
        if date.day == 1:
            parts.append(self._job(rng, everyday, start + 2 * HOUR_US, self._some_of("sql", "app"), "job_month", 4))
        if date.month in _QUARTER_MONTHS and date.day in {5, 6, 7, 8} and weekday <= _FRIDAY:
            parts.append(self._quarter(rng, everyday, start))
        return concat(parts)

    def _some_of(self, *kinds: str) -> Hosts:
        return np.array(self._world.of_role(*kinds), np.int32)

    def _session(
        self,
        rng: np.random.Generator,
        everyday: Everyday,
        *,
        hosts: Hosts,
        person: Hosts,
        begin: Ints,
        length_us: int,
        tools: str,
        mean: float,
        entry: int,
    ) -> Rows:
        """A logon to each host and what is run in the time after it."""
        opened = everyday.events(rng, begin, hosts, np.full(hosts.size, entry, np.int32), person=person)
        count = rng.poisson(mean, hosts.size)
        at = np.repeat(np.arange(hosts.size), count)
        act = self._sets[tools].draw(rng, np.zeros(at.size, np.int32))
        ts = begin[at] + 5_000_000 + (rng.random(at.size) * length_us).astype(np.int64)
        return concat([opened, everyday.events(rng, ts, hosts[at], act, person=person[at])])

    def _hours(self, rng: np.random.Generator, start: int, hosts: Hosts, first: float, hours: float) -> Ints:
        """A random local time on the day for each host, never before the UTC day begins."""
        base = np.array([utc_of_local(site, start, first) for site in SITES])
        when: Ints = base[self._world.site[hosts]] + (rng.random(hosts.size) * hours * HOUR_US).astype(np.int64)
        return np.where(when < start, when + DAY_US, when)

    def _administer(self, rng: np.random.Generator, everyday: Everyday, start: int) -> Rows:
        """Administrators on servers: mostly those they keep, at times any other."""
        person = np.repeat(self._admins, rng.poisson(3.0, self._admins.size))
        any_server = rng.choice(self._servers, person.size)
        kept = np.array([self._kept(rng, int(admin)) for admin in person], np.int32)
        hosts = np.where((rng.random(person.size) < _OWN_SERVER) & (kept >= 0), kept, any_server)
        sessions = self._session(
            rng, everyday, hosts=hosts, person=person, begin=self._hours(rng, start, hosts, 8.5, 9),
            length_us=HOUR_US, tools="windows_tools", mean=7.0, entry=self._remote,
        )  # fmt: skip
        some = np.flatnonzero(rng.random(person.size) < _PSEXEC)
        when = self._hours(rng, start, hosts[some], 9.0, 8)
        acts = [np.full(some.size, act, np.int32) for act in (self._network, *self._psexec)]
        remote = [everyday.events(rng, when, hosts[some], act, person=person[some]) for act in acts]
        return concat([sessions, *remote])

    def _kept(self, rng: np.random.Generator, admin: int) -> int:
        own = self._own.get(admin, [])
        return int(rng.choice(own)) if own else -1

    def _help(self, rng: np.random.Generator, everyday: Everyday, start: int) -> Rows:
        """Help desk on the desks of others."""
        hosts = rng.choice(self._desks, rng.binomial(self._desks.size, 0.012)).astype(np.int32)
        return self._session(
            rng, everyday, hosts=hosts, person=rng.choice(self._admins, hosts.size),
            begin=self._hours(rng, start, hosts, 9, 8), length_us=25 * MINUTE_US, tools="support", mean=4.0,
            entry=self._remote,
        )  # fmt: skip

    def _vendor_visit(self, rng: np.random.Generator, everyday: Everyday, start: int, day: int) -> Rows:
        if rng.random() >= _VENDOR_VISIT:
            return concat([])
        hosts = rng.choice(self._servers, 1)
        person = rng.choice(self._admins, 1)
        begin = self._hours(rng, start, hosts, 10, 6)
        act = np.array([self._support[day // 7]], np.int32)
        return concat(
            [
                everyday.events(rng, begin, hosts, np.array([self._remote], np.int32), person=person),
                everyday.events(rng, begin + 2 * MINUTE_US, hosts, act, person=person),
            ]
        )

    def _service(
        self, rng: np.random.Generator, everyday: Everyday, account: str, hosts: Hosts, begin: Ints,
        tools: str, mean: float,
    ) -> Rows:  # fmt: skip
        person = np.full(hosts.size, self._world.named(account), np.int32)
        return self._session(
            rng, everyday, hosts=hosts, person=person, begin=begin, length_us=20 * MINUTE_US, tools=tools, mean=mean,
            entry=self._network,
        )  # fmt: skip

    def _backup(self, rng: np.random.Generator, everyday: Everyday, start: int) -> Rows:
        begin = self._hours(rng, start, self._servers, 1.0, 2.5)
        return self._service(rng, everyday, "svc-backup", self._servers, begin, "job_backup", 6.0)

    def _report(self, rng: np.random.Generator, everyday: Everyday, start: int) -> Rows:
        hosts = self._some_of("sql")
        begin = self._hours(rng, start, hosts, 5.5, 0.5)
        return self._service(rng, everyday, "svc-report", hosts, begin, "job_report", 5.0)

    def _scan(self, rng: np.random.Generator, everyday: Everyday, start: int) -> Rows:
        """The weekly vulnerability scan: logons everywhere, some refused, a probe run as a service."""
        hosts = self._windows[rng.random(self._windows.size) < _SCANNED]
        begin = start + 19 * HOUR_US + (rng.random(hosts.size) * 5 * HOUR_US).astype(np.int64)
        person = np.full(hosts.size, self._world.named("svc-scan"), np.int32)
        refused = np.full(hosts.size, self._failed, np.int32)
        return concat(
            [
                self._service(rng, everyday, "svc-scan", hosts, begin, "job_scan", 4.0),
                everyday.events(rng, begin - MINUTE_US, hosts, refused, person=person),
                everyday.events(rng, begin + MINUTE_US, hosts, np.full(hosts.size, self._probe, np.int32)),
            ]
        )

    def _job(
        self, rng: np.random.Generator, everyday: Everyday, begin: int, hosts: Hosts, tools: str, mean: float
    ) -> Rows:
        at = np.repeat(np.arange(hosts.size), rng.poisson(mean, hosts.size))
        act = self._sets[tools].draw(rng, np.zeros(at.size, np.int32))
        return everyday.events(rng, begin + (rng.random(at.size) * HOUR_US).astype(np.int64), hosts[at], act)

    def _quarter(self, rng: np.random.Generator, everyday: Everyday, start: int) -> Rows:
        """The tools of the quarter's end, on the desks of finance."""
        world = self._world
        desks = np.array([at for at, sets in enumerate(world.sets) if "finance" in sets], np.int32)
        hosts = desks[rng.random(desks.size) < _CLOSING]
        at = np.repeat(np.arange(hosts.size), rng.poisson(2.0, hosts.size))
        act = self._sets["job_quarter"].draw(rng, np.zeros(at.size, np.int32))
        return everyday.events(rng, self._hours(rng, start, hosts[at], 9, 8), hosts[at], act)

    def _set_up(self, rng: np.random.Generator, everyday: Everyday, start: int) -> Rows:
        """The first hours of hosts that join or are installed anew on the day."""
        parts = []
        for at, host in enumerate(self._world.hosts):
            since = host.joined_us or host.reinstalled_us
            if start <= since < start + DAY_US:
                parts.append(self._job(rng, everyday, since, np.array([at], np.int32), "provision", 20))
        return concat(parts)


def _service_tool(name: str, signer: str) -> Activity:
    return Activity(
        kind=Kind.START, who=Who.SYSTEM, name=name, exe=f"C:\\Windows\\{name}", cmd=f"C:\\Windows\\{name}",
        cwd=SYSTEM32, sha=name, signer=signer, parent="services.exe", parent_exe="C:\\Windows\\System32\\services.exe",
    )  # fmt: skip
