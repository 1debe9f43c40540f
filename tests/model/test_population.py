"""Populations: alarms keep their promise whatever the members' rates are like, and bursts are found beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rarebit.core.time import DAY_US, HOUR_US
from rarebit.maths.count import Predicted, p_high
from rarebit.model.count import CountModel
from rarebit.model.count_settings import HIGH, LOW, CountSettings
from rarebit.model.population import MOST_POPULATIONS, PopulationModel, mixed_quantile, telling_parts

START = 20_003 * DAY_US


class _Crowd:
    """Members with rates of their own, some of whom leave and are followed by new ones."""

    def __init__(self, seed: int, *, sigma: float, noise: float = 0.0, members: int = 200, churn: float = 0.02) -> None:
        self.rng = np.random.default_rng(seed)
        self.sigma, self.noise, self.churn = sigma, noise, churn
        self.codes = np.arange(1, members + 1)
        self.rates = self._draw(members)
        self._next = members + 1

    def _draw(self, number: int) -> Any:
        return self.rng.lognormal(1.0, self.sigma, number)

    def counts(self) -> Any:
        gone = np.flatnonzero(self.rng.random(self.codes.size) < self.churn)
        self.rates[gone] = self._draw(gone.size)
        self.codes[gone] = np.arange(self._next, self._next + gone.size)
        self._next += gone.size
        rates = self.rates
        if self.noise:
            rates = rates * self.rng.gamma(1.0 / self.noise, self.noise, rates.size)
        return (1 + self.rng.poisson(rates)) * (self.rng.random(rates.size) < 0.5)


class _Feed:
    def __init__(self, model: CountModel) -> None:
        self.model, self.bucket, self.judged = model, 0, 0
        self.rng = np.random.default_rng(7)

    def __call__(self, codes: Any, counts: Any, populations: Any = None) -> Any:
        """Cells of the bucket before."""
        start = START + self.bucket * HOUR_US
        if self.bucket % 24 == 0:
            self.model.start_day()
        self.bucket += 1
        times = start + np.sort(self.rng.integers(0, HOUR_US, int(counts.sum())))
        keys = self.rng.permutation(np.repeat(np.arange(codes.size), counts))
        group = np.ones(keys.size, np.int64) if populations is None else populations[keys]
        cells, judged = self.model.score_and_learn(
            times, np.arange(keys.size) + 1, codes[keys], peers=group, members=codes[keys]
        )
        self.judged += judged
        return cells


def _model(**changes: Any) -> PopulationModel:
    made = PopulationModel(CountSettings(span_us=HOUR_US, skip_empty=True, **changes))
    made.keep_p = 0.2
    return made


def _ratios(crowd: _Crowd, hours: int, levels: tuple[float, ...]) -> tuple[list[float], float]:
    """Realised over nominal alarms of all cells at each level, and of new members at the first."""
    feed, found = _Feed(_model()), []
    for hour in range(hours):
        cells = feed(crowd.codes, crowd.counts())
        if hour == 48:
            feed.judged = 0
        if hour > 48:
            found.append(cells)
    cells = np.concatenate(found)
    fresh = cells[cells["buckets"] == 0]
    new = np.count_nonzero(fresh["p"] <= levels[0]) / levels[0]
    return [np.count_nonzero(cells["p"] <= level) / feed.judged / level for level in levels], new


@pytest.mark.parametrize(("sigma", "noise"), [(0.3, 0.0), (1.0, 0.2), (2.0, 0.0)])
def test_alarms_keep_their_promise_whatever_the_rates(sigma: float, noise: float) -> None:
    ratios, new = _ratios(_Crowd(1, sigma=sigma, noise=noise), 130, (0.1, 0.01, 0.001))
    assert all(0.3 < ratio < 1.5 for ratio in ratios[:2])
    assert ratios[2] < 3.0
    assert 50 < new < 400  # about 160 new members


@pytest.mark.proof
@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("noise", [0.0, 0.2])
@pytest.mark.parametrize("churn", [0.02, 0.3])
def test_alarms_keep_their_promise_in_long(sigma: float, noise: float, churn: float) -> None:
    ratios, _ = _ratios(_Crowd(2, sigma=sigma, noise=noise, members=1000, churn=churn), 24 * 14, (1e-2, 1e-3, 1e-4))
    assert all(0.1 < ratio < 2.0 for ratio in ratios[:2])  # a crowd more even than the parts is judged mildly
    assert ratios[2] < 4.0


def test_a_burst_is_found_and_its_numbers_give_its_probability() -> None:
    crowd, feed = _Crowd(3, sigma=1.0, churn=0.0), _Feed(_model())
    for _ in range(72):
        feed(crowd.codes, crowd.counts())
    counts = np.minimum(crowd.counts(), 20)
    quiet = int(np.argmin(crowd.rates))
    counts[quiet] = 60
    feed(crowd.codes, counts)
    cells = feed(crowd.codes, crowd.counts())
    (cell,) = np.flatnonzero(cells["p"] < 1e-6)
    assert (cells["key"][cell], cells["count"][cell]) == (crowd.codes[quiet], 60)
    fleet = np.maximum(cells["fleet"][cell : cell + 1], 1.0)
    weights, law = telling_parts(cells[cell : cell + 1], 59, fleet, HIGH)
    assert float((weights * p_high(59, Predicted(law.shape, law.mean))).sum()) == pytest.approx(
        float(cells["p"][cell]), rel=0.01
    )
    assert mixed_quantile(0.99, cells[cell : cell + 1], fleet)[0] < 20


def test_a_chronic_talker_quietens_by_its_own_history_and_no_other_does() -> None:
    crowd, feed = _Crowd(4, sigma=0.5, churn=0.0), _Feed(_model())
    told = []
    for hour in range(24 * 4):
        counts = np.minimum(crowd.counts(), 30)
        counts[0] = crowd.rng.poisson(3000.0) if hour >= 40 else 0
        told.append(feed(crowd.codes, counts))
    talker = [cells[cells["key"] == 1]["p"].min(initial=1.0) for cells in told]
    assert talker[41] < 0.005
    assert min(talker[44:]) > 1e-3
    counts = np.minimum(crowd.counts(), 30)
    counts[1] = 3000
    feed(crowd.codes, counts)
    cells = feed(crowd.codes, counts)
    assert cells[cells["key"] == 2]["p"][0] < 1e-8


def test_a_stranger_is_judged_by_its_own_population() -> None:
    feed = _Feed(_model())
    rng = np.random.default_rng(5)
    codes = np.arange(1, 203)
    populations = np.where(codes <= 100, 11, 12)
    populations[200:] = 11, 12
    for hour in range(49):
        counts = 1 + np.concatenate([rng.poisson(4.0, 100), rng.poisson(400.0, 100), np.zeros(2, np.int64)])
        counts[200:] = 380 if hour == 48 else 0
        feed(codes, counts, populations)
    cells = feed(codes, counts, populations)
    strangers = {int(cell["key"]): float(cell["p"]) for cell in cells if cell["key"] > 200}
    assert strangers[201] < 0.01
    assert strangers.get(202, 1.0) > 0.05


def test_few_are_told_of_only_where_one_alone_surprises() -> None:
    feed = _Feed(_model(side=LOW))
    rng = np.random.default_rng(5)
    codes = np.arange(1, 61)
    for hour in range(60):
        counts = 1 + np.concatenate([rng.poisson(60.0, 30), rng.poisson(2.0, 30)])
        if hour >= 58:
            counts[[0, 40]] = 1
        cells = feed(codes, counts)
    assert cells[cells["p"] < 1e-3]["key"].tolist() == [1]
    assert feed(codes, counts)["p"].min(initial=1.0) > 1e-3


def test_what_is_frequent_is_left_out_where_asked() -> None:
    codes = np.arange(1, 41)
    always = _Feed(_model(exclude_frequent=True))
    common = _Feed(_model(exclude_common=True))
    rng = np.random.default_rng(6)
    groups = np.where(codes <= 38, 21, 22)
    for hour in range(60):
        counts = (1 + rng.poisson(3.0, 40)) * ((codes != 5) | (hour % 24 == 0))
        if hour == 59:
            counts[[4, 6, 39]] = 500
        always(codes, counts, groups)
        common(codes, counts, groups)
    assert 5 in (found := always(codes, counts, groups))["key"]
    assert 7 not in found["key"]
    found = common(codes, counts, groups)
    assert 40 in found["key"]
    assert not np.isin(found["key"], codes[:38]).any()


def test_members_come_and_go_within_the_bound() -> None:
    model = _model(memory_bytes=100 * 120)
    feed = _Feed(model)
    for hour in range(72):
        feed(np.arange(1, 201) + 200 * hour, np.full(200, 2))
    assert model.counts["entities"] <= 100 + 24 * 200
    model.start_day()
    assert model.counts["entities"] <= 100
    assert model.evicted > 0


def test_populations_beyond_the_most_share_the_law_of_all() -> None:
    model = _model()
    feed = _Feed(model)
    codes = np.arange(1, MOST_POPULATIONS + 501)
    for _ in range(26):
        feed(codes, np.full(codes.size, 2), codes)
    assert model.counts["groups"] == MOST_POPULATIONS
    state = model.to_state()
    assert state["weights"].shape[0] == MOST_POPULATIONS + 1
    other = _model().load_state(state)
    assert {name: array.tobytes() for name, array in other.to_state().items()} == {
        name: array.tobytes() for name, array in state.items()
    }
