"""A twin of the individual form in plain Python, which agrees with the compiled loop."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rarebit.core.time import HOUR_US
from rarebit.model.rare import RareModel
from rarebit.model.rare_kernel import INDIVIDUAL

START = 490_000 * HOUR_US


class Twin:
    """The individual form in plain Python: dicts, loops, no pooling weights but the first."""

    kappa, kappa_age, prior, bins = 20.0, 50.0, 20.0, 16

    def __init__(self, half_life: float) -> None:
        self.decay = 2.0 ** (-1.0 / half_life)
        self.pairs: dict[tuple[int, int], tuple[int, int]] = {}
        self.hosts: dict[int, dict[str, Any]] = {}
        self.holders: dict[int, set[int]] = {}
        self.groups: dict[int, dict[str, Any]] = {}

    def group(self, key: int) -> dict[str, Any]:
        fresh = {"n": [0.0] * 5, "k": [[0.0] * 4 for _ in range(5)], "h": [[0.0] * 16 for _ in range(4)], "hour": -1}
        return self.groups.setdefault(key, fresh)

    def step(self, hour: int, entity: int, value: int, peer: int, u: float) -> float:
        seen, count = self.pairs.get((entity, value), (-1, 0))
        if seen == hour:
            return float("nan")
        host = self.hosts.setdefault(entity, {"n": 0.0, "k": [0.0] * 4, "hours": 0, "hour": -1, "peer": peer})
        keys = [0, host["peer"]] if host["peer"] else [0]
        self.age_by_an_hour(host, keys, hour)
        age = sum(host["hours"] > edge for edge in (2, 16, 56, 240))
        level, at = self.level(entity, value, host["peer"], count)
        p = self.tail(host, keys, age, level, at, u)
        host["n"] += 1
        host["k"][level] += 1
        for key in keys:
            group = self.group(key)
            group["n"][age] += 1
            group["k"][age][level] += 1
            group["h"][level][at] += 1
        self.holders.setdefault(value, set()).add(entity)
        self.pairs[entity, value] = (max(seen, hour), count + 1)
        return p

    def age_by_an_hour(self, host: dict[str, Any], keys: list[int], hour: int) -> None:
        if hour > host["hour"]:
            host.update(n=host["n"] * self.decay, k=[k * self.decay for k in host["k"]], hour=hour)
            host["hours"] += 1
        for group in map(self.group, keys):
            if hour > group["hour"]:
                group["n"] = [n * self.decay for n in group["n"]]
                group["k"] = [[k * self.decay for k in row] for row in group["k"]]
                group["h"] = [[h * self.decay for h in row] for row in group["h"]]
                group["hour"] = hour

    def level(self, entity: int, value: int, peer: int, count: int) -> tuple[int, int]:
        holders = self.holders.get(value, set())
        if entity in holders:
            return 0, min(15, count.bit_length() - 1)
        peers = [other for other in holders if self.hosts[other]["peer"] == peer]
        if peers:
            return 1, min(15, len(peers).bit_length() - 1)
        return (2, min(15, len(holders).bit_length() - 1)) if holders else (3, 0)

    def tail(self, host: dict[str, Any], keys: list[int], age: int, level: int, at: int, u: float) -> float:
        rates = [0.0, *(self.rate(host, keys, age, m) for m in (1, 2, 3))]
        above = sum(rates[level + 1 :])
        own = max(0.0, 1.0 - above) if level == 0 else rates[level]
        return min(1.0, above + own * (u if level == 3 else self.rank(keys, level, at, u)))

    def rate(self, host: dict[str, Any], keys: list[int], age: int, level: int) -> float:
        fleet = self.groups[0]
        rate = (sum(row[level] for row in fleet["k"]) + 0.5) / (sum(fleet["n"]) + 1.0)
        rate = (fleet["k"][age][level] + self.kappa_age * rate) / (fleet["n"][age] + self.kappa_age)
        for key in keys[1:]:
            group = self.groups[key]
            rate = (group["k"][age][level] + self.kappa * rate) / (group["n"][age] + self.kappa)
        return float((host["k"][level] + self.kappa * rate) / (host["n"] + self.kappa))

    def rank(self, keys: list[int], level: int, at: int, u: float) -> float:
        fleet = self.groups[0]["h"][level]
        mass = [(h + 1 / self.bins) / (sum(fleet) + 1) for h in fleet]
        for key in keys[1:]:
            mass = [h + self.prior * m for h, m in zip(self.groups[key]["h"][level], mass, strict=True)]
        return float((sum(mass[:at]) + u * mass[at]) / sum(mass))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), half_life=st.sampled_from([2.0, 168.0]), groups=st.sampled_from([0, 1, 4]))
def test_twin(seed: int, half_life: float, groups: int) -> None:
    rng = np.random.default_rng(seed)
    size = 1200
    times = START + np.sort(rng.integers(0, round(rng.uniform(5, 300) * HOUR_US), size))
    times -= np.where(rng.random(size) < 0.05, rng.integers(0, 3 * HOUR_US, size), 0)  # some are late
    entities, values = rng.integers(1, 13, size), 1 + (rng.integers(5, 400) * rng.random(size) ** 3).astype(np.int64)
    u = rng.random(size)
    peers = 1 + entities % groups if groups else np.zeros(size, np.int64)
    made = RareModel(INDIVIDUAL, full=True, half_life_hours=half_life)
    p, _ = made.score_and_learn(times, entities, values, peers=peers, u=u)
    twin = Twin(half_life)
    columns = zip((times // HOUR_US).tolist(), entities.tolist(), values.tolist(), peers.tolist(), u, strict=True)
    plain = np.array([twin.step(*row) for row in columns])
    np.testing.assert_allclose(p, plain, rtol=1e-12, atol=1e-15)
