"""A made world of weak alerts whose truth is known: entities, detectors, tactics, and attacks no louder than noise."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rarebit.case.evidence import Basis, Signal
from rarebit.case.stages import CHAIN
from rarebit.core.time import DAY_US, WEEK_US, iso, parse_time

START_US = parse_time("2026-01-05T00:00:00Z")
TACTICS = 8
DETECTORS = 20
KINDS = ("independent", "noisy", "bursty")
Ints = NDArray[np.int64]


class World(NamedTuple):
    """Alerts as columns, in the order of time."""

    time_us: Ints
    entity: Ints
    detector: Ints
    expected: NDArray[np.float64]
    attacked: frozenset[int]
    entities: int
    days: int


def make_world(
    seed: int,
    *,
    kind: str = "noisy",
    entities: int = 4500,
    days: int = 42,
    weekly: float = 100.0,
    attacked: int = 0,
    ordered: bool = True,
    quiet_days: int = 28,
) -> World:
    """Alerts of entities that do not differ (``independent``), differ much (``noisy``), or have busy days (``bursty``).

    Every detector gives ``weekly`` alerts a week, evenly spread over its scale of expected alerts a week. In each of
    the attacks, all after ``quiet_days``, three to five alerts of different tactics come within 24 hours, drawn from
    the same scale as the noise.
    """
    rng = np.random.default_rng(seed)
    rates = np.ones((entities, DETECTORS))
    if kind != "independent":
        rates *= rng.lognormal(0.0, 1.2, entities)[:, None] * rng.gamma(2.0, 0.5, (entities, DETECTORS))
    counts = rng.poisson(rates / rates.mean(axis=0) * (weekly * days / 7.0 / entities))
    entity, detector = (np.repeat(at, counts[np.nonzero(counts)]) for at in np.nonzero(counts))
    times = rng.uniform(0.0, days * DAY_US, entity.size)
    parts = [(entity, detector, times)]
    if kind == "bursty":
        parts += [_burst(rng, entities, days) for _ in range(round(entities * days / 1000))]
    hit = rng.choice(entities, attacked, replace=False)
    parts += [_attack(rng, int(whom), days, quiet_days, ordered=ordered) for whom in hit]
    whom, which, when = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(when, kind="stable")
    scale = np.maximum(rng.uniform(0.0, weekly, order.size), 1e-6)
    at_us = START_US + when[order].astype(np.int64)
    return World(at_us, whom[order], which[order], scale, frozenset(hit.tolist()), entities, days)


def signals_of(world: World) -> list[Signal]:
    """The alerts as fusion reads them."""
    columns = zip(
        world.time_us.tolist(), world.entity.tolist(), world.detector.tolist(), world.expected.tolist(), strict=True
    )
    return [
        Signal(
            id=f"{n:08}", job_id=f"detector-{detector}", detector_index=0, time=iso(at), expected_per_week=expected,
            explanation=Basis(),
            by_field_name=f"kind-{detector // TACTICS}", by_field_value=f"thing-{n}", entity_type="host",
            entity_id=f"host-{entity:05}",
        )
        for n, (at, entity, detector, expected) in enumerate(columns)
    ]  # fmt: skip


GUIDES = {f"detector-{n}": ((CHAIN[2 + n % TACTICS],), ()) for n in range(DETECTORS)}


def _burst(rng: np.random.Generator, entities: int, days: int) -> tuple[Ints, Ints, NDArray[np.float64]]:
    """A busy day of one entity: several detectors speak, about nothing."""
    size = int(rng.integers(2, 6))
    begin = rng.uniform(0.0, (days - 0.5) * DAY_US)
    return (
        np.full(size, rng.integers(entities)),
        rng.integers(DETECTORS, size=size),
        begin + rng.uniform(0.0, 0.1 * DAY_US, size),
    )


def _attack(
    rng: np.random.Generator, whom: int, days: int, quiet_days: int, *, ordered: bool
) -> tuple[Ints, Ints, NDArray[np.float64]]:
    size = int(rng.integers(3, 6))
    tactics = rng.choice(TACTICS, size, replace=False)
    tactics = np.sort(tactics) if ordered else tactics
    detectors = tactics + TACTICS * rng.integers(0, DETECTORS // TACTICS, size)
    begin = rng.uniform(quiet_days * DAY_US, (days - 1) * DAY_US)
    return np.full(size, whom), detectors, begin + np.sort(rng.uniform(0.0, DAY_US, size))


def weeks_of(world: World) -> float:
    """Length in weeks."""
    return world.days * DAY_US / WEEK_US
