"""The rare model: every level, what is an observation, peers and partitions, rates, rollouts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarebit.core.time import HOUR_US
from rarebit.maths.hashing import hash_text
from rarebit.model.rare import RareModel
from rarebit.model.rare_kernel import FLEET, INDIVIDUAL, POPULATION
from rarebit.model.spread_kernel import poisson_tail

START = 490_000 * HOUR_US
MODES = (INDIVIDUAL, FLEET, POPULATION)
Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


def rows(*parts: tuple[float, int, int]) -> Rows:
    """(hours since the start, entity, value) as columns."""
    table = np.array(parts, np.float64).reshape(-1, 3)
    return START + (table[:, 0] * HOUR_US).astype(np.int64), table[:, 1].astype(np.int64), table[:, 2].astype(np.int64)


def model(mode: int = INDIVIDUAL, **options: Any) -> RareModel:
    return RareModel(mode, **{"keep_p": 1.0, **options})


def stream(seed: int, size: int, *, hosts: int = 12, values: int = 40, hours: float = 60.0) -> Rows:
    """A busy little fleet: common values for all, rare ones for some, times in order."""
    rng = np.random.default_rng(seed)
    times = START + np.sort(rng.integers(0, round(hours * HOUR_US), size))
    return times, rng.integers(1, hosts + 1, size), 1 + (values * rng.random(size) ** 3).astype(np.int64)


def last_level(mode: int, history: Sequence[tuple[float, int, int]], row: tuple[float, int, int], **extra: Any) -> int:
    """Level of the last row, 0 where it is no candidate."""
    _, found = model(mode).score_and_learn(*rows(*history, row), **extra)
    judged = found[found["row"] == len(history)]
    return int(judged["level"][0]) if judged.size else 0


# --- levels -------------------------------------------------------------------------------------------------------


def test_individual_levels() -> None:
    peers = np.array([7, 7, 8, 7], np.int64)  # entities 1 and 2 are peers, 3 is not
    history = [(0, 1, 10), (0, 2, 11), (0, 3, 12)]
    for value, level in ((10, 0), (11, 1), (12, 2), (13, 3)):
        assert last_level(INDIVIDUAL, history, (1, 1, value), peers=peers) == level


def test_without_peer_groups_the_fleet_is_the_peers() -> None:
    assert last_level(INDIVIDUAL, [(0, 1, 10), (0, 2, 11)], (1, 1, 11)) == 1


@pytest.mark.parametrize(("times", "level"), [(0, 3), (1, 2), (7, 2), (8, 1), (63, 1), (64, 0), (200, 0)])
def test_fleet_levels(times: int, level: int) -> None:
    """By observations of the value, once it is old news."""
    history = [(0.0, entity, 1) for entity in range(1, 20)] + [(float(hour), 1, 9) for hour in range(times)]
    assert last_level(FLEET, history, (2000, 2, 9)) == level


@pytest.mark.parametrize(("others", "level"), [(0, 3), (1, 2), (3, 2), (4, 1), (15, 1), (16, 0)])
def test_population_levels(others: int, level: int) -> None:
    history = [(0.0, entity, 1) for entity in range(1, 99)] + [(0.0, entity, 9) for entity in range(2, 2 + others)]
    assert last_level(POPULATION, history, (1, 1, 9)) == level
    assert last_level(POPULATION, [*history, (1, 1, 9)], (2, 1, 9)) == level  # itself is none of the others


@pytest.mark.parametrize("mode", [FLEET, POPULATION])
def test_what_half_of_the_fleet_has_is_not_rare(mode: int) -> None:
    history = [(0.0, entity, 1) for entity in range(1, 9)] + [(0.0, entity, 9) for entity in range(1, 4)]
    assert last_level(mode, history, (400, 8, 9)) > 0
    assert last_level(mode, [*history, (0.5, 4, 9)], (400, 8, 9)) == 0


def test_in_the_fleet_what_is_new_is_found_once_a_week() -> None:
    history = [(0.0, entity, 1) for entity in range(1, 20)] + [(10.0, 1, 9)]
    assert last_level(FLEET, history, (10 + 167, 2, 9)) == 0
    assert last_level(FLEET, history, (10 + 168, 2, 9)) == 2


# --- what is an observation ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_an_observation_is_a_distinct_value_of_the_hour(mode: int) -> None:
    p, _ = model(mode).score_and_learn(*rows((0.0, 1, 5), (0.9, 1, 5), (0.9, 1, 6), (1.0, 1, 5), (1.1, 2, 5)))
    assert np.isnan(p).tolist() == [False, True, False, False, False]


@pytest.mark.parametrize("mode", MODES)
def test_rows_without_entity_or_value_are_passed_over(mode: int) -> None:
    made = model(mode)
    p, found = made.score_and_learn(*rows((0, 0, 5), (0, 1, 0), (0, 0, 0)))
    assert np.isnan(p).all()
    assert found.size == 0
    assert made.counts == {"pairs": 0, "values": 0, "peers": 0, "entities": 0, "groups": 0}


def test_nothing_is_learnt_before_it_is_scored() -> None:
    """Two of the same in one call differ: the second already knows of the first."""
    _, found = model().score_and_learn(*rows((0, 1, 5), (0, 2, 5)))
    assert found["level"].tolist() == [3, 1]
    assert found["fleet_with"].tolist() == [0, 1]
    assert found["observations"].tolist() == [0.0, 0.0]


def test_counts_shown_are_those_before_the_observation() -> None:
    founding = (0, 3, 12)
    history = [founding, (100, 1, 10), (100, 1, 11), (100, 2, 10)]
    _, found = model().score_and_learn(*rows(*history, (101, 2, 12)))
    last = found[-1]
    decay = 2.0 ** (-1 / 168)
    assert (last["row"], last["time_us"], last["entity"], last["value"]) == (4, START + 101 * HOUR_US, 2, 12)
    assert (last["level"], last["fleet"], last["fleet_with"], last["peers_with"]) == (1, 2, 1, 1)
    assert last["observations"] == pytest.approx(decay)
    assert last["novel"] == pytest.approx(decay)
    assert last["hours"] == 2
    assert last["first_hour"] == 490_100


def test_founding_says_nothing_of_one_entity() -> None:
    """While a fleet is new all is new to all of it: what an entity shows then is not its own rate."""
    founding = [(float(hour), entity, hour % 7) for hour in range(1, 72) for entity in (1, 2)]
    made = model()
    made.score_and_learn(*rows((0.0, 3, 1), *founding))
    assert made.to_state()["entities.n"].tolist() == [0.0, 0.0, 0.0]
    _, found = made.score_and_learn(*rows((72.0, 1, 99), (73.0, 1, 98)))
    assert found["observations"][0] == 0.0
    assert found["observations"][1] > 0.9


@pytest.mark.parametrize("mode", MODES)
def test_late_rows_are_scored(mode: int) -> None:
    history = [(float(hour), entity, 1) for hour in range(30) for entity in (1, 2, 3)]
    p, found = model(mode).score_and_learn(*rows(*history, (20.5, 1, 9), (21.5, 1, 9)))
    assert found["row"][-1] >= len(history)
    assert not np.isnan(p[-2:]).any()


def test_late_first_sights_are_no_rollout() -> None:
    """A clock that goes back makes no stretch of first sights improbable by itself."""
    old = [(0.0, 50, 9), *((24.0 * day, 1, 1) for day in range(10))]
    slow = [(240.0, 1, 9), (225.0, 2, 9), (221.0, 3, 9)]  # three in 19 hours, backwards
    _, forward = model().score_and_learn(*rows(*old, *sorted(slow)))
    _, backward = model().score_and_learn(*rows(*old, *slow))
    assert forward["spreading"][-1] == backward["spreading"][-1]


# --- peers and scopes ---------------------------------------------------------------------------------------------


def test_peers_by_map_and_by_row_agree() -> None:
    times, entities, values = stream(3, 800)
    names = {entity: f"role{entity % 3}" for entity in range(1, 13)}
    mapped = model(full=True)
    mapped.set_peers(names)
    by_map = mapped.score_and_learn(times, entities, values)
    codes = np.array([hash_text(names[int(entity)]) for entity in entities], np.int64)
    by_row = model(full=True).score_and_learn(times, entities, values, peers=codes)
    assert by_map[0].tobytes() == by_row[0].tobytes()
    assert by_map[1].tobytes() == by_row[1].tobytes()
    assert mapped.counts["groups"] == 3
    assert set(mapped.group_codes()[1:].tolist()) == {hash_text(name) for name in names.values()}


def test_the_map_goes_before_the_row() -> None:
    made = model()
    made.set_peers({1: "servers"})
    made.score_and_learn(*rows((0, 1, 5), (0, 2, 5)), peers=np.array([77, 77], np.int64))
    assert made.group_codes().tolist() == [0, hash_text("servers"), 77]


def test_an_entity_follows_the_map_with_its_next_hour() -> None:
    """Values it had count in its new group from their next sight on; its old group keeps both."""
    made = model(full=True)
    made.set_peers({1: "office", 2: "office", 3: "plant"})
    made.score_and_learn(*rows((0, 1, 5), (0, 2, 5), (0, 3, 6)))
    made.set_peers({1: "plant", 2: "office", 3: "plant"})
    _, same_hour = made.score_and_learn(*rows((0, 1, 7)))
    _, moved = made.score_and_learn(*rows((1, 1, 8), (1, 3, 5), (1, 1, 5), (2, 3, 9), (300, 1, 9)))
    names = made.group_codes().tolist()
    assert [names[group] for group in same_hour["group"]] == [hash_text("office")]
    assert names[moved["group"][0]] == hash_text("plant")
    assert moved["peers"].tolist()[:2] == [1, 1]
    late = moved[moved["value"] == 9][-1]
    assert (late["peers"], late["peers_with"], late["level"]) == (1, 1, 1)
    assert made.counts["groups"] == 2


def test_what_a_new_group_has_not_shown_yet_counts_as_known_to_it_for_a_week() -> None:
    for hour, level in ((1, 1), (7 * 24 + 2, 2)):
        made = model(full=True)
        made.score_and_learn(*rows((0, 1, 5), (0, 2, 6)))
        made.set_peers({1: "plant", 2: "plant"})
        made.score_and_learn(*rows((1, 1, 7), (1, 2, 7)))
        _, found = made.score_and_learn(*rows((hour, 1, 6)))
        assert found["level"].tolist() == [level]


def test_many_peer_groups() -> None:
    """More groups than there was room for at first."""
    size = 100
    made = model()
    ids = np.arange(1, size + 1)
    _, found = made.score_and_learn(np.full(size, START), ids, ids, peers=ids + 1000)
    assert made.group_codes().tolist() == [0, *(ids + 1000)]
    assert found["group"].tolist() == ids.tolist()


def test_scopes_are_worlds_of_their_own() -> None:
    """The same rows under two partitions give what each gives alone."""
    times, entities, values = stream(4, 400, hosts=30)
    alone = model(POPULATION)
    peers = 1 + entities % 3
    scopes = np.full(400, 5, np.int64)
    _, single = alone.score_and_learn(times, entities, values, scopes=scopes, peers=peers)
    both = model(POPULATION)
    twice = (np.repeat(column, 2) for column in (times, entities, values))
    scopes = np.tile(np.array([5, 6], np.int64), 400)
    _, double = both.score_and_learn(*twice, scopes=scopes, peers=np.repeat(peers, 2))
    assert both.counts["pairs"] == 2 * alone.counts["pairs"]
    for side in (0, 1):
        part = double[double["row"] % 2 == side]
        assert (part["row"] // 2).tolist() == single["row"].tolist()
        for name in ("level", "entity", "value", "fleet", "fleet_with", "peers", "peers_with", "value_observations"):
            assert part[name].tolist() == single[name].tolist()


# --- rates --------------------------------------------------------------------------------------------------------


def test_half_life_counts_active_hours() -> None:
    """After one half-life of active hours one observation is worth half; silence does not age it."""
    founding = (0.0, 2, 1)
    history = [founding, *((float(hour), 1, 1) for hour in range(100, 104))]
    for gap in (0.0, 5000.0):
        made = model(half_life_hours=1.0)
        _, found = made.score_and_learn(*rows(*history, (104.0 + gap, 1, 9)))
        assert found[-1]["observations"] == pytest.approx(1 / 2 + 1 / 4 + 1 / 8 + 1 / 16)


def test_a_noisy_host_is_not_surprising() -> None:
    """One new value on a host that shows new ones all day, and on one that never does."""
    noisy = [(hour, 1, 1000 + hour) for hour in range(400)]
    quiet = [(hour, 2, 1 + hour % 5) for hour in range(400)]
    history = sorted((float(hour), entity, value) for hour, entity, value in noisy + quiet)
    made = model()
    made.score_and_learn(*rows(*history))
    p, _ = made.score_and_learn(*rows((400, 1, 5000), (400, 2, 5001)))
    assert p[0] > 0.2
    assert p[1] < p[0] / 5


def test_u_replaces_the_half_of_mid_p() -> None:
    times, entities, values = stream(8, 600)
    by_half = model(full=True).score_and_learn(times, entities, values)[0]
    given_half = model(full=True).score_and_learn(times, entities, values, u=np.full(600, 0.5))[0]
    low = model(full=True).score_and_learn(times, entities, values, u=np.zeros(600))[0]
    high = model(full=True).score_and_learn(times, entities, values, u=np.ones(600))[0]
    assert by_half.tobytes() == given_half.tobytes()
    assert np.isnan(by_half).tolist() == np.isnan(low).tolist() == np.isnan(high).tolist()
    inside = high < 1.0  # rates of a host that was hardly seen add up to more, and are cut off
    assert inside.sum() > 200
    assert np.all(low[inside] < high[inside])
    np.testing.assert_allclose(by_half[inside], (low[inside] + high[inside]) / 2, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_probabilities_are_probabilities(mode: int) -> None:
    times, entities, values = stream(9, 3000, hosts=40, values=300)
    made = model(mode, full=True)
    for part in np.array_split(np.arange(3000), 6):
        made.start_day()
        p, found = made.score_and_learn(times[part], entities[part], values[part])
        judged = p[~np.isnan(p)]
        assert np.all((judged > 0.0) & (judged <= 1.0))
        assert np.all((found["rate"] >= found["p"] - 1e-12) & (found["rate"] <= 1.0))


def test_only_what_is_kept_is_handed_out() -> None:
    times, entities, values = stream(10, 2000)
    p, everything = model().score_and_learn(times, entities, values)
    same, kept = model(keep_p=0.1).score_and_learn(times, entities, values)
    assert p.tobytes() == same.tobytes()
    wanted = everything[(everything["p"] <= 0.1) | (everything["spreading"] > 0)]
    assert set(kept["row"]) == set(wanted["row"])


@pytest.mark.parametrize("pool", [True, False])
def test_without_pooling_a_new_host_has_no_rates(pool: bool) -> None:
    """Hosts that joined before it showed nothing that others did not have."""
    history = [(float(hour), host, 1 + hour % 4) for hour in range(300) for host in range(1, 40) if hour >= 5 * host]
    made = model(pool=pool)
    made.score_and_learn(*rows(*history))
    made.start_day()
    p, _ = made.score_and_learn(*rows((300, 99, 1), (301, 99, 500)))
    assert (p[1] < 0.03) == pool


# --- rollouts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hosts", [1, 2, 3, 10])
def test_three_hosts_at_once_are_a_rollout(hosts: int) -> None:
    history = [(float(hour), host, 1 + hour % 3) for hour in range(100) for host in range(1, 40)]
    _, found = model().score_and_learn(*rows(*history, *((100 + host / 60, host, 77) for host in range(1, hosts + 1))))
    about = found[found["value"] == 77]
    assert about["joined"].tolist() == list(range(1, hosts + 1))
    assert about["spreading"].tolist() == [int(joined >= 3) for joined in range(1, hosts + 1)]
    assert len(set(about["window_us"].tolist())) == 1


def test_slow_adoption_by_a_large_fleet_is_no_rollout() -> None:
    """What 3,000 hosts took up in ten days is taken up by a few more; their expected number is far above 745."""
    history = [(240.0 * host / 3000, host, 9) for host in range(1, 3001)]
    slow = [(300.0 + 20.0 * at, 3001 + at, 9) for at in range(12)]
    _, found = model().score_and_learn(*rows(*history, *slow))
    assert found["joined"][-12:].tolist() == list(range(1, 13))
    assert found["spreading"][-12:].sum() == 0


@settings(deadline=None)
@given(st.integers(0, 2000), st.floats(0.0, 2000.0))
def test_poisson_tail(k: int, mean: float) -> None:
    from scipy.stats import poisson

    assert poisson_tail(k, mean) == pytest.approx(poisson.sf(k - 1, mean), rel=1e-9, abs=1e-12 if k <= mean else 1e-280)
