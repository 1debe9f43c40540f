"""Findings whose truth is known: benign clusters, intrusions that copy one attribute of a cluster, and background."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rarebit.core.suppression import Proposal
from rarebit.core.time import DAY_US, WEEK_US, parse_time
from rarebit.tune.mine import Findings
from rarebit.tune.propose import propose

CLOCK_US = parse_time("2026-02-02T00:00:00Z")
START_US = CLOCK_US - 4 * WEEK_US
SIGNER = "process.code_signature.subject_name"
BACKGROUND, ATTACK = -1, -2
CLUSTERS = 6
"""The last of them looks like an attack of the bank: it must not be proposed."""
REPLAYS = (
    {"process.name": "psexec.exe", "process.parent.name": "runner.exe", "user.name": "ann", "hours": "06-12"},
    {"process.name": "mimikatz.exe", "process.parent.name": "cmd.exe", "user.name": "svc-sql", "hours": "18-24"},
)


class World(NamedTuple):
    """Findings as columns, by time."""

    attributes: list[dict[str, str]]
    time_us: NDArray[np.int64]
    entity: NDArray[np.int64]
    label: NDArray[np.int64]
    """Number of the cluster, or :data:`BACKGROUND` or :data:`ATTACK`."""
    weekly: list[float]
    """True rate of each cluster."""


def make_world(seed: int, *, attacks: int = 40, background: float = 150.0) -> World:
    """Six clusters of 15 to 60 findings a week each over four weeks, and what lies about them."""
    rng = np.random.default_rng(seed)
    planted = [_cluster(number, seed) for number in range(CLUSTERS)]
    weekly = rng.uniform(15.0, 60.0, CLUSTERS).tolist()
    rows: list[tuple[float, int, int, dict[str, str]]] = []
    for number, (fixed, hosts) in enumerate(planted):
        for _ in range(rng.poisson(4.0 * weekly[number])):
            host = int(rng.integers(hosts))
            rows.append((rng.random(), host, number, _anybody(rng, host) | fixed))
    for _ in range(rng.poisson(4.0 * background)):
        host = int(rng.integers(300))
        rows.append((rng.random(), host, BACKGROUND, _odd(rng, host)))
    for _ in range(attacks):
        fixed = planted[int(rng.integers(CLUSTERS - 1))][0]
        copied = str(rng.choice(sorted(name for name in fixed if name != "process.executable")))
        host = int(rng.integers(300))
        rows.append((rng.random(), host, ATTACK, _odd(rng, host) | {copied: fixed[copied]}))
    rows.sort(key=lambda row: row[:2])
    at = np.array([row[0] for row in rows]) * (CLOCK_US - START_US)
    return World(
        [row[3] for row in rows],
        START_US + 1 + at.astype(np.int64),
        np.array([row[1] for row in rows]),
        np.array([row[2] for row in rows]),
        weekly,
    )


def proposals_of(world: World) -> list[Proposal]:
    """What is proposed, with no finding confirmed."""
    return propose(
        world.attributes, world.time_us, world.entity, clock_us=CLOCK_US, replays=REPLAYS, confirmed=(),
        width=lambda _pattern: 1e-4,
    )  # fmt: skip


class Judged(NamedTuple):
    """Proposals beside the truth."""

    found: int
    """Clusters of which some proposal hides four in five."""
    benign: int
    """Clusters that should be found."""
    attacks_hidden: int
    lookalikes_hidden: int
    """Findings of the cluster that looks like an attack of the bank."""
    covering: int
    """Intervals that hold the true weekly rate of what they hide."""
    proposals: int


def judge(world: World) -> Judged:
    """How the proposals of a world do."""
    whole = Findings(world.attributes, world.entity, world.time_us // DAY_US)
    proposals = proposals_of(world)
    met = [whole.meeting(proposal.where) for proposal in proposals]
    any_met = np.any(met, axis=0) if met else np.zeros(len(whole), np.bool_)
    covering, seen = 0, np.zeros(len(whole), np.bool_)
    for proposal, rows in zip(proposals, met, strict=True):
        own = world.label[rows & ~seen]
        seen |= rows
        truth = sum(world.weekly[n] for n in range(CLUSTERS) if (own == n).sum() * 5 >= 4 * (world.label == n).sum())
        covering += proposal.weekly_low <= truth <= proposal.weekly_high
    found = sum(
        any((rows & (world.label == n)).sum() * 5 >= 4 * (world.label == n).sum() for rows in met)
        for n in range(CLUSTERS - 1)
    )
    return Judged(
        found,
        CLUSTERS - 1,
        int((any_met & (world.label == ATTACK)).sum()),
        int((any_met & (world.label == CLUSTERS - 1)).sum()),
        covering,
        len(proposals),
    )


def _cluster(number: int, seed: int) -> tuple[dict[str, str], int]:
    """What its findings share, and on how many hosts they are."""
    name = f"tool{number}-{chr(97 + seed % 26)}.exe"
    path = f"c:\\program files\\vendor\\{name}"
    return (
        ({"user.name": "svc-deploy", "process.name": name, "process.parent.name": "deployer.exe"}, 80),
        ({SIGNER: "Contoso", "process.name": name, "process.executable": path}, 200),
        ({"process.parent.name": "patcher.exe", "process.name": name}, 60),
        ({"user.name": "svc-scan", "process.name": name, "hours": "00-06"}, 1),
        ({"user.name": "svc-sync", "destination.domain": "sync.example", "process.name": name}, 12),
        ({"process.name": "psexec.exe", "process.parent.name": "runner.exe", "user.name": "svc-run"}, 50),
    )[number]


def _anybody(rng: np.random.Generator, host: int) -> dict[str, str]:
    return {
        "host.name": f"ws{host}",
        "host.group": "server" if host % 5 == 0 else "workstation",
        "user.name": f"person{rng.integers(200)}",
        "job.id": str(rng.choice(["rare_process", "anomalous_process"])),
        "hours": str(rng.choice(["00-06", "06-12", "12-18", "18-24"])),
    }


def _odd(rng: np.random.Generator, host: int) -> dict[str, str]:
    return _anybody(rng, host) | {
        "process.name": f"odd{rng.integers(3000)}.exe",
        "process.parent.name": str(rng.choice(["cmd.exe", "explorer.exe", "services.exe", "powershell.exe"])),
    }
