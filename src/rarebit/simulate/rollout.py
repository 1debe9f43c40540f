"""New software on many hosts at once: products, updates with version names, definitions, patches."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from rarebit.core.time import DAY_US, HOUR_US
from rarebit.simulate.activity import Activity, Cadence, Kind
from rarebit.simulate.bulk import Everyday
from rarebit.simulate.catalogue import HOME, SYSTEM32, Program, programs
from rarebit.simulate.clock import SITES, is_workday, utc_of_local
from rarebit.simulate.machines import ROLES
from rarebit.simulate.people import Who
from rarebit.simulate.pool import FRESH, USER
from rarebit.simulate.rows import Ints, Rows, concat
from rarebit.simulate.tables import words
from rarebit.simulate.world import World

_FIRST: Final = words("product")
_LAST: Final = words("product kind")
_VENDORS: Final = (
    "Aldwick Software Ltd",
    "Corvane Systems Inc.",
    "Nordhavn Apps ApS",
    "Tessel Labs BV",
    "Meridian Bay",
)
_PRODUCTS_A_WEEK: Final = 2.5
_UPDATES_A_WEEK: Final = 4.0
_WHOLE_SHARE: Final = 0.5
"""Share of product rollouts that reach all of their group."""
_SERVICE_SHARE: Final = 0.3
"""Share of products that install a service."""
_SLOW_SHARE: Final = 0.3
"""Share of product rollouts that take days instead of hours."""
_UPDATES: Final = (
    ("GoogleUpdateSetup-1.3.36.{v}.exe", "chrome", "GoogleUpdate.exe", "Google LLC"),
    ("{b}.0.{v}.97_chrome_installer.exe", "chrome", "GoogleUpdate.exe", "Google LLC"),
    ("OneDriveSetup_24.{b}.0107.{v}.exe", "windows_desk", "OneDriveStandaloneUpdater.exe", "Microsoft Corporation"),
    ("MicrosoftEdge_X64_{b}.0.{v}.65.exe", "windows_desk", "MicrosoftEdgeUpdate.exe", "Microsoft Corporation"),
    ("Zoom_cm_6.{b}.{v}_installer.exe", "zoom", "Zoom.exe", "Zoom Video Communications, Inc."),
    ("Firefox Installer {b}.{v}.exe", "firefox", "maintenanceservice.exe", "Mozilla Corporation"),
    ("AcroRdrDCUpd24{b}{v}.exe", "acrobat", "AdobeARM.exe", "Adobe Inc."),
    ("{8A69D345-D564-463C-AFF1-A69D9E{x}}.exe", "windows_desk", "msiexec.exe", "Microsoft Corporation"),
    ("elastic-agent-8.{b}.{v}-upgrade.exe", "windows_base", "elastic-agent.exe", "Elasticsearch, Inc."),
)
"""Name, software set of the hosts, parent, signer. ``{b}`` and ``{v}`` are version numbers."""


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """One program that comes to many hosts."""

    start_us: int
    spread_us: int
    """Within this time of the start most hosts have it."""
    hosts: NDArray[np.int32]
    acts: tuple[int, ...]
    """What runs on each host when it comes, in this order."""
    stays: int = -1
    """What people run from then on, or -1."""
    daily: float = 0.0
    """How often a host runs it a working day."""


class Rollouts:
    """All rollouts of a span; what comes in a week does not depend on how many weeks follow.

    Parameters
    ----------
    world : World
        The fleet; its activity table grows.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._programs = {program.name: program for program in programs()}
        self._with: dict[str, NDArray[np.int32]] = {}
        for name in {name for sets in world.sets for name in sets}:
            self._with[name] = np.array([at for at, sets in enumerate(world.sets) if name in sets], np.int32)
        self._campaigns: list[list[Campaign]] = [self._plan(day) for day in range(world.days)]
        self._arrivals: dict[tuple[int, int], Ints] = {}

    def _plan(self, day: int) -> list[Campaign]:
        world = self._world
        rng, start = world.random("rollout", day), world.start_us + day * DAY_US
        out = [self._definitions(rng, start, day)]
        if is_workday(start):
            out += [self._product(rng, start) for _ in range(rng.poisson(_PRODUCTS_A_WEEK / 5))]
        out += [self._update(rng, start, day) for _ in range(rng.poisson(_UPDATES_A_WEEK / 7))]
        if start in world.patches:
            out.append(self._patch(rng, start))
        return [campaign for campaign in out if campaign.hosts.size]

    def _installer(self, name: str, folder: str, tail: str, parent: str, signer: str) -> Activity:
        program: Program = self._programs[parent]
        who = Who.PERSON if USER in program.exe else Who.SYSTEM
        return Activity(
            kind=Kind.START,
            who=who,
            name=name,
            exe=folder + name,
            cmd=f'"{folder}{name}" {tail}'.rstrip(),
            cwd=HOME if who is Who.PERSON else SYSTEM32,
            sha=folder + name,
            cadence=Cadence.NEVER,
            signer=signer,
            parent=program.name,
            parent_exe=program.exe,
        )

    def _product(self, rng: np.random.Generator, start: int) -> Campaign:
        """A product that a deployment tool installs on a group of hosts, and that people use afterwards."""
        add = self._world.table.add
        name = f"{rng.choice(_FIRST)}{rng.choice(_LAST)}"
        vendor, version = str(rng.choice(_VENDORS)), f"{rng.integers(1, 9)}.{rng.integers(0, 20)}.{rng.integers(0, 9)}"
        cache = f"C:\\Windows\\ccmcache\\{rng.integers(16, 255):x}\\"
        setup = self._installer(f"{name}-Setup-{version}.exe", cache, "/quiet /norestart", "CcmExec.exe", vendor)
        msi = self._programs["msiexec.exe"]
        main = f"C:\\Program Files\\{name}\\{name}.exe"
        install = Activity(
            kind=Kind.START, name=msi.name, exe=msi.exe, cmd=f"{msi.exe} /i {cache}{name}.msi /qn", cwd=SYSTEM32,
            sha=msi.exe, cadence=msi.cadence, signer=msi.signer, parent=setup.name, parent_exe=setup.exe,
        )  # fmt: skip
        first = self._installer(f"{name}.exe", f"C:\\Program Files\\{name}\\", "--register", "msiexec.exe", vendor)
        daily = msgspec.structs.replace(
            first,
            who=Who.PERSON,
            cmd=f'"{main}"',
            cwd=HOME,
            parent="explorer.exe",
            parent_exe="C:\\Windows\\explorer.exe",
        )
        slow = rng.random() < _SLOW_SHARE
        serves = rng.random() < _SERVICE_SHARE
        service = (add(Activity(kind=Kind.SERVICE, service=f"{name} Service")),) if serves else ()
        return Campaign(
            start_us=utc_of_local(SITES[0], start, 8 + 8 * rng.random()),
            spread_us=int((DAY_US * rng.uniform(2, 6)) if slow else HOUR_US * rng.uniform(0.7, 4)),
            hosts=self._group(rng),
            acts=(add(setup), add(install), add(first), *service),
            stays=add(daily),
            daily=float(rng.gamma(1.5, 1.0)),
        )

    def _group(self, rng: np.random.Generator) -> NDArray[np.int32]:
        """A department, a role, a site, or all desks; sometimes only a part of them."""
        world = self._world
        names = [name for name in self._with if not name.startswith("linux")]
        kind = str(rng.choice(["set", "role", "site", "desks"]))
        if kind == "set":
            hosts = self._with[str(rng.choice(sorted(names)))]
        elif kind == "role":
            hosts = np.array(world.of_role(str(rng.choice(ROLES))), np.int32)
        else:
            hosts = self._with["windows_desk"]
            hosts = hosts[world.site[hosts] == rng.integers(len(SITES))] if kind == "site" else hosts
        share = 1.0 if rng.random() < _WHOLE_SHARE else rng.uniform(0.2, 0.9)
        windows = np.array([not world.hosts[at].linux for at in hosts.tolist()], np.bool_)
        return np.asarray(hosts[(rng.random(hosts.size) < share) & windows], np.int32)

    def _update(self, rng: np.random.Generator, start: int, day: int) -> Campaign:
        """An installer that carries its version, or an id, in its name."""
        name, group, parent, signer = _UPDATES[rng.integers(len(_UPDATES))]
        name = name.replace("{b}", str(100 + day // 7)).replace("{v}", str(rng.integers(100, 9999)))
        temp = f"C:\\Windows\\Temp\\upd{FRESH}\\" if FRESH in name else "C:\\Windows\\Temp\\"
        return Campaign(
            start_us=start + int(rng.random() * 20 * HOUR_US),
            spread_us=int(HOUR_US * rng.uniform(1, 30)),
            hosts=self._with.get(group, np.empty(0, np.int32)),
            acts=(self._world.table.add(self._installer(name, temp, "/silent", parent, signer)),),
        )

    def _definitions(self, rng: np.random.Generator, start: int, day: int) -> Campaign:
        """The daily antivirus definitions on every Windows host."""
        name = f"AM_Delta_Patch_1.417.{200 + 3 * day}.0.exe"
        act = self._installer(
            name,
            "C:\\Windows\\SoftwareDistribution\\Download\\Install\\",
            "WD /q",
            "wuauclt.exe",
            "Microsoft Corporation",
        )
        return Campaign(
            start_us=start + int(rng.random() * 6 * HOUR_US),
            spread_us=8 * HOUR_US,
            hosts=self._with["windows_base"],
            acts=(self._world.table.add(act),),
        )

    def _patch(self, rng: np.random.Generator, start: int) -> Campaign:
        """The monthly patches of the system vendor."""
        kb = int(rng.integers(44000, 49999))
        folder = "C:\\Windows\\SoftwareDistribution\\Download\\"
        patch = self._installer(f"Windows-KB50{kb}-x64.exe", folder, "/Q /W", "wuauclt.exe", "Microsoft Corporation")
        acts = (self._world.table.add(patch),)
        return Campaign(
            start_us=start + 17 * HOUR_US, spread_us=3 * DAY_US, hosts=self._with["windows_base"], acts=acts
        )

    def _arrival(self, day: int, number: int) -> Ints:
        """When the campaign comes to each host: early for most, with a tail. Kept where the program stays."""
        campaign = self._campaigns[day][number]
        if campaign.stays < 0:
            return self._draw_arrival(campaign, day, number)
        if (day, number) not in self._arrivals:
            self._arrivals[day, number] = self._draw_arrival(campaign, day, number)
        return self._arrivals[day, number]

    def _draw_arrival(self, campaign: Campaign, day: int, number: int) -> Ints:
        rng = self._world.random("arrival", day, number)
        part = np.minimum(rng.gamma(1.5, 0.3, campaign.hosts.size), 3.0)
        return campaign.start_us + (part * campaign.spread_us).astype(np.int64)

    def of_day(self, everyday: Everyday, day: int) -> Rows:
        """Rollouts that begin on a day, and the day's use of what came before."""
        rng = self._world.random("rollout events", day)
        parts = [
            self._coming(rng, everyday, campaign, self._arrival(day, number))
            for number, campaign in enumerate(self._campaigns[day])
        ]
        return concat([*parts, self._use(rng, everyday, day)])

    def _coming(self, rng: np.random.Generator, everyday: Everyday, campaign: Campaign, arrival: Ints) -> Rows:
        steps = len(campaign.acts)
        ts = arrival[:, None] + np.cumsum(rng.integers(3_000_000, 60_000_000, (arrival.size, steps)), axis=1)
        act = np.tile(np.array(campaign.acts, np.int32), arrival.size)
        return everyday.events(rng, ts.ravel(), np.repeat(campaign.hosts, steps), act)

    def _use(self, rng: np.random.Generator, everyday: Everyday, day: int) -> Rows:
        """Working-day use of installed products."""
        world, start = self._world, self._world.start_us + day * DAY_US
        if not is_workday(start):
            return concat([])
        nine = np.array([utc_of_local(site, start, 9.0) for site in SITES])
        ts, host, act = [], [], []
        for past in range(day + 1):
            for number, campaign in enumerate(self._campaigns[past]):
                if campaign.stays >= 0:
                    arrival = self._arrival(past, number)
                    times = rng.poisson(campaign.daily, campaign.hosts.size)
                    hosts = np.repeat(campaign.hosts, times)
                    when = nine[world.site[hosts]] + (rng.random(hosts.size) * 8 * HOUR_US).astype(np.int64)
                    here = (when > np.repeat(arrival, times)) & (when >= start)
                    ts.append(when[here])
                    host.append(hosts[here])
                    act.append(np.full(int(here.sum()), campaign.stays, np.int32))
        if not ts:
            return concat([])
        return everyday.events(rng, np.concatenate(ts), np.concatenate(host), np.concatenate(act))
