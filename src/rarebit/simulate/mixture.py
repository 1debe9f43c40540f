"""What each host does all day: its installed software and how often each activity comes, as one lookup table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rarebit.simulate import catalogue
from rarebit.simulate.activity import Activity, Kind, Table
from rarebit.simulate.catalogue import LONG_TAIL, Program
from rarebit.simulate.machines import Host
from rarebit.simulate.people import Who

Floats = NDArray[np.float64]

PEOPLE, BACKGROUND = 0, 1
"""Classes of activity: what follows people, and what runs by itself."""

CLASS_SHARE: Final = {
    "workstation": (0.68, 0.32),
    "developer": (0.72, 0.28),
    "server": (0.12, 0.88),
    "domain_controller": (0.45, 0.55),
    "kiosk": (0.7, 0.3),
    "terminal_server": (0.78, 0.22),
}
_KINDS: Final = ("start", "network", "dns", "file", "auth")
_DESK: Final = (0.44, 0.16, 0.12, 0.06, 0.05)
_VISITED: Final = (0.30, 0.08, 0.02, 0.02, 0.45)
_QUIET: Final = (0.50, 0.14, 0.04, 0.04, 0.10)
KIND_SHARE: Final = {
    "workstation": (_DESK, _QUIET),
    "developer": (_DESK, _QUIET),
    "server": (_VISITED, _QUIET),
    "domain_controller": ((0.04, 0.01, 0.0, 0.0, 0.95), _QUIET),
    "kiosk": (_DESK, _QUIET),
    "terminal_server": (_DESK, _QUIET),
}
"""Shares of the kinds in each class of a role; ends of processes come on top of their starts."""
END_SHARE: Final = 0.4
"""Share of process starts whose end is reported."""

_INSTALLED: Final[dict[str, tuple[tuple[str, float], ...]]] = {
    "workstation": (("windows_base", 1), ("windows_desk", 1), ("office", 0.97), ("chrome", 0.8), ("teams", 0.95),
                    ("firefox", 0.25), ("zoom", 0.5), ("acrobat", 0.85)),
    "developer": (("windows_base", 1), ("windows_desk", 1), ("office", 0.85), ("chrome", 0.9), ("teams", 0.95),
                  ("firefox", 0.5), ("zoom", 0.4), ("developer", 1)),
    "server": (("windows_base", 1), ("server_common", 1)),
    "domain_controller": (("windows_base", 1), ("server_common", 1), ("domain_controller", 1)),
    "kiosk": (("windows_base", 1), ("kiosk", 1)),
    "terminal_server": (("windows_base", 1), ("server_common", 1), ("office", 1), ("chrome", 1), ("acrobat", 1),
                        ("terminal_server", 1)),
}  # fmt: skip
_ABSENT_SHARE: Final = 0.12
"""Share of the less used programs of a set that one host never runs."""


class Lookup(NamedTuple):
    """Weighted choices for many rows at once: choice ``at[i]`` of row ``h`` where ``edges`` passes ``h + u``."""

    edges: Floats
    """Cumulative weights, row after row, each row ending at its number plus one."""
    at: NDArray[np.int32]

    def draw(self, rng: np.random.Generator, row: NDArray[np.int32]) -> NDArray[np.int32]:
        """One choice for each entry of ``row`` (int32[n])."""
        place = np.searchsorted(self.edges, row + rng.random(row.size), side="right")
        return self.at[np.minimum(place, self.at.size - 1)]


def lookup(choices: Iterable[list[tuple[int, float]]]) -> Lookup:
    """Table of (choice, weight) lists, one list a row; a row without choices draws choice 0."""
    edges, at = [], []
    for row, pairs in enumerate(choices):
        weight = np.array([w for _, w in pairs] or [1.0])
        total = np.cumsum(weight) / weight.sum()
        total[-1] = 1.0
        edges.append(total + row)
        at.append(np.array([choice for choice, _ in pairs] or [0], np.int32))
    return Lookup(np.concatenate(edges), np.concatenate(at))


def installed(rng: np.random.Generator, host: Host, department: str) -> list[str]:
    """Names of the software sets of a host."""
    if host.linux:
        return ["linux_base"]
    sets = [name for name, chance in _INSTALLED[host.role] if rng.random() < chance]
    if host.role == "server":
        sets.append(f"server_{host.kind}")
    if host.role == "workstation":
        sets.append(department)
    if host.role in {"workstation", "developer"}:
        sets.append(LONG_TAIL)
    return sets


class Mixer:
    """Builds the activity lists of hosts.

    Parameters
    ----------
    table : Table
        Where activities are entered.
    servers : dict of str to (str, str)
        Name and address of one host of each role and kind, for connections inside the fleet.
    """

    def __init__(self, table: Table, servers: dict[str, tuple[str, str]]) -> None:
        self._table = table
        self._servers = servers
        self._sets: dict[str, list[Program]] = {}
        for program in catalogue.programs():
            self._sets.setdefault(program.set, []).append(program)
        self._acts: dict[Program, tuple[list[tuple[int, float]], ...]] = {}

    def of_host(self, rng: np.random.Generator, host: Host, sets: list[str]) -> tuple[list[tuple[int, float]], ...]:
        """Activities with weights of both classes of one host."""
        programs = [program for name in sets for program in self._sets.get(name, [])]
        kept = rng.random(len(programs))
        taste = np.exp(0.7 * rng.standard_normal(len(programs)))
        buckets: list[list[list[tuple[int, float]]]] = [[[] for _ in _KINDS] for _ in range(2)]
        for number, program in enumerate(programs):
            if kept[number] < _absent(program):
                continue
            side = PEOPLE if program.who is Who.PERSON else BACKGROUND
            for kind, acts in enumerate(self._of_program(program)):
                weight = float(taste[number])
                buckets[side][kind] += [(act, weight * w) for act, w in acts]
        for side in (PEOPLE, BACKGROUND):
            buckets[side][-1] = [(self._table.add(act), w) for act, w in logons(host, side)]
        return tuple(_weighed(buckets[side], KIND_SHARE[host.role][side]) for side in (PEOPLE, BACKGROUND))

    def _of_program(self, program: Program) -> tuple[list[tuple[int, float]], ...]:
        known = self._acts.get(program)
        if known is None:
            calls = catalogue.starts(program)
            parts = (
                [(act, program.weight / len(calls)) for act in calls],
                _scaled(catalogue.connections(program, self._servers), program.weight),
                _scaled(catalogue.lookups(program), program.weight),
                _scaled(catalogue.writes(program), program.weight),
            )
            known = tuple([(self._table.add(act), w) for act, w in part] for part in parts)
            self._acts[program] = known
        return known


def _absent(program: Program) -> float:
    """Chance that a host does not have the program although it has its set."""
    if program.set == LONG_TAIL:
        return 1 - 0.12 * min(1.0, program.weight + 0.1)
    return _ABSENT_SHARE if program.weight < 1 else 0.0


def _scaled(acts: list[tuple[Activity, float]], weight: float) -> list[tuple[Activity, float]]:
    return [(act, weight * w) for act, w in acts]


def _weighed(kinds: list[list[tuple[int, float]]], shares: tuple[float, ...]) -> list[tuple[int, float]]:
    out = []
    for acts, share in zip(kinds, shares, strict=True):
        total = sum(w for _, w in acts)
        out += [(act, w * share / total) for act, w in acts] if total else []
    return out


def logons(host: Host, side: int) -> list[tuple[Activity, float]]:
    """Logons of a class of a host, with weights."""
    if host.linux:
        return [(logon(Who.DAEMON, "3"), 1.0), (logon(Who.DAEMON, "3", failed=True), 0.05)] if side else []
    if side == BACKGROUND:
        return [
            (logon(Who.SYSTEM, "5"), 10), (logon(Who.NETWORK_SERVICE, "5"), 0.4), (logon(Who.LOCAL_SERVICE, "5"), 0.4),
            (logon(Who.DWM, "2"), 0.15), (logon(Who.UMFD, "2"), 0.15), (logon(Who.MACHINE, "3"), 1.5),
            (logon(Who.SERVICE, "5"), 1.5 if host.role == "server" else 0.0001),
        ]  # fmt: skip
    if host.role in {"server", "domain_controller"}:
        return [
            (logon(Who.VISITOR, "3"), 10),
            (logon(Who.VISITOR, "3", failed=True), 0.3),
            (logon(Who.PERSON, "10"), 0.1),
        ]
    if host.role == "terminal_server":
        return [(logon(Who.PERSON, "10"), 6), (logon(Who.PERSON, "10", failed=True), 0.3), (logon(Who.PERSON, "7"), 2)]
    return [
        (logon(Who.PERSON, "2"), 2), (logon(Who.PERSON, "7"), 6), (logon(Who.PERSON, "11"), 1),
        (logon(Who.PERSON, "2", failed=True), 0.3), (logon(Who.VISITOR, "3"), 0.15),
    ]  # fmt: skip


def logon(who: Who, logon_type: str, *, failed: bool = False) -> Activity:
    """A logon of the given Windows type."""
    local = {"2": "winlogon.exe", "7": "lsass.exe", "11": "winlogon.exe", "10": "svchost.exe", "5": "services.exe"}
    name = local.get(logon_type, "")
    return Activity(
        kind=Kind.LOGON_FAILED if failed else Kind.LOGON,
        who=who,
        name=name,
        exe=f"C:\\Windows\\System32\\{name}" if name else "",
        logon_type=logon_type,
    )
