"""The beacon model: a rhythm stands out with jitter, pauses, bursts and long periods; pollers of all hosts do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rarebit.core.time import DAY_US, HOUR_US
from rarebit.model.beacon import CELL, MOST_CONTACTS, BeaconModel, BeaconSettings, shared
from rarebit.model.beacon_kernel import BEAT, beats_of, counted
from rarebit.model.beacon_odds import odds_of, probability, product
from rarebit.model.tables import Table

START_S = 20_003 * 86_400
DAY_S = 86_400
Floats = NDArray[np.float64]


def _beat(times: Any, sizes: Any = None) -> np.void:
    seconds = np.unique(np.asarray(times, np.float64).astype(np.int64))[-MOST_CONTACTS:]
    given = np.full(seconds.size, np.nan) if sizes is None else np.resize(np.asarray(sizes, float), seconds.size)
    beats = np.zeros(1, BEAT)
    beats_of(seconds, given, np.array([0]), np.array([seconds.size]), beats, np.zeros((3, MOST_CONTACTS)))
    found: np.void = beats[0]
    return found


def _clock(period: float, jitter: float, days: float, rng: np.random.Generator) -> Floats:
    number = int(days * DAY_S / period)
    return START_S + np.cumsum(period * rng.uniform(1.0 - jitter, 1.0 + jitter, number))


def _human(days: float, rng: np.random.Generator) -> Floats:
    """Visits of a person: bursts of contacts, at any distance from each other."""
    starts = START_S + np.cumsum(rng.lognormal(8.5, 1.2, 200))
    bursts = [start + np.cumsum(rng.lognormal(2.0, 1.5, int(rng.integers(1, 30)))) for start in starts]
    times = np.sort(np.concatenate(bursts))
    return times[times < START_S + days * DAY_S]


@pytest.mark.parametrize(
    ("period", "jitter", "days"), [(60, 0.0, 1), (60, 0.3, 1), (61, 0.5, 1), (900, 0.2, 1), (3 * 3600, 0.1, 7)]
)
def test_period_and_spread_are_those_of_the_clock(period: float, jitter: float, days: float) -> None:
    beat = _beat(_clock(period, jitter, days, np.random.default_rng(1)))
    assert beat["period_s"] == pytest.approx(period, rel=0.08)
    assert beat["spread_s"] == pytest.approx(period * jitter / 2.0, rel=0.2, abs=1.0)
    assert beat["regularity"] > 0.45
    assert (beat["pattern"], beat["merged_s"]) == (1, 0)


def test_pauses_bursts_and_patterns_hide_no_rhythm() -> None:
    rng = np.random.default_rng(2)
    regular = _clock(300, 0.1, 1, rng)
    asleep = regular[(regular < START_S + 20_000) | (regular > START_S + 40_000)]
    assert _beat(asleep)["strength"] > 0.7
    assert _beat(np.sort(rng.permutation(regular)[: int(0.9 * regular.size)]))["strength"] > 0.6
    bursts = np.concatenate([start + np.arange(rng.integers(1, 5)) for start in regular[:150]])
    found = _beat(bursts)
    assert (found["merged_s"], found["checkins"]) == (5, 150)
    turns = START_S + np.concatenate([np.arange(40) * 1500.0, np.arange(40) * 1500.0 + 200.0])
    assert (_beat(turns)["pattern"], _beat(turns)["period_s"]) == (2, 1500.0)


def test_chance_and_people_are_no_rhythm() -> None:
    rng = np.random.default_rng(3)
    poisson = [
        _beat(START_S + np.sort(rng.uniform(0, DAY_S, int(rng.integers(10, 400)))))["strength"] for _ in range(300)
    ]
    human = [_beat(_human(1, rng))["strength"] for _ in range(300)]
    jittered = [_beat(_clock(float(rng.uniform(60, 600)), 0.5, 1, rng))["strength"] for _ in range(300)]
    floor = np.quantile(jittered, 0.02)
    assert np.mean(np.array(poisson) >= floor) <= 0.01
    assert np.mean(np.array(human) >= floor) <= 0.01


def test_equal_sizes_make_a_rhythm_stronger() -> None:
    times = _clock(300, 0.1, 1, np.random.default_rng(4))
    equal, unknown, wild = (
        _beat(times, sizes)["strength"]
        for sizes in ([312.0], None, np.random.default_rng(5).lognormal(8.0, 2.0, times.size))
    )
    assert equal > unknown > wild


def test_rows_are_counted_as_a_double_loop_does() -> None:
    rng = np.random.default_rng(6)
    strength, other = np.round(rng.random(200), 1), rng.integers(1, 9, 200)
    told = [(int(np.sum((strength >= s / 2.0) & (other <= o)))) for s, o in zip(strength, other, strict=True)]
    assert counted(strength, strength / 2.0, other, 8).tolist() == told


def test_probability_keeps_its_promise_where_the_parts_have_nothing_to_do_with_each_other() -> None:
    rng = np.random.default_rng(7)
    p = np.concatenate(
        [odds_of(rng.random(2000), rng.geometric(0.1, 2000), rng.integers(0, 50, 2000))["p"] for _ in range(20)]
    )
    for level in (0.1, 0.01, 0.001):
        assert 0.3 < np.mean(p <= level) / level < 1.3, level


def test_the_oddest_possible_series_has_the_probability_that_its_counts_give() -> None:
    odds = odds_of(np.array([0.9, *np.zeros(99)]), np.array([1, *[50] * 99]), np.array([1, *[10**9] * 99]))[:1]
    assert [int(odds[name][0]) for name in ("others", "as_regular", "regular_rare", "regular_new")] == [99, 0, 0, 0]
    depth = -3.0 * np.log(0.01)
    assert odds["product"][0] == pytest.approx(0.01**3)
    assert odds["p"][0] == pytest.approx(2.0 * 0.01**3 * (1 + depth + depth**2 / 2))
    assert (product(odds).tolist(), probability(odds).tolist()) == (odds["product"].tolist(), odds["p"].tolist())


class World:
    """Hosts that browse and poll for days, and some that are called by a clock besides."""

    def __init__(self, seed: int, *, hosts: int = 60, days: float = 3.0) -> None:
        self.rng, self.hosts, self.days = np.random.default_rng(seed), hosts, days
        self.rows: list[tuple[int, int, Floats]] = []
        for host in range(1, hosts + 1):
            for _ in range(8):
                self.add(host, 1000 + int(self.rng.zipf(1.3)) % 1500, _human(days, self.rng))
            for updater, period in enumerate((60, 300, 3600)):
                self.add(host, 10 + updater, _clock(period, 0.0, days, self.rng) + self.rng.uniform(0, period))

    def add(self, host: int, destination: int, times: Floats) -> None:
        self.rows.append((host, destination, times))

    def events(self) -> tuple[NDArray[np.int64], ...]:
        """Times, ids, keys, hosts and destinations, by time."""
        times = np.concatenate([times for *_, times in self.rows])
        sizes = [times.size for *_, times in self.rows]
        hosts = np.repeat(np.array([host for host, *_ in self.rows], np.int64), sizes)
        to = np.repeat(np.array([to for _, to, _ in self.rows], np.int64), sizes)
        order = np.argsort(times, kind="stable")
        times, hosts, to = times[order], hosts[order], to[order]
        inside = times < START_S + self.days * DAY_S
        ids = np.arange(times.size) + 1
        return tuple(
            np.ascontiguousarray(part[inside])
            for part in ((times * 1e6).astype(np.int64), ids, hosts * 100_000 + to, hosts, to)
        )

    def run(self, cuts: int = 1, *, restart: bool = False, **more: Any) -> tuple[Table, BeaconModel]:
        """What a model tells of all events, given in so many pieces."""
        model, cells = _model(**more), []
        for part in zip(*(np.array_split(each, cuts) for each in self.events()), strict=True):
            times, ids, keys, hosts, to = part
            cells.append(
                model.score_and_learn(
                    times, ids, keys, entities=hosts, destinations=to, sizes=np.full(times.size, np.nan)
                )[0]
            )
            if restart:
                model = _model(**more).load_state(model.to_state())
        return np.concatenate(cells), model


def _model(**more: Any) -> BeaconModel:
    model = BeaconModel(BeaconSettings(span_us=4 * HOUR_US, **more))
    model.keep_p = 1.0
    return model


@pytest.mark.parametrize("seed", range(2))
def test_beacons_with_jitter_come_first_and_updaters_of_all_hosts_do_not(seed: int) -> None:
    world = World(seed)
    called = [(3, 0.0, 90.0), (7, 0.2, 90.0), (11, 0.5, 90.0), (15, 0.3, 2000.0)]
    for number, (host, jitter, period) in enumerate(called):
        world.add(host, 9000 + number, _clock(period, jitter, 2.0, world.rng) + 1.2 * DAY_S)
    cells, _ = world.run()
    best = cells[np.argsort(cells["p"], kind="stable")]
    named = list(dict.fromkeys(best["destination"].tolist()))
    ranks = sorted(named.index(9000 + number) for number in range(4))  # among some five hundred
    assert ranks[0] == 0
    assert ranks[3] <= 5
    updaters = best["p"][(best["destination"] < 1000) & (best["time_us"] > (START_S + DAY_S) * 1_000_000)]
    assert updaters.size == 0 or updaters.min() > 0.9
    assert best["p"][best["destination"] == 9002].min() < 0.02


def test_clean_sites_have_few_low_probabilities() -> None:
    low = []
    for seed in range(3):
        cells, _ = World(100 + seed).run()
        late = cells["time_us"] > (START_S + DAY_S) * 1_000_000
        low.append(int(np.count_nonzero(cells["p"][late] < 0.003)))
    assert sum(low) <= 3, low  # of some eleven hundred judged


def test_cuts_and_restarts_change_nothing() -> None:
    world = World(5, hosts=12, days=2.0)
    cells, model = world.run()
    again, other = world.run(cuts=13, restart=True)
    assert all(np.array_equal(cells[name], again[name], equal_nan=True) for name in cells.dtype.names or ())
    left, right = model.to_state(), other.to_state()
    assert left.keys() == right.keys()
    assert all(np.array_equal(left[name], right[name], equal_nan=left[name].dtype.kind == "f") for name in left)


def test_what_others_have_is_not_odd_however_regular() -> None:
    assert shared(np.array([1, 31, 2001]), np.array([2001, 2001, 2001])).tolist() == [0.0, 0.000225, 1.0]
    assert shared(np.array([1]), np.array([1])).tolist() == [0.0]


def test_a_beacon_is_told_once_a_day() -> None:
    world = World(6, hosts=20)
    world.add(3, 9000, _clock(90.0, 0.1, 2.5, world.rng) + 0.3 * DAY_S)
    cells, _ = world.run()
    told = cells["time_us"][cells["destination"] == 9000]
    assert 2 <= told.size <= 5
    assert np.all(np.diff(told) > 0)


def test_memory_is_bounded_and_what_goes_is_counted() -> None:
    world = World(8, hosts=20, days=2.0)
    _, model = world.run(memory_bytes=200_000)
    before = model.series.size
    model.start_day()
    assert model.memory <= 200_000
    assert model.series.size + model.evicted == before
    assert (
        model.destinations["hosts"].sum()
        == np.unique(model.series["entity"] * 100_000 + model.series["destination"]).size
    )
    assert set(model.contacts["key"].tolist()) <= set(model.series["key"].tolist())
    _, model = world.run(prune_us=HOUR_US)
    before = model.series.size
    model.start_day()
    assert model.pruned == before - model.series.size > 0


def test_hosts_peers_and_late_rows_are_counted() -> None:
    model = _model()
    model.set_peers(dict.fromkeys(range(1, 6), "desk"))
    times = (START_S + np.arange(0, 10 * 3600, 60)) * 1_000_000

    def feed(hosts: Any, at: NDArray[np.int64]) -> Table:
        who = np.resize(np.asarray(hosts, np.int64), at.size)
        return model.score_and_learn(
            at,
            np.arange(at.size) + 1,
            who,
            entities=who,
            destinations=np.full(at.size, 7),
            sizes=np.full(at.size, 40.0),
        )[0]

    others = np.resize(np.arange(20, 60), 480)
    chance = np.sort(np.random.default_rng(9).integers(times[0] - 3 * HOUR_US, times[0], others.size))
    model.score_and_learn(
        chance, np.arange(others.size) + 1, others, entities=others, destinations=others,
        sizes=np.full(others.size, np.nan),
    )  # fmt: skip
    cells = np.concatenate([feed([1, 2, 8], times), feed([1], times[:3]), feed([1], times[-1:] + DAY_US)])
    cells = cells[cells["destination"] == 7]
    assert model.late == 3
    assert set(cells["hosts"].tolist()) == {3}
    desk = cells[cells["entity"] == 1]
    assert {(int(cell["peers"]), int(cell["peers_with"])) for cell in desk} == {(1, 1)}
    assert set(cells["size"].tolist()) == {40.0}


def test_peers_are_the_other_hosts_of_the_group_that_were_met() -> None:
    rng = np.random.default_rng(3)
    model = BeaconModel(BeaconSettings(span_us=HOUR_US))
    size = 300
    keys, hosts, destinations = np.arange(1, size + 1), rng.integers(1, 30, size), rng.integers(1, 12, size)
    times = START_S * 1_000_000 + np.sort(rng.integers(0, HOUR_US, size))
    given = {"entities": hosts, "destinations": destinations, "sizes": np.full(size, np.nan), "peers": hosts % 4}
    model.score_and_learn(times, keys, keys, **given)
    one = {name: part[:1] for name, part in given.items()}
    model.score_and_learn(times[-1:] + HOUR_US, keys[:1], keys[:1] * 0, **one)  # the hour closes
    cells = np.zeros(size, CELL)
    cells["group"], cells["destination"] = hosts % 4, destinations
    told = model.with_peers(cells)
    for cell, group, destination in zip(told, hosts % 4, destinations, strict=True):
        alike = set(hosts[hosts % 4 == group])
        there = set(hosts[(hosts % 4 == group) & (destinations == destination)])
        assert cell["peers"] == (len(alike) - 1 if group else 0)
        assert cell["peers_with"] == (len(there) - 1 if group else 0)
