"""The places model: away is odd for who never travels, not for who does; valid, bounded, however it is cut."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rarebit.core.time import HOUR_US
from rarebit.model.places import GROUP_WORTH, MOST_PLACES, NEAR_KM, PlacesModel, PlacesSettings, speed_kmh

START_US = 20_003 * 24 * HOUR_US
HOMES = np.array([(48.85, 2.35), (51.50, -0.12), (52.52, 13.40), (59.33, 18.07)])
Floats = NDArray[np.float64]


def _model(**more: Any) -> PlacesModel:
    model = PlacesModel(PlacesSettings(span_us=HOUR_US, **more))
    model.keep_p = 1.0
    return model


def _feed(model: PlacesModel, hour: int, keys: Any, places: Any, **more: Any) -> NDArray[Any]:
    keys, places = np.asarray(keys, np.int64), np.asarray(places, float).reshape(-1, 2)
    times = START_US + hour * HOUR_US + np.arange(keys.size) * 1_000_000
    return model.score_and_learn(times, np.arange(keys.size) + 1, keys, places[:, 0], places[:, 1], **more)[0]


def _at_home(model: PlacesModel, hours: range, users: int = 40) -> None:
    keys = np.arange(users) + 1
    for hour in hours:
        _feed(model, hour, keys, HOMES[keys % 4])


def test_who_never_travels_is_odd_abroad_and_its_numbers_give_p() -> None:
    model = _model()
    _at_home(model, range(100))
    _feed(model, 100, [8], [(1.35, 103.82)])
    (cell,) = _feed(model, 101, [0], [(0.0, 0.0)])
    assert (cell["key"], cell["places"], cell["peers"], cell["tests"]) == (8, 1, 39, 1)
    assert cell["distance"] == pytest.approx(10_730, abs=10)
    rate = (cell["away"] + GROUP_WORTH * cell["prior"]) / (cell["seen"] + GROUP_WORTH)
    assert cell["p"] == pytest.approx(rate * (cell["further"] + cell["as_far"] / 2.0) / cell["journeys"])
    assert cell["p"] < 1e-3
    assert speed_kmh(cell) > 900.0


def test_a_new_place_becomes_usual_and_so_does_travel() -> None:
    model, rng, said = _model(), np.random.default_rng(3), []
    _at_home(model, range(60))
    for hour in range(60, 141):
        cells = _feed(model, hour, [8], [rng.uniform((-50.0, -170.0), (60.0, 170.0))])
        said += [float(cell["p"]) for cell in cells if cell["distance"] > NEAR_KM]
    assert said[0] < 0.01
    assert said[-1] > 0.05
    _feed(model, 141, [8], [(1.35, 103.82)])
    _feed(model, 143, [8], [(1.40, 103.90)])
    assert _feed(model, 144, [0], [(0.0, 0.0)]).size == 0  # near the place of an hour ago
    assert np.count_nonzero(model.series["weight"][model.series["key"] == 8]) <= MOST_PLACES


@pytest.mark.parametrize("seed", range(2))
def test_alarms_keep_their_promise_for_travellers_and_others(seed: int) -> None:
    rng, model = np.random.default_rng(seed), _model()
    users = np.arange(300) + 1
    rates, homes = rng.beta(0.5, 20.0, 300), HOMES[users % 4]
    alarms, judged = np.zeros(2), 0
    for hour in range(150):
        away = rng.random(300) < rates
        far = rng.exponential(15.0, (300, 2)) * rng.choice([-1.0, 1.0], (300, 2))
        cells = _feed(model, hour, users, np.clip(homes + np.where(away[:, None], far, 0.0), -85.0, 85.0))
        if hour > 50:
            judged += 300
            alarms += [np.count_nonzero(cells["p"] <= level) for level in (0.01, 0.001)]
    assert np.all(alarms / (judged * np.array([0.01, 0.001])) <= 1.3), alarms
    assert alarms[0] / (judged * 0.01) >= 0.3, alarms


def test_what_is_no_place_is_counted_and_not_judged() -> None:
    model = _model()
    _feed(model, 0, [1, 1, 0, 1], [(np.inf, np.inf), (np.nan, np.nan), (np.inf, np.inf), (91.0, 0.0)])
    _feed(model, 1, [0], [(0.0, 0.0)])
    assert (model.misplaced, model.series.size) == (2, 0)


def test_several_places_of_a_bucket_give_one_finding_and_pay_for_it() -> None:
    model = _model()
    _at_home(model, range(30))
    _feed(model, 30, [8, 8, 8], [(1.35, 103.82), (48.85, 2.35), (40.71, -74.01)])
    (cell,) = _feed(model, 31, [0], [(0.0, 0.0)])
    assert (cell["tests"], cell["longitude"]) == (3, 103.82)


def test_late_rows_are_counted_and_unlearnt_ones_not_learnt() -> None:
    model = _model()
    _at_home(model, range(5))
    _feed(model, 3, [1], [(10.0, 10.0)])
    _feed(model, 5, [1], [(10.0, 10.0)], hidden=np.array([7]), unlearnt=np.array([1]))
    (cell,) = _feed(model, 6, [0], [(0.0, 0.0)])
    assert (model.late, cell["hidden"], model.series["away"].sum()) == (1, 7, 0.0)


def test_memory_is_bounded() -> None:
    model = _model(memory_bytes=10_000, prune_us=48 * HOUR_US)
    _feed(model, 0, np.arange(100) + 1, np.tile(HOMES[0], (100, 1)))
    _feed(model, 1, [0], [(0.0, 0.0)])
    model.start_day()
    assert model.series.size + model.evicted == 100
    assert model.memory <= 10_000
    _feed(model, 90, [500], [HOMES[1]])
    _feed(model, 91, [0], [(0.0, 0.0)])
    model.start_day()
    assert (model.series["key"].tolist(), model.pruned) == ([500], 100 - model.evicted)


def test_cuts_and_restarts_change_nothing() -> None:
    rng = np.random.default_rng(5)
    times = START_US + np.sort(rng.integers(0, 60 * HOUR_US, 2000))
    keys, ids = rng.integers(0, 20, 2000), np.arange(2000) + 1
    places = HOMES[keys % 4] + np.where(rng.random((2000, 1)) < 0.1, rng.normal(0.0, 20.0, (2000, 2)), 0.0)
    told: list[list[Any]] = [[], []]
    edges = np.sort(rng.choice(np.arange(1, 2000), 20, replace=False)).tolist()
    states = []
    for way, cuts in enumerate(([], edges)):
        model = _model()
        for a, b in itertools.pairwise([0, *cuts, 2000]):
            part = slice(a, b)
            told[way].append(model.score_and_learn(times[part], ids[part], keys[part], *places[part].T)[0])
            if way:
                model = _model().load_state(model.to_state())
        states.append(model.to_state())
    assert np.array_equal(np.concatenate(told[0]), np.concatenate(told[1]))
    assert np.concatenate(told[0]).size > 10
    assert all(np.array_equal(states[0][name], states[1][name]) for name in states[0])
