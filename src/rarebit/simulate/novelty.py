"""Programs nobody has run before, at each host's own rate: test binaries, unpacked installers, downloaded tools."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rarebit.core.time import DAY_US, HOUR_US
from rarebit.simulate.activity import Activity, Kind
from rarebit.simulate.bulk import Everyday
from rarebit.simulate.catalogue import HOME, SYSTEM32, Program, programs
from rarebit.simulate.clock import HUMAN, SITES, utc_of_local, weekday_of
from rarebit.simulate.people import Who
from rarebit.simulate.rows import Rows
from rarebit.simulate.tables import words
from rarebit.simulate.world import World

_DOWNLOADS: Final = 1500
"""Tools of the wide world that people may download; popular ones turn up on several hosts."""
_DOWNLOAD_SHARE: Final = {"developer": 0.12, "workstation": 0.6, "terminal_server": 0.6, "kiosk": 0.5}
_VERBS: Final = words("download")
_NOUNS: Final = words("download kind")
_SIGNED: Final = 0.6
"""Share of downloaded tools that are signed."""
_KINDS: Final = {
    "developer": (
        ("test_{x}.exe", r"C:\src\portal\build", "MSBuild.exe"),
        ("app-{x}.exe", r"C:\src\api\target\debug\deps", "cargo.exe"),
        ("main_{x}.exe", r"C:\Users\{user}\AppData\Local\Temp\go-build", "go.exe"),
        ("__conftest_{x}.exe", r"C:\src\etl\build", "python.exe"),
        ("native-{x}.exe", r"C:\src\portal\node_modules\.cache", "node.exe"),
    ),
    "desk": (
        ("is-{x}.tmp", r"C:\Users\{user}\AppData\Local\Temp", "explorer.exe"),
        ("nsu{x}.tmp", r"C:\Users\{user}\AppData\Local\Temp", "explorer.exe"),
        ("{8F1C22D0-7A31-4E0B-9A41-5D30C1{x}}.exe", r"C:\Users\{user}\AppData\Local\Temp", "chrome.exe"),
        ("update-{x}.exe", r"C:\Users\{user}\AppData\Local\Temp", "Zoom.exe"),
    ),
    "server": (
        ("hotfix_{x}.exe", r"C:\Windows\Temp", "msiexec.exe"),
        ("vcredist_{x}.exe", r"C:\Windows\Temp", "TrustedInstaller.exe"),
        ("collect_{x}.exe", r"C:\ProgramData\Meridian", "MonitoringHost.exe"),
    ),
    "build": (
        ("test_{x}.exe", r"C:\agent\work\bin", "cmd.exe"),
        ("bench_{x}.exe", r"C:\agent\work\bin", "dotnet.exe"),
        ("pkg-{x}.exe", r"C:\agent\work\tmp", "java.exe"),
    ),
}
"""Name, directory and parent of fresh programs by kind of host."""
_RUNS: Final = 0.55
"""Chance that a new program is not run again (geometric)."""


class Novelty:
    """New programs of a span.

    Parameters
    ----------
    world : World
        The fleet; its activity table grows.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._programs = {program.name: program for program in programs()}
        rng = world.random("novelty")
        self._downloads = np.array([self._download(rng) for _ in range(_DOWNLOADS)], np.int32)
        weight = 1 / np.arange(2, _DOWNLOADS + 2) ** 0.8
        self._popularity = weight / weight.sum()
        self._fresh = {kind: np.array([self._made(*row, kind) for row in rows]) for kind, rows in _KINDS.items()}
        linux = np.array([host.linux for host in world.hosts])
        self._daily = np.where(linux, 0.0, world.novelty * world.hourly.sum(axis=1) * 24)

    def _download(self, rng: np.random.Generator) -> int:
        name = f"{rng.choice(_VERBS)}{rng.choice(_NOUNS)}{rng.choice(['', '-setup', '_x64', 'Pro', '2'])}"
        name = f"{name}-{rng.integers(1, 9)}.{rng.integers(0, 30)}.exe"
        browser = self._programs[str(rng.choice(["chrome.exe", "msedge.exe", "explorer.exe"]))]
        path = "C:\\Users\\{user}\\Downloads\\"
        signer = f"{rng.choice(_VERBS)} Software" if rng.random() < _SIGNED else ""
        return self._start(name, path, browser, signer, Who.PERSON)

    def _made(self, name: str, folder: str, parent: str, kind: str) -> int:
        who = {"server": Who.SYSTEM, "build": Who.SERVICE}.get(kind, Who.PERSON)
        return self._start(name, folder + "\\", self._programs[parent], "", who)

    def _start(self, name: str, folder: str, parent: Program, signer: str, who: Who) -> int:
        return self._world.table.add(
            Activity(
                kind=Kind.START,
                rare=True,
                who=who,
                name=name,
                exe=folder + name,
                cmd=f'"{folder}{name}"',
                cwd=HOME if who is Who.PERSON else SYSTEM32,
                sha=name,
                signer=signer,
                parent=parent.name,
                parent_exe=parent.exe,
            )
        )

    def of_day(self, everyday: Everyday, day: int) -> Rows:
        """First runs of new programs on a day, and their repeats within the hour."""
        world, start = self._world, self._world.start_us + day * DAY_US
        rng = world.random("novelty events", day)
        level = float(HUMAN[weekday_of(start)].mean())
        host = np.repeat(np.arange(len(world.hosts), dtype=np.int32), rng.poisson(self._daily * level))
        nine = np.array([utc_of_local(site, start, 9.0) for site in SITES])
        ts = nine[world.site[host]] + (rng.random(host.size) * 9 * HOUR_US).astype(np.int64)
        act = self._choose(rng, host)
        runs = rng.geometric(_RUNS, host.size)
        first = np.repeat(np.arange(host.size), runs)
        again = np.concatenate([[False], first[1:] == first[:-1]]) if first.size else np.zeros(0, bool)
        when = np.maximum(ts, start)[first] + (again * rng.random(first.size) * HOUR_US).astype(np.int64)
        return everyday.events(rng, when, host[first], act[first], mark=rng.integers(0, 1 << 24, host.size)[first])

    def _choose(self, rng: np.random.Generator, host: NDArray[np.int32]) -> NDArray[np.int32]:
        out = np.empty(host.size, np.int32)
        share = np.array([_DOWNLOAD_SHARE.get(h.role, 0.0) for h in self._world.hosts])
        kinds = np.array([_kind(h.role, h.kind) for h in self._world.hosts])
        download = rng.random(host.size) < share[host]
        out[download] = self._downloads[rng.choice(_DOWNLOADS, int(download.sum()), p=self._popularity)]
        for kind, acts in self._fresh.items():
            at = np.flatnonzero(~download & (kinds[host] == kind))
            out[at] = acts[rng.integers(len(acts), size=at.size)]
        return out


def _kind(role: str, kind: str) -> str:
    if kind == "build":
        return "build"
    if role == "developer":
        return "developer"
    return "server" if role in {"server", "domain_controller"} else "desk"
