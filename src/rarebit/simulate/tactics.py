"""Pieces that intrusions are made of: a clock, fresh names, victims, discovery, lateral movement."""

from __future__ import annotations

from typing import Final

import numpy as np

from rarebit.core.time import DAY_US
from rarebit.simulate.clock import SITES, is_workday, utc_of_local
from rarebit.simulate.story import Process, Story
from rarebit.simulate.tables import words

_FIRST: Final = words("implant")
_SECOND: Final = words("implant kind")
_DISCOVERY: Final = (
    ("whoami.exe", "/all", "T1033"),
    ("net.exe", 'group "Domain Admins" /domain', "T1069.002"),
    ("nltest.exe", "/dclist:meridian.example", "T1018"),
    ("systeminfo.exe", "", "T1082"),
    ("net.exe", "view /all /domain", "T1135"),
    ("ipconfig.exe", "/all", "T1016"),
    ("tasklist.exe", "/v", "T1057"),
)


class Clock:
    """Time of a story: it moves on with each step.

    Parameters
    ----------
    rng : Generator
        Chance of the pauses.
    now_us : int
        Where it begins.
    """

    def __init__(self, rng: np.random.Generator, now_us: int) -> None:
        self._rng, self.now = rng, now_us

    def after(self, low_s: float, high_s: float) -> int:
        """Move on by a random number of seconds and tell the time."""
        self.now += int(self._rng.uniform(low_s, high_s) * 1e6)
        return self.now


def new_name(rng: np.random.Generator) -> str:
    """Name of a program that nobody has."""
    return f"{rng.choice(_FIRST)}{rng.choice(_SECOND)}{rng.integers(10, 99)}.exe"


def clock_at(story: Story, host: int, day_us: int, first: float, last: float) -> Clock:
    """A clock that begins between two local hours of a host's site."""
    site = SITES[story.world.hosts[host].site]
    when = utc_of_local(site, day_us, float(story.rng.uniform(first, last)))
    return Clock(story.rng, max(when, day_us))


def working_day(rng: np.random.Generator, start_us: int, days: int) -> int:
    """A weekday early in the last third of the span, or its first day if there is none; microseconds."""
    first = min(days - 1, 2 * days // 3)
    last = max(first + 1, first + (days - first) // 2)
    fit = [day for day in range(first, last) if is_workday(start_us + day * DAY_US)] or [first]
    return start_us + int(rng.choice(fit)) * DAY_US


def pick(story: Story, hosts: list[int], count: int) -> list[int]:
    """Some of the Windows hosts that are there, unchanged, during the whole span; none twice."""
    machines = story.world.hosts
    fit = [at for at in hosts if not (machines[at].linux or machines[at].joined_us or machines[at].reinstalled_us)]
    return [int(at) for at in story.rng.choice(fit, min(count, len(fit)), replace=False)] if fit else []


def pick_desks(story: Story, count: int) -> list[int]:
    """Workstations that somebody owns."""
    world = story.world
    return pick(story, [at for at in world.of_role("workstation") if world.hosts[at].owner >= 0], count)


def pick_account(story: Story, kind: str) -> int:
    """An account of a kind."""
    return int(story.rng.choice(story.world.of_kind(kind)))


def home_of(story: Story, user: int) -> str:
    """Profile directory of an account, without its last separator."""
    return f"C:\\Users\\{story.world.users[user].name}"


def beacon(story: Story, host: int, user: int, process: Process, clock: Clock, times: int) -> None:
    """Regular small connections to a server that nobody else talks to."""
    number = int(story.rng.integers(2, 250))
    for _ in range(times):
        at = clock.after(280, 320)
        story.connect(
            host, user, at, process, "cdn.quietpages.example", f"203.0.113.{number}", 443, technique="T1071.001"
        )


def discover(story: Story, host: int, user: int, parent: Process, clock: Clock, count: int = 5) -> Process:
    """A shell and the usual questions; returns the shell."""
    shell = story.process(host, user, clock.now, "cmd.exe", "", parent=parent, technique="T1059.003")
    for at in sorted(story.rng.choice(len(_DISCOVERY), count, replace=False).tolist()):
        name, tail, technique = _DISCOVERY[at]
        story.process(host, user, clock.after(15, 240), name, tail, parent=shell, technique=technique)
    return shell


def move_by_service(story: Story, source: int, target: int, account: int, clock: Clock) -> Process:
    """Reach a host as PsExec does: a logon from ``source``, a new service binary, a shell as SYSTEM."""
    name, system = new_name(story.rng), story.world.named("SYSTEM")
    story.logon(target, account, clock.after(5, 30), "3", technique="T1021.002", source=source)
    story.service(target, clock.after(1, 3), name[:-4], technique="T1569.002")
    service = story.process(
        target, system, clock.after(2, 10), name, "", parent=story.running("services.exe"), technique="T1569.002",
        exe=f"C:\\Windows\\{name}",
    )  # fmt: skip
    shell = story.process(target, system, clock.after(2, 60), "cmd.exe", "", parent=service, technique="T1059.003")
    story.process(target, system, clock.after(1, 5), "whoami.exe", "", parent=shell, technique="T1033")
    return shell


def move_by_wmi(story: Story, source: int, target: int, account: int, clock: Clock, tail: str) -> Process:
    """Reach a host through WMI: a logon from ``source`` and a shell under the WMI provider."""
    story.logon(target, account, clock.after(5, 30), "3", technique="T1021.003", source=source)
    return story.process(
        target, account, clock.after(1, 6), "cmd.exe", tail, parent=story.running("WmiPrvSE.exe"), technique="T1047"
    )
