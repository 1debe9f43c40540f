"""The shapes of intrusion a fleet can be given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from rarebit.core.time import DAY_US, HOUR_US
from rarebit.simulate.clock import SITES, utc_of_local, weekday_of
from rarebit.simulate.story import Process, Story

_SECOND: Final = 1_000_000
_FIRST: Final = "brisk calm dusty eager faint grand hollow ivory jolly keen lunar mellow noble opal plain quiet".split()
_SECOND_WORD: Final = (
    "anchor beacon cellar drift ember forge glint harbor inlet jasper kernel ledger mirror nimbus".split()
)


def new_name(rng: np.random.Generator) -> str:
    """Name of a program that nobody has."""
    return f"{rng.choice(_FIRST)}{rng.choice(_SECOND_WORD)}{rng.integers(10, 99)}.exe"


class Clock:
    """Time of a story: moves on with each step."""

    def __init__(self, rng: np.random.Generator, now_us: int) -> None:
        self._rng, self.now = rng, now_us

    def after(self, low_s: float, high_s: float) -> int:
        """Move on by a random number of seconds."""
        self.now += int(self._rng.uniform(low_s, high_s) * _SECOND)
        return self.now


def hands_on_keyboard(story: Story, day_us: int) -> None:
    """Phish, implant, discovery, credential theft, then servers and the domain controller with a stolen account."""
    world, rng = story.world, story.rng
    desk = pick_desk(story)
    user, site = world.hosts[desk].owner, SITES[world.hosts[desk].site]
    clock = Clock(rng, utc_of_local(site, day_us, 9.2 + 5 * rng.random()))
    implant = _phish(story, desk, user, clock)
    clock.after(1800, 5400)
    shell = _discovery(story, desk, user, implant, clock)
    dump = new_name(rng)
    clock.after(900, 3600)
    story.process(
        desk, user, clock.now, dump, "-o C:\\Users\\Public\\d.bin", parent=shell, technique="T1003.001",
        exe=f"C:\\Users\\Public\\{dump}",
    )  # fmt: skip
    admin = int(rng.choice(world.of_kind("admin")))
    clock.now += int(rng.uniform(14, 30) * HOUR_US)
    for target in [
        *pick(story, world.of_role("file", "sql", "app"), 2),
        *pick(story, world.of_role("domain_controller"), 1),
    ]:
        _remote_service(story, desk, target, admin, clock)
        clock.after(1200, 4200)


def _phish(story: Story, desk: int, user: int, clock: Clock) -> Process:
    world, name = story.world, new_name(story.rng)
    word = story.process(
        desk, user, clock.now, "WINWORD.EXE",
        f'/n "C:\\Users\\{world.users[user].name}\\AppData\\Local\\Temp\\remittance.docm"',
        parent=story.running("OUTLOOK.EXE"), technique="T1566.001",
    )  # fmt: skip
    path = f"C:\\Users\\{world.users[user].name}\\AppData\\Local\\{name[:-4]}\\{name}"
    story.write(desk, user, clock.after(5, 40), word, path, technique="T1105")
    implant = story.process(desk, user, clock.after(2, 20), name, "-s", parent=word, technique="T1204.002", exe=path)
    for _ in range(12):
        at = clock.after(280, 320)
        story.connect(desk, user, at, implant, "cdn.quietpages.example", "203.0.113.77", 443, technique="T1071.001")
    return implant


def _discovery(story: Story, host: int, user: int, parent: Process, clock: Clock) -> Process:
    shell = story.process(host, user, clock.now, "cmd.exe", "", parent=parent, technique="T1059.003")
    for name, tail, technique in (
        ("whoami.exe", "/all", "T1033"),
        ("net.exe", 'group "Domain Admins" /domain', "T1069.002"),
        ("nltest.exe", "/dclist:meridian.example", "T1018"),
        ("systeminfo.exe", "", "T1082"),
        ("net.exe", "view /all /domain", "T1135"),
    ):
        story.process(host, user, clock.after(15, 240), name, tail, parent=shell, technique=technique)
    return shell


def _remote_service(story: Story, source: int, target: int, account: int, clock: Clock) -> None:
    world, name = story.world, new_name(story.rng)
    system = world.named("SYSTEM")
    story.logon(target, account, clock.after(5, 30), "3", technique="T1021.002", source=source)
    service = story.process(
        target, system, clock.after(2, 10), name, "", parent=story.running("services.exe"), technique="T1569.002",
        exe=f"C:\\Windows\\{name}",
    )  # fmt: skip
    shell = story.process(
        target, system, clock.after(2, 60), "cmd.exe", "/c whoami", parent=service, technique="T1059.003"
    )
    story.process(target, system, clock.after(1, 5), "whoami.exe", "", parent=shell, technique="T1033")
    if world.hosts[target].role == "domain_controller":
        story.process(
            target, system, clock.after(60, 400), "ntdsutil.exe", '"ac i ntds" ifm "create full C:\\Windows\\Temp\\n" q q',
            parent=shell, technique="T1003.003",
        )  # fmt: skip


def pick(story: Story, hosts: list[int], count: int) -> list[int]:
    """Some of the hosts that report for the whole story and are not Linux."""
    fit = [at for at in hosts if not story.world.hosts[at].linux and not story.world.hosts[at].joined_us]
    return [int(at) for at in story.rng.choice(fit, min(count, len(fit)), replace=False)] if fit else []


def pick_desk(story: Story) -> int:
    """A workstation that somebody owns."""
    world = story.world
    owned = [at for at in world.of_role("workstation") if world.hosts[at].owner >= 0]
    return pick(story, owned, 1)[0]


SHAPES: Final[dict[str, Callable[[Story, int], None]]] = {
    "hands_on_keyboard": hands_on_keyboard,
}
"""Every shape by name: a function that tells its story from the given day (microseconds) on."""


def working_day(rng: np.random.Generator, start_us: int, days: int) -> int:
    """A weekday in the last third of the span, a day or more before its end where there is room; microseconds."""
    first = max(1 if days > 1 else 0, 2 * days // 3)
    last = max(first + 1, days - 2)
    fit = [day for day in range(first, last) if weekday_of(start_us + day * DAY_US) < 5] or [first]
    return start_us + int(rng.choice(fit)) * DAY_US
