"""The metric model against known truth, and its promises: order, cuts, silence, outages, weights, memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t

from model.metric_worlds import START, Feed, busy, shares
from rarebit.core.time import HOUR_US
from rarebit.maths.metric import least_variance
from rarebit.model.metric import STATISTICS, MetricModel, MetricSettings
from rarebit.model.metric_cells import SERIES
from rarebit.model.metric_law import BOTH, HIGH, LOW


@pytest.mark.parametrize(("kind", "signed"), [("lognormal", False), ("student3", True), ("mixture", False)])
def test_alarms_keep_their_promise_whatever_the_tails(kind: str, signed: bool) -> None:
    whole, _, _ = shares(kind, seed=1, series=120, days=21, side=HIGH, signed=signed)
    assert 0.5 < whole[1e-2] < 1.3
    assert 0.4 < whole[1e-3] < 1.5  # 40 are expected


def _steady(feed: Feed, buckets: int, series: int = 20, level: float = 10.0, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(buckets):
        feed(np.arange(1, series + 1), np.exp(rng.normal(level, 0.3, series)))


def probability(cell: Any, *, side: int, zero: bool, tests: int = 1) -> float:
    """The probability of a cell from the numbers kept beside it, as :class:`Gauge` tells."""
    worth = cell["prior_worth"] + cell["weight"]
    own = (cell["prior_worth"] * cell["prior_mean"] + cell["weight"] * cell["mean"]) / worth
    apart = cell["prior_worth"] * cell["weight"] * (cell["mean"] - cell["prior_mean"]) ** 2 / (2.0 * worth)
    rate = cell["prior_shape"] * cell["prior_variance"] + cell["squares"] / 2.0 + apart
    spread = max(rate / (cell["prior_shape"] + cell["seen"] / 2.0), float(least_variance(own)))
    limit = max if cell["side"] == HIGH else min
    location = own + cell["season"] + cell["offset"] + limit(cell["fleet"], 0.0)
    scale = np.sqrt(spread * (cell["noise"] + 1.0 / worth))
    assert (location, scale) == (pytest.approx(cell["location"]), pytest.approx(cell["scale"]))
    y = cell["value"] if cell["is_signed"] else np.log1p(cell["value"])
    law_p = t.sf((y - location) / scale * (1 if cell["side"] == HIGH else -1), cell["freedom"])
    assert law_p == pytest.approx(cell["law_p"])
    tail = law_p
    if cell["rank_of"] and (depth := np.sqrt(-2.0 * np.log(law_p))) > cell["rank_start"]:
        ratio = (depth - cell["rank_start"]) / cell["rank_scale"]
        tail = cell["rank_share"] * (1.0 + cell["rank_shape"] * ratio) ** (-1.0 / cell["rank_shape"])
    p = (1.0 - cell["absence"]) * tail + (cell["absence"] if cell["side"] == LOW and zero else 0.0)
    return float(min(p * (2.0 if side == BOTH else 1.0), 1.0) * tests)


@pytest.mark.parametrize(("statistic", "side"), [("sum", HIGH), ("sum", BOTH), ("mean", BOTH), ("max", LOW)])
def test_an_odd_value_is_found_and_its_numbers_give_its_probability(statistic: str, side: int) -> None:
    zero = statistic == "sum"
    feed = Feed(statistics=(statistic,), side=side, zero=zero)
    _steady(feed, 24 * 4)
    odd = np.full(20, np.exp(10.0))
    odd[3] *= 0.001 if side == LOW else 1000.0
    feed(np.arange(1, 21), odd)
    cells, judged = feed(np.arange(1, 21), np.full(20, np.exp(10.0)))
    (cell,) = cells[cells["p"] < 1e-4]
    assert (cell["key"], cell["side"], judged) == (4, LOW if side == LOW else HIGH, 20)
    assert (cell["value"], cell["events"], cell["peers"], cell["peers_beyond"]) == (odd[3], 1.0, 19, 0)
    assert cell["p"] == pytest.approx(probability(cell, side=side, zero=zero))
    assert cell["lower"] < np.exp(10.0) < cell["upper"]
    assert cell["typical"] == pytest.approx(np.exp(10.0), rel=0.3)


def test_the_oddest_of_mean_least_and_greatest_is_told_of() -> None:
    feed = Feed(statistics=("mean", "min", "max"), side=BOTH)
    rng = np.random.default_rng(3)
    keys = np.repeat(np.arange(1, 11), 8)
    for _ in range(24 * 4):
        feed(keys, rng.normal(50.0, 3.0, keys.size))
    odd = rng.normal(50.0, 3.0, keys.size)
    odd[16] = 5.0
    feed(keys, odd)
    cells, _ = feed(keys, rng.normal(50.0, 3.0, keys.size))
    (cell,) = cells[cells["p"] < 1e-5]
    assert (cell["key"], STATISTICS[cell["statistic"]], cell["side"], cell["value"]) == (3, "min", LOW, 5.0)
    assert cell["p"] == pytest.approx(probability(cell, side=BOTH, zero=False, tests=3))


def test_a_burst_does_not_become_the_rule_and_what_lasts_does() -> None:
    feed = Feed(statistics=("sum",), side=HIGH, zero=True)
    _steady(feed, 24 * 4)
    ones = np.full(20, np.exp(10.0))
    feed(np.arange(1, 21), ones * np.where(np.arange(20) == 0, 1e4, 1.0))
    _steady(feed, 12, seed=1)
    feed(np.arange(1, 21), ones * np.where(np.arange(20) == 0, 100.0, 1.0))
    cells, _ = feed(np.arange(1, 21), ones)
    assert cells["p"].min() < 1e-3
    rng, late = np.random.default_rng(5), []
    for _ in range(24 * 25):
        level = np.where(np.arange(20) == 0, 12.0, 10.0)
        late.append(feed(np.arange(1, 21), np.exp(rng.normal(level, 0.3)))[0])
    last = np.concatenate(late[-96:])
    assert np.count_nonzero(last[last["key"] == 1]["p"] < 1e-3) <= 2


def test_a_new_series_is_judged_by_its_peers() -> None:
    peers = np.array([7] * 15 + [8] * 15 + [7, 8])
    feed = Feed(peers=peers, statistics=("sum",), side=HIGH, zero=True)
    rng = np.random.default_rng(2)
    level = np.array([5.0] * 15 + [15.0] * 15)
    for _ in range(24 * 5):
        feed(np.arange(1, 31), np.exp(rng.normal(level, 0.3)))
    feed(np.arange(1, 33), np.exp(np.append(rng.normal(level, 0.3), [14.5, 14.5])))
    cells, _ = feed([1], [100.0])
    loud = cells[cells["p"] < 1e-3]["key"].tolist()
    assert 31 in loud
    assert 32 not in loud


def test_a_series_moves_to_the_group_it_is_named_by_now() -> None:
    """It is then judged by what its new peers do: what is loud in one group is the rule in the other."""
    feed = Feed(peers=np.array([7] * 15 + [8] * 15), statistics=("sum",), side=HIGH, zero=True)
    rng = np.random.default_rng(2)
    for _ in range(24 * 2):
        feed(np.arange(1, 31), np.exp(rng.normal(np.repeat([5.0, 15.0], 15), 0.3)))
    feed.peers = np.array([8] + [7] * 14 + [8] * 15)
    feed(np.arange(1, 31), np.exp(rng.normal(np.repeat([5.0, 15.0], 15), 0.3)))
    feed([1], [100.0])
    state = feed.model.to_state()
    named = feed.model.group_codes()[state["law0.series.group"]]
    assert named.tolist() == feed.peers.tolist()


def test_an_outage_is_not_told_and_one_silence_is_told_once() -> None:
    feed = Feed(statistics=("sum",), side=BOTH, zero=True)
    rng = np.random.default_rng(0)
    keys, told = np.arange(1, 31), []
    for hour in range(24 * 23):
        values = np.exp(rng.normal(12.0, 0.3, 30)) * busy(hour)
        alive = keys != 4 if hour >= 24 * 22 else keys > 0
        out = 24 * 16 + 8 <= hour < 24 * 16 + 15
        told.append(feed(keys[alive & (not out)], values[alive & (not out)])[0])
    during = np.concatenate(told[24 * 16 + 9 : 24 * 17])
    assert np.count_nonzero(during["p"] < 1e-3) <= 2
    silent = np.concatenate(told[24 * 22 :])
    silent = silent[silent["events"] == 0]
    assert silent["key"].tolist() == [4]
    assert (silent["side"][0], silent["value"][0]) == (LOW, 0.0)
    assert silent["seen_us"][0] < silent["bucket_us"][0] == silent["time_us"][0]
    assert silent["p"][0] == pytest.approx(silent["absence"][0])


def test_an_empty_bucket_is_no_value_of_a_mean() -> None:
    feed = Feed(statistics=("mean",), side=BOTH)
    _steady(feed, 48)
    before = feed.model.to_state()["law0.series.seen"]
    for _ in range(100):
        feed([], [])
    assert feed.model.to_state()["law0.series.seen"].tobytes() != before.tobytes()  # the last bucket was closed
    assert feed.model.to_state()["law0.series.buckets"].tolist() == [48] * 20


def test_a_mean_of_few_events_is_held_to_less() -> None:
    feed = Feed(statistics=("mean",), side=HIGH)
    rng = np.random.default_rng(6)
    numbers = np.array([2, 200] * 10)
    keys = np.repeat(np.arange(1, 21), numbers)

    def hour(extra: Any = 0.0) -> Any:
        rng.shuffle(numbers)
        made = np.repeat(np.arange(1, 21), numbers)
        return feed(made, np.exp(rng.normal(8.0, 0.8, made.size)) * (1.0 + extra * (made >= 1)))[0]

    for _ in range(24 * 8):
        hour()
    told = np.concatenate([hour() for _ in range(24 * 4)])
    few = told["events"] < 5
    assert keys.size == 2020
    assert np.count_nonzero(told["p"][few] < 1e-2) / (96 * 10) < 0.025
    assert told["noise"][few].min() > 3.0 * told["noise"][~few].max()


def test_a_row_of_a_summary_counts_for_its_events() -> None:
    whole, summed = (Feed(statistics=("mean",), side=HIGH) for _ in range(2))
    rng = np.random.default_rng(1)
    for _ in range(30):
        values, counts = rng.normal(50.0, 5.0, 6), rng.integers(1, 5, 6)
        keys = np.array([1, 1, 2, 2, 3, 3])
        whole(np.repeat(keys, counts), np.repeat(values, counts))
        summed([*keys, 1, 2], [*values, 1e9, 1e9], [*counts, 0.0, np.nan])
    for name in ("mean", "squares", "seen"):
        one, other = (feed.model.to_state()[f"law0.series.{name}"] for feed in (whole, summed))
        np.testing.assert_allclose(one, other, rtol=1e-9)


def test_the_first_negative_value_ends_logarithms() -> None:
    feed = Feed(statistics=("mean",), side=BOTH)
    _steady(feed, 30)
    feed([1], [-5.0])
    feed([1], [2.0])
    state = feed.model.to_state()
    assert state["law0.marks"][2] == 1
    assert state["law0.series.mean"][0] == -5.0
    assert np.isnan(state["law0.prior"]).all()


def test_late_values_are_counted_and_left_out() -> None:
    model = MetricModel(MetricSettings(span_us=HOUR_US, statistics=("sum",)))
    times = START + np.array([0, 2, 1, 2, 3]) * HOUR_US
    model.score_and_learn(times, np.arange(1, 6), np.ones(5, np.int64), np.array([1.0, 2.0, 50.0, 4.0, 8.0]))
    assert model.late == 1
    assert model.to_state()["law0.series.buckets"].tolist() == [2]


def test_the_memory_bound_drops_what_was_not_seen_for_the_longest() -> None:
    model = MetricModel(MetricSettings(span_us=HOUR_US, statistics=("sum",), memory_bytes=10 * SERIES.itemsize))
    for turn in range(3):
        keys = np.arange(1, 9) + 8 * turn
        model.score_and_learn(np.full(8, START + turn * HOUR_US), keys, keys, np.ones(8))
    model.score_and_learn(np.array([START + 3 * HOUR_US]), np.array([99]), np.array([24]), np.ones(1))
    model.start_day()
    assert (model.counts["entities"], model.evicted) == (8, 16)


_ROWS = st.lists(st.tuples(st.integers(0, 30 * 60), st.integers(0, 4), st.floats(-5, 1e4)), min_size=1, max_size=100)
_OPTIONS: list[dict[str, Any]] = [
    {"statistics": ("sum",), "side": BOTH, "zero": True},
    {"statistics": ("median",), "side": HIGH},
    {"statistics": ("mean", "min", "max"), "side": BOTH},
    {"statistics": ("varp",), "side": LOW},
]


def _warm(options: dict[str, Any]) -> dict[str, Any]:
    feed = Feed(**options)
    _steady(feed, 49, series=5)
    return feed.model.to_state()


_WARM = [_warm(options) for options in _OPTIONS]


@settings(max_examples=60, deadline=None)
@given(_ROWS, st.lists(st.integers(0, 100), max_size=4), st.integers(0, 3), st.booleans())
def test_cuts_and_restarts_change_nothing(
    rows: list[tuple[int, int, float]], cuts: list[int], which: int, signed: bool
) -> None:
    minutes, keys, values = (np.array(column) for column in zip(*rows, strict=True))
    values = values if signed else np.abs(values)
    times, ids = START + 3 * 24 * HOUR_US + minutes * 60_000_000, np.arange(1, minutes.size + 1)

    def run(edges: Sequence[int], *, restart: bool) -> tuple[Any, dict[str, Any]]:
        made = MetricModel(MetricSettings(span_us=HOUR_US, **_OPTIONS[which])).load_state(_WARM[which])
        made.keep_p, found = 0.5, []
        for start, end in zip([0, *edges], [*edges, minutes.size], strict=True):
            part = slice(start, end)
            found.append(made.score_and_learn(times[part], ids[part], keys[part], values[part])[0])
            if restart:
                made = MetricModel(MetricSettings(span_us=HOUR_US, **_OPTIONS[which])).load_state(made.to_state())
                made.keep_p = 0.5
        return np.concatenate(found), made.to_state()

    whole, state = run([], restart=False)
    pieces, other = run(sorted(min(cut, minutes.size) for cut in cuts), restart=True)
    assert whole.tobytes() == pieces.tobytes()
    assert state.keys() == other.keys()
    for name, array in state.items():
        assert array.tobytes() == other[name].tobytes(), name
