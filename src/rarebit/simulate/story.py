"""Telling an intrusion step by step: the events it leaves, and the label of each."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from rarebit.core.time import DAY_US, iso
from rarebit.simulate.activity import Activity, Cadence, Kind
from rarebit.simulate.catalogue import HOME, SYSTEM32, programs
from rarebit.simulate.columns import event_id
from rarebit.simulate.people import Who
from rarebit.simulate.rows import Rows
from rarebit.simulate.world import World


class Process(msgspec.Struct, frozen=True):
    """A process of a story, so that others can be its children."""

    key: int
    name: str
    exe: str


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a story."""

    ts: int
    host: int
    user: int
    act: int
    eid: int
    key: int = 0
    parent: int = 0
    peer: int = -1
    technique: str
    note: str


class Story:
    """One intrusion in the making.

    Parameters
    ----------
    world : World
        The fleet it happens in.
    rng : Generator
        Chance of this story alone.
    """

    def __init__(self, world: World, rng: np.random.Generator) -> None:
        self.world, self.rng = world, rng
        self.steps: list[Step] = []
        self._paths = {program.name.lower(): program for program in programs()}

    def running(self, name: str) -> Process:
        """A program that was there before, as a parent."""
        program = self._paths[name.lower()]
        return Process(0, program.name, program.exe)

    def process(
        self,
        host: int,
        user: int,
        ts: int,
        name: str,
        tail: str,
        *,
        parent: Process,
        technique: str,
        exe: str = "",
        signer: str = "",
    ) -> Process:
        """Start a process; a name without ``exe`` is one of the catalogue and keeps its path, hash and signer."""
        known = self._paths.get(name.lower()) if not exe else None
        path = known.exe if known else exe or SYSTEM32 + name
        act = self._add(
            Activity(
                kind=Kind.START,
                who=Who.PERSON,
                name=known.name if known else name,
                exe=path,
                cmd=f"{path} {tail}".rstrip(),
                cwd=HOME if user < self.world.people else SYSTEM32,
                sha=path,
                cadence=known.cadence if known else Cadence.NEVER,
                signer=known.signer if known else signer,
                parent=parent.name,
                parent_exe=parent.exe,
            )
        )
        eid, key = self._number(), self._number()
        self._step(ts, host, user, act, technique, f"{parent.name} started {name}", eid, key=key, parent=parent.key)
        return Process(key, known.name if known else name, path)

    def logon(
        self, host: int, user: int, ts: int, logon_type: str, *, technique: str, source: int = -1, failed: bool = False
    ) -> None:
        """A logon to a host, from another host if ``source`` is given."""
        kind = Kind.LOGON_FAILED if failed else Kind.LOGON
        act = self._add(Activity(kind=kind, who=Who.PERSON, logon_type=logon_type))
        self._step(ts, host, user, act, technique, f"logon type {logon_type}", self._number(), peer=source)

    def connect(
        self, host: int, user: int, ts: int, process: Process, domain: str, address: str, port: int, *, technique: str
    ) -> None:
        """An outgoing connection."""
        act = self._add(
            Activity(
                kind=Kind.NETWORK,
                who=Who.PERSON,
                name=process.name,
                exe=process.exe,
                dst_ip=address,
                dst_domain=domain,
                dst_port=port,
                transport="tcp",
                protocol={443: "tls", 1433: "tds"}.get(port, ""),
                direction="egress",
            )
        )
        self._step(
            ts, host, user, act, technique, f"{process.name} connected to {domain}", self._number(), key=process.key
        )

    def service(self, host: int, ts: int, name: str, *, technique: str) -> None:
        """A service installed."""
        act = self._add(Activity(kind=Kind.SERVICE, service=name))
        self._step(ts, host, self.world.named("SYSTEM"), act, technique, f"service {name} installed", self._number())

    def write(self, host: int, user: int, ts: int, process: Process, path: str, *, technique: str) -> None:
        """A file written; the Windows event log does not tell of it."""
        if self.world.hosts[host].legacy:
            return
        name = path.replace("/", "\\").rpartition("\\")[2]
        act = self._add(
            Activity(kind=Kind.FILE, who=Who.PERSON, name=process.name, exe=process.exe, file_path=path, file_name=name)
        )
        self._step(ts, host, user, act, technique, f"{process.name} wrote {name}", self._number(), key=process.key)

    def _add(self, activity: Activity) -> int:
        return self.world.table.add(activity)

    def _number(self) -> int:
        return int(self.rng.integers(1, 1 << 62))

    def _step(
        self,
        ts: int,
        host: int,
        user: int,
        act: int,
        technique: str,
        note: str,
        eid: int,
        *,
        key: int = 0,
        parent: int = 0,
        peer: int = -1,
    ) -> None:
        self.steps.append(
            Step(
                ts=ts,
                host=host,
                user=user,
                act=act,
                eid=eid,
                key=key,
                parent=parent,
                peer=peer,
                technique=technique,
                note=note,
            )
        )

    def fit(self, start_us: int, end_us: int) -> None:
        """Move the story back by whole days so that it ends before ``end_us`` where it can, and drop what does not.

        No step comes to lie before ``start_us``.
        """
        first, last = min(step.ts for step in self.steps), max(step.ts for step in self.steps)
        back = max(0, min((last - end_us) // DAY_US + 1, (first - start_us) // DAY_US)) * DAY_US
        moved = [msgspec.structs.replace(step, ts=step.ts - back) for step in self.steps]
        self.steps = [step for step in moved if step.ts < end_us]

    def rows(self) -> Rows:
        """The story's events."""
        return Rows(
            ts=np.array([step.ts for step in self.steps], np.int64),
            host=np.array([step.host for step in self.steps], np.int32),
            user=np.array([step.user for step in self.steps], np.int32),
            act=np.array([step.act for step in self.steps], np.int32),
            eid=np.array([step.eid for step in self.steps], np.int64),
            key=np.array([step.key for step in self.steps], np.int64),
            parent=np.array([step.parent for step in self.steps], np.int64),
            peer=np.array([step.peer for step in self.steps], np.int32),
        )

    def truth(self, number: int, shape: str) -> dict[str, Any]:
        """What happened, for comparing against what was found."""
        steps = sorted(self.steps, key=lambda step: step.ts)
        return {
            "id": f"intrusion-{number:02d}",
            "shape": shape,
            "hosts": list(dict.fromkeys(self.world.hosts[step.host].name for step in steps)),
            "users": list(dict.fromkeys(self.world.users[step.user].name for step in steps)),
            "start": iso(steps[0].ts),
            "end": iso(steps[-1].ts),
            "techniques": sorted({step.technique for step in steps}),
            "events": [
                {
                    "id": event_id(step.eid),
                    "time": iso(step.ts),
                    "host": self.world.hosts[step.host].name,
                    "user": self.world.users[step.user].name,
                    "process": self.world.table[step.act].name,
                    "technique": step.technique,
                    "note": step.note,
                }
                for step in steps
            ],
        }
