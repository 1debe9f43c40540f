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


LIMITS = (1, 3, 8, 20)
AGES, YOUNG = 12, 5


class Twin:
    """The individual form in plain Python: dicts, loops, no pooling weights but the first."""

    kappa, kappa_age, prior, bins, of_group, of_share = 20.0, 50.0, 20.0, 16, 3.0, 10.0

    def __init__(self, half_life: float) -> None:
        self.decay = 2.0 ** (-1.0 / half_life)
        self.since = -1
        self.pairs: dict[tuple[int, int], tuple[int, int]] = {}
        self.hosts: dict[int, dict[str, Any]] = {}
        self.holders: dict[int, set[int]] = {}
        self.groups: dict[int, dict[str, Any]] = {}

    def group(self, key: int) -> dict[str, Any]:
        fresh = {"n": [0.0] * AGES, "k": [[0.0] * 4 for _ in range(AGES)], "h": [[0.0] * 16 for _ in range(4)]}
        return self.groups.setdefault(key, {**fresh, "hour": -1, "rates": [[0.0] * 4] * AGES})

    def age(self, host: dict[str, Any]) -> int:
        hours, first = int(host["hours"]), int(host["first"])
        if hours > 56:
            return 10 if hours <= 240 else 11
        return (YOUNG if first - self.since >= 72 else 0) + sum(hours > edge for edge in LIMITS)

    def step(self, hour: int, entity: int, value: int, peer: int, u: float) -> float:
        seen, count = self.pairs.get((entity, value), (-1, 0))
        if seen == hour:
            return float("nan")
        new = {"k": [0.0] * 4, "e": [0.0] * 4, "fresh": 0, "hours": 0, "hour": -1, "first": hour, "peer": peer}
        host = self.hosts.setdefault(entity, new)
        keys = [0, host["peer"]] if host["peer"] else [0]
        self.since = hour if self.since < 0 else self.since
        self.age_by_an_hour(host, keys, hour)
        age = self.age(host)
        level, at = self.level(entity, value, host["peer"], count)
        p = self.tail(host, keys, age, level, at, u)
        if host["hour"] - self.since >= 72:
            host["fresh"] += 1
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
            due = [host["fresh"] * rate for rate in self.group(keys[-1])["rates"][self.age(host)]]
            host["e"] = [(e + more) * self.decay for e, more in zip(host["e"], due, strict=True)]
            host.update(fresh=0, k=[k * self.decay for k in host["k"]], hour=hour)
            host["hours"] += 1
        for at, group in enumerate(map(self.group, keys)):
            if hour > group["hour"]:
                group["n"] = [n * self.decay for n in group["n"]]
                group["k"] = [[k * self.decay for k in row] for row in group["k"]]
                group["h"] = [[h * self.decay for h in row] for row in group["h"]]
                group["hour"] = hour
                of_age = [[self.peer_rate(keys[: at + 1], age, m) for m in (1, 2, 3)] for age in range(AGES)]
                group["rates"] = [[0.0, *rates] for rates in of_age]

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
        rate = self.peer_rate(keys, age, level)
        due = host["e"][level] + host["fresh"] * rate
        return float(min(1.0, rate * (host["k"][level] + self.kappa * rate) / (due + self.kappa * rate)))

    def peer_rate(self, keys: list[int], age: int, level: int) -> float:
        fleet = self.group(0)
        rate = (sum(row[level] for row in fleet["k"]) + 0.5) / (sum(fleet["n"]) + 1.0)
        if YOUNG <= age < 2 * YOUNG:
            rate = self.joined_rate(fleet, age, level)
        rate = (fleet["k"][age][level] + self.kappa_age * rate) / (fleet["n"][age] + self.kappa_age)
        for group in map(self.group, keys[1:]):
            rate = (group["k"][age][level] + self.of_group) / (group["n"][age] + self.of_group / rate)
        return float(rate)

    def joined_rate(self, fleet: dict[str, Any], age: int, level: int) -> float:
        novelty = (sum(fleet["k"][age - YOUNG][1:]) + 0.5) / (fleet["n"][age - YOUNG] + 1.0)
        joined, grown = fleet["k"][YOUNG : 2 * YOUNG], fleet["k"][2 * YOUNG :]
        share = (sum(row[level] for row in grown) + 1.0) / (sum(sum(row[1:]) for row in grown) + 3.0)
        if level > 1:
            of_all = (sum(row[level] for row in grown) + 0.5) / (sum(fleet["n"][2 * YOUNG :]) + 1.0)
            share = min(share, (share * of_all / novelty) ** 0.5)
        novel = sum(sum(row[1:]) for row in joined)
        of_level = sum(row[level] for row in joined)
        return float(novelty * (of_level + self.of_share * share) / (novel + self.of_share))

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
    times = START + np.sort(rng.integers(0, round(rng.uniform(5, 400) * HOUR_US), size))
    times -= np.where(rng.random(size) < 0.05, rng.integers(0, 3 * HOUR_US, size), 0)  # some are late
    entities = np.where((times - START) / HOUR_US > 90, rng.integers(1, 17, size), rng.integers(1, 13, size))
    values = 1 + (rng.integers(5, 400) * rng.random(size) ** 3).astype(np.int64)
    u = rng.random(size)
    peers = 1 + entities % groups if groups else np.zeros(size, np.int64)
    made = RareModel(INDIVIDUAL, full=True, half_life_hours=half_life)
    p, _ = made.score_and_learn(times, entities, values, peers=peers, u=u)
    twin = Twin(half_life)
    columns = zip((times // HOUR_US).tolist(), entities.tolist(), values.tolist(), peers.tolist(), u, strict=True)
    plain = np.array([twin.step(*row) for row in columns])
    np.testing.assert_allclose(p, plain, rtol=1e-12, atol=1e-15)
