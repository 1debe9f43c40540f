"""The hours model: uniform where the law is known, near it where it is learnt, in its own zone, however it is cut."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kstest

from model.hours_worlds import START_HOUR, World, laws, live, randomised, zones_found
from rarebit.core.time import HOUR_US
from rarebit.model.hours import HoursModel, HoursSettings
from rarebit.model.hours_law import DAY_HOURS, WEEK_HOURS, WORTH, filled, kernel, shares_of, shifts_of, tails, turned

START_US = START_HOUR * HOUR_US
QUARTER_US = HOUR_US // 4


@pytest.fixture(scope="module")
def world() -> World:
    return live(3, series=90, days=30)


def test_p_is_uniform_where_the_law_of_the_peers_is_known() -> None:
    rng = np.random.default_rng(5)
    prior = laws(rng, 3)[rng.integers(0, 3, 800)]
    truth = np.stack([rng.dirichlet(WORTH * each) for each in prior])
    own, said = np.zeros((800, DAY_HOURS)), []
    for _ in range(40):
        hours = (rng.random((800, 1)) > truth.cumsum(axis=1)).sum(axis=1).clip(max=DAY_HOURS - 1)
        less, same = tails(shares_of(own, prior, np.eye(DAY_HOURS)), hours)
        said.append(less + rng.random(800) * same)
        own[np.arange(800), hours] += 1.0
    assert kstest(np.concatenate(said), "uniform").pvalue > 1e-3


def test_p_is_near_uniform_and_on_the_quiet_side_where_it_is_learnt(world: World) -> None:
    p, judged = randomised(np.random.default_rng(1), world, from_day=14)
    ratios = [np.count_nonzero(p <= level) / judged / level for level in (0.1, 0.03)]
    assert all(0.4 <= ratio <= 1.3 for ratio in ratios), ratios


def test_the_zone_of_a_series_is_found(world: World) -> None:
    assert zones_found(world) >= 0.85
    assert 0.2 < world.model.counts["shifted"] / 90 < 0.8


@pytest.mark.parametrize("bins", [DAY_HOURS, WEEK_HOURS])
def test_the_kernel_moves_mass_and_loses_none(bins: int) -> None:
    smoothing = kernel(bins)
    assert np.allclose(smoothing.sum(axis=0), 1.0)
    weekend = np.arange(bins) // DAY_HOURS >= 5
    assert np.all(smoothing[np.ix_(weekend, ~weekend)] == 0.0)
    assert smoothing[0, bins - 1] > 0.0 if bins == DAY_HOURS else smoothing[0, bins - 1] == 0.0


def test_turning_a_profile_moves_it_ahead() -> None:
    profile = np.zeros((2, DAY_HOURS))
    profile[:, 22] = 1.0
    assert turned(profile, np.array([5, -3])).argmax(axis=1).tolist() == [3, 19]


def test_a_shift_needs_a_likeness() -> None:
    office = np.exp(-0.5 * ((np.arange(DAY_HOURS) - 12.0) / 3.0) ** 2)
    own = np.stack([np.roll(office, -8), np.ones(DAY_HOURS), office])
    found = shifts_of(own, np.tile(office, (3, 1)), np.array([0, 5, 0]), kernel(DAY_HOURS))
    assert found.tolist() == [8, 5, 0]


def test_days_that_have_not_come_are_taken_to_be_like_the_others() -> None:
    met = np.arange(WEEK_HOURS) < 30
    counts = np.where(met, 1.0 + np.arange(WEEK_HOURS) % DAY_HOURS, 0.0)[None, :]
    made = filled(counts, met)[0]
    assert made[5 * DAY_HOURS : 5 * DAY_HOURS + 3].tolist() == [1.0, 2.0, 3.0]


def _rows(hours: NDArray[np.int64], keys: NDArray[np.int64], minute: int = 5) -> tuple[NDArray[np.int64], Any]:
    return START_US + hours * HOUR_US + minute * 60_000_000, keys


def _feed(model: HoursModel, hours: Any, keys: Any, minute: int = 5, **more: Any) -> NDArray[Any]:
    times, keys = _rows(np.asarray(hours, np.int64), np.asarray(keys, np.int64), minute)
    return model.score_and_learn(times, np.arange(times.size) + 1, keys, **more)[0]


def _office(model: HoursModel, days: range, users: int = 30, of: int = 1) -> None:
    for day in days:
        model.start_day()
        for hour in range(8, 17):
            _feed(model, np.full(users // of, day * 24 + hour), np.arange(users // of) + 1)
        _feed(model, [day * 24 + 17], [0])


def _model(bins: int = DAY_HOURS, **more: Any) -> HoursModel:
    model = HoursModel(HoursSettings(bins=bins, step_us=QUARTER_US, **more))
    model.keep_p = 1.0
    return model


def test_night_is_odd_and_its_numbers_give_p() -> None:
    model = _model()
    _office(model, range(10))
    assert _feed(model, [243], [7]).size == 0  # its step is open
    (cell,) = _feed(model, [244], [0])
    shares = shares_of(cell["own"][None].astype(float), cell["prior"][None].astype(float), kernel(DAY_HOURS))
    less, same = tails(shares, np.array([cell["place"]]))
    assert (cell["place"], cell["hours"], cell["peers"]) == (3, 90, 29)
    assert cell["p"] == pytest.approx(float(less[0] + same[0] / 2.0), rel=1e-5)
    assert cell["p"] < 0.02


def test_repeats_within_the_hour_are_not_evidence() -> None:
    once, often = _model(), _model()
    for model, times in ((once, 1), (often, 40)):
        _office(model, range(6))
        told = [_feed(model, np.full(times, 147), np.full(times, 3), minute) for minute in (5, 25, 50)]
        assert sum(cells.size for cells in told) == 1
        _feed(model, [148], [0])
    states = once.to_state(), often.to_state()
    assert all(np.array_equal(states[0][name], states[1][name], equal_nan=True) for name in states[0])


def test_a_late_event_is_judged_in_its_own_hour_once_and_a_very_late_one_is_counted() -> None:
    model = _model()
    _office(model, range(6))
    _feed(model, [150, 147, 147, 136, 20], [1, 1, 1, 1, 1])
    cells = _feed(model, [151], [0])
    assert cells["place"].tolist() == [3, 6] or sorted(cells["place"].tolist()) == [3, 6]
    assert (model.late, model.too_late) == (4, 1)


def test_a_holiday_teaches_nothing() -> None:
    model = _model(WEEK_HOURS)
    _office(model, range(7))
    _feed(model, [7 * 24], [0])
    before = model.to_state()["profiles.counts"]
    _office(model, range(7, 8), of=6)
    model.start_day()
    _feed(model, [8 * 24 + 8], [0])
    assert model.counts["frozen"] == 9
    assert np.array_equal(before, model.to_state()["profiles.counts"])


def test_the_first_week_of_a_week_is_no_storm() -> None:
    model = _model(WEEK_HOURS)
    told = []
    for day in range(5):
        model.start_day()
        told += [_feed(model, np.full(200, day * 24 + hour), np.arange(200) + 1) for hour in range(8, 17)]
    assert min(cells["p"].min() for cells in told if cells.size) > 0.05


def test_what_is_not_to_be_learnt_is_judged_only() -> None:
    model = _model()
    _office(model, range(3))
    _feed(model, [74], [0])
    before = model.to_state()["profiles.counts"]
    _feed(model, [75], [2], hidden=np.array([9]), unlearnt=np.array([1]))
    (cell,) = _feed(model, [76], [0])
    assert (cell["hidden"], cell["place"]) == (9, 3)
    assert np.array_equal(before, model.to_state()["profiles.counts"])


def test_memory_is_bounded_and_what_is_dropped_is_counted() -> None:
    model = _model(memory_bytes=20_000)
    _feed(model, np.repeat(np.arange(20), 20), np.arange(400) + 1)
    _feed(model, [30], [0])
    model.start_day()
    assert model.counts["entities"] + model.evicted == 400
    assert model.counts["entities"] <= 20_000 // 96
    assert model.shifts[0].min() > 200


def test_who_was_long_not_seen_is_forgotten_where_the_job_says_so() -> None:
    model = _model(prune_us=48 * HOUR_US)
    _feed(model, [0, 30, 60], [1, 2, 3])
    _feed(model, [61], [0])
    model.start_day()
    assert (model.shifts[0].tolist(), model.pruned) == ([2, 3], 1)


@pytest.mark.parametrize("seed", range(3))
def test_cuts_and_restarts_change_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = np.sort(rng.integers(0, 6 * 24, 3000)) * HOUR_US + rng.integers(-HOUR_US, HOUR_US, 3000) + START_US
    keys, ids = rng.integers(0, 40, 3000), np.arange(3000) + 1
    edges = np.sort(rng.choice(np.arange(1, 3000), 25, replace=False)).tolist()
    days = (np.arange(3000) // 500 * 500).tolist()
    told: list[list[Any]] = [[], []]
    states = []
    for way, cuts in enumerate(({*days}, {*days, *edges})):
        model = _model()
        bounds = sorted({0, 3000, *cuts})
        for a, b in itertools.pairwise(bounds):
            if a in days:
                model.start_day()
            told[way].append(model.score_and_learn(times[a:b], ids[a:b], keys[a:b], peers=keys[a:b] % 3)[0])
            if way:
                state = model.to_state()
                model = _model().load_state(state)
        states.append(model.to_state())
    assert np.array_equal(np.concatenate(told[0]), np.concatenate(told[1]))
    assert states[0].keys() == states[1].keys()
    assert all(np.array_equal(states[0][name], states[1][name], equal_nan=True) for name in states[0])
