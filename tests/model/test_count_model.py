"""The count model against known truth, and its promises: order, cuts, silence, outages, memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rarebit.core.time import DAY_US, HOUR_US
from rarebit.maths.count import Predicted, p_high, predict
from rarebit.maths.hashing import hash_text
from rarebit.model.count import CountModel
from rarebit.model.count_cells import SERIES
from rarebit.model.count_settings import BOTH, HIGH, LOW, CountSettings

START = 20_003 * DAY_US
"""A Monday."""
Ints = NDArray[np.int64]


def _model(span_us: int = HOUR_US, **changes: Any) -> CountModel:
    made = CountModel(CountSettings(span_us=span_us, **changes))
    made.keep_p = 0.05
    return made


class _Feed:
    """Gives a model the counts of series bucket by bucket, and says what it tells."""

    def __init__(self, model: CountModel, *, peers: Ints | None = None) -> None:
        self.model = model
        self.peers = peers
        self.judged = 0
        self.bucket = 0
        self._day = -1
        self._id = 0

    def __call__(self, counts: Ints) -> Any:
        """Counts of series 1 to n in the next bucket; cells of the bucket before."""
        span = self.model.settings.span_us
        start = START + self.bucket * span
        keys = np.repeat(np.arange(1, counts.size + 1), counts)
        times = start + np.linspace(0, span, keys.size, endpoint=False).astype(np.int64)
        ids = np.arange(self._id, self._id + keys.size) + 1
        self._id += keys.size
        self.bucket += 1
        if keys.size and start // DAY_US != self._day:
            self._day = start // DAY_US
            self.model.start_day()
        peers = self.peers[keys - 1] if self.peers is not None else np.zeros(0, np.int64)
        cells, judged = self.model.score_and_learn(times, ids, keys, peers=peers)
        self.judged += judged
        return cells


def _hours(days: int) -> range:
    return range(24 * days)


def _busy(hour: int, shift: int = 0) -> float:
    day, of_day = divmod(hour + shift, 24)
    return (1.0 if 7 <= of_day < 18 else 0.15) * (0.3 if day % 7 >= 5 else 1.0)


def _told(seed: int, series: int, days: int, *, dst: int, outage: int, dispersion: float) -> tuple[float, list[int]]:
    """Realised over nominal alarms at 1e-2 from the second week on, and alarms at 1e-3 by day."""
    rng = np.random.default_rng(seed)
    rates = rng.lognormal(1.5, 1.0, series)
    feed = _Feed(_model())
    found, tests, by_day = 0, 0, [0] * (days + 1)
    for hour in _hours(days):
        noise = rng.gamma(1.0 / dispersion, dispersion, series)
        counts = rng.poisson(rates * _busy(hour, int(hour >= dst)) * noise)
        before = feed.judged
        cells = feed(counts * (not outage <= hour < outage + 5))
        if hour > 7 * 24:
            found += int(np.count_nonzero(cells["p"] <= 1e-2))
            tests += feed.judged - before
            by_day[(hour - 1) // 24] += int(np.count_nonzero(cells["p"] <= 1e-3))
    return found / tests / 1e-2, by_day


def test_alarms_keep_their_promise_through_weeks_a_clock_change_and_an_outage() -> None:
    ratio, by_day = _told(1, series=120, days=21, dst=15 * 24, outage=17 * 24 + 9, dispersion=0.3)
    assert 0.4 < ratio < 1.5
    assert max(by_day) <= 14  # 120 series · 24 hours · 1e-3 is 3 a day


@pytest.mark.proof
@pytest.mark.parametrize("dispersion", [0.001, 0.1, 0.5, 1.0])
def test_alarms_keep_their_promise_whatever_the_noise(dispersion: float) -> None:
    ratio, by_day = _told(2, series=1000, days=42, dst=24 * 24, outage=31 * 24 + 10, dispersion=dispersion)
    assert 0.4 < ratio < 1.5
    later = sum(by_day[7:]) / (1000 * 24 * 35 * 1e-3)
    assert 0.3 < later < 1.5
    assert max(by_day) < 4 * 24  # a day has 24 by chance; that of the clock change has most


def _steady(feed: _Feed, buckets: int, counts: Sequence[int], seed: int = 0) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [feed(rng.poisson(counts)) for _ in range(buckets)]


def test_a_burst_is_found_and_its_numbers_give_its_probability() -> None:
    feed = _Feed(_model())
    _steady(feed, 24 * 4, [5] * 20)
    burst = np.full(20, 5)
    burst[3] = 90
    feed(burst)
    cells = feed(np.full(20, 5))
    (cell,) = cells[cells["p"] < 1e-6]
    assert (cell["key"], cell["count"], cell["side"], cell["peers"], cell["peer_mean"]) == (4, 90, HIGH, 19, 5.0)
    law = predict(
        cell["events"], cell["exposure"], prior_shape=cell["prior_shape"], prior_exposure=cell["prior_exposure"],
        coming=cell["season"] * max(cell["fleet"], 1.0), dispersion=cell["dispersion"],
    )  # fmt: skip
    assert float(law.mean) == pytest.approx(cell["mean"])
    assert float(law.shape) == pytest.approx(cell["shape"])
    assert p_high(90, Predicted(law.shape, law.mean))[0] == pytest.approx(cell["p"])


def test_a_burst_does_not_become_the_rule() -> None:
    feed = _Feed(_model())
    _steady(feed, 24 * 4, [5] * 20)
    feed(np.array([2000, *[5] * 19]))
    for _ in range(12):
        feed(np.full(20, 5))
    feed(np.array([200, *[5] * 19]))
    assert feed(np.full(20, 5))["p"].min() < 1e-4


def test_what_lasts_becomes_the_rule() -> None:
    feed = _Feed(_model())
    _steady(feed, 24 * 4, [5] * 20)
    _steady(feed, 24 * 21, [20, *[5] * 19], seed=1)
    late = np.concatenate(_steady(feed, 24 * 4, [20, *[5] * 19], seed=2))
    assert np.count_nonzero(late[late["key"] == 1]["p"] < 1e-3) <= 2


def test_a_new_series_is_judged_by_its_peers() -> None:
    peers = np.array([7] * 20 + [8] * 20 + [7, 8])
    feed = _Feed(_model(), peers=peers)
    _steady(feed, 24 * 5, [2] * 20 + [300] * 20)
    _steady(feed, 1, [2] * 20 + [300] * 20 + [250, 250])
    cells = feed(np.full(1, 2))
    loud = cells[cells["p"] < 1e-3]["key"].tolist()
    assert 41 in loud
    assert 42 not in loud


def test_silence_is_told_once_and_only_where_it_surprises() -> None:
    feed = _Feed(_model(side=LOW))
    _steady(feed, 24 * 5, [40] * 10 + [1] * 10)
    quiet = np.array([0, *[40] * 9, *[0] * 10])
    cells = np.concatenate([feed(quiet) for _ in range(30)])
    low = cells[cells["p"] < 1e-6]
    assert low["key"].tolist() == [1]
    assert (low["side"][0], low["count"][0]) == (LOW, 0)
    assert low["seen_us"][0] < low["bucket_us"][0] == low["time_us"][0]


def test_an_outage_of_the_whole_feed_is_not_told_and_not_learnt() -> None:
    feed = _Feed(_model(side=BOTH))
    _steady(feed, 24 * 10, [40] * 30)
    before = feed.model.to_state()["series.events"]
    cells = [feed(np.zeros(30, np.int64)) for _ in range(20)]
    cells += [feed(np.full(30, 40)) for _ in range(2)]
    told = np.concatenate(cells[1:])
    assert np.count_nonzero(told["p"] < 1e-3) == 0
    assert feed.model.to_state()["series.events"] == pytest.approx(before, rel=0.02)


def test_empty_buckets_are_no_observation_of_a_non_zero_count() -> None:
    feed = _Feed(_model(skip_empty=True))
    rng = np.random.default_rng(0)
    for bucket in range(24 * 6):
        feed(rng.poisson(20, 10) * (bucket % 6 == 0))
    feed(np.array([20] * 9 + [200]))
    cells = feed(np.full(10, 20))
    assert cells[cells["p"] < 1e-3]["key"].tolist() == [10]
    assert cells["mean"][cells["key"] == 10][0] == pytest.approx(19.0, rel=0.2)


def test_each_value_counts_once_in_a_bucket() -> None:
    model = _model(distinct=True)
    times = START + np.arange(12) * HOUR_US // 12
    values = np.array([5, 5, 6, 6, 5, 0, 7, 5, 6, 7, 7, 7])
    model.score_and_learn(times[:7], np.arange(1, 8), np.ones(7, np.int64), values=values[:7])
    model.score_and_learn(times[7:], np.arange(8, 13), np.ones(5, np.int64), values=values[7:])
    model.score_and_learn(times[:1] + HOUR_US, np.array([99]), np.ones(1, np.int64), values=values[:1])
    assert model.to_state()["series.events"].tolist() == [3.0]


def test_a_late_event_is_not_shown_as_the_first_of_a_bucket() -> None:
    feed = _Feed(_model())
    _steady(feed, 48, [5, 5, 5])
    feed.model.start_day()
    now = START + 48 * HOUR_US
    times = np.array([now, now - HOUR_US, *(now + 1 + np.arange(90))])
    keys = np.array([2, *[1] * 91])
    feed.model.score_and_learn(times, np.arange(1000, 1092), keys)
    cells, _ = feed.model.score_and_learn(np.array([now + HOUR_US]), np.array([5000]), np.array([1]))
    (cell,) = cells[cells["key"] == 1]
    assert (cell["count"], cell["id"], cell["time_us"]) == (90, 1002, now + 1)
    assert feed.model.to_state()["series.last_id"][0] == 1091


def test_a_long_gap_costs_no_more_than_a_week_of_buckets() -> None:
    model = _model(span_us=1_000_000)
    times = np.array([START, START + 400 * DAY_US])
    model.score_and_learn(times, np.array([1, 2]), np.ones(2, np.int64))
    assert model.to_state()["series.buckets"].tolist() == [2016]


def test_the_memory_bound_drops_what_was_not_seen_for_the_longest() -> None:
    model = _model(memory_bytes=10 * SERIES.itemsize)
    for turn in range(3):
        keys = np.arange(1, 9) + 8 * turn
        model.score_and_learn(np.full(8, START + turn * HOUR_US), keys, keys)
    model.score_and_learn(np.array([START + 3 * HOUR_US]), np.array([99]), np.array([24]))
    model.start_day()
    assert model.counts["entities"] == 8
    assert model.evicted == 16
    assert model.to_state()["series.key"].tolist() == list(range(17, 25))


def test_named_peers_come_first() -> None:
    model = _model()
    model.set_peers({11: "server"})
    one = np.ones(2, np.int64)
    model.score_and_learn(START + one * 0, one, np.array([1, 2]), entities=np.array([11, 12]), peers=np.array([5, 5]))
    model.score_and_learn(START + one * HOUR_US, one, np.array([1, 2]), entities=np.array([11, 12]), peers=one * 5)
    assert set(model.group_codes().tolist()) == {0, 5, hash_text("server")}


def _warm(**options: Any) -> dict[str, Any]:
    """State of a model that has learnt two steady days of five series."""
    feed = _Feed(_model(**options))
    _steady(feed, 48, [3, 30, 3, 0, 40])
    feed.model.start_day()
    return feed.model.to_state()


# Within one day: at a new one the model is to be told of it, and late rows have that done again.
_ROWS = st.lists(st.tuples(st.integers(0, 24 * 60 - 1), st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=120)


@settings(max_examples=60, deadline=None)
@given(
    _ROWS, st.lists(st.integers(0, 120), max_size=4), st.sampled_from([HIGH, LOW, BOTH]), st.booleans(), st.booleans()
)
def test_cuts_and_restarts_change_nothing(
    rows: list[tuple[int, int, int]], cuts: list[int], side: int, distinct: bool, skip_empty: bool
) -> None:
    minutes, keys, values = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    warm = _warm(side=side, skip_empty=skip_empty)
    times, ids = START + 2 * DAY_US + minutes * 60_000_000, np.arange(1, minutes.size + 1)  # in no order

    def run(edges: Sequence[int], *, restart: bool) -> tuple[Any, dict[str, Any]]:
        options = {"side": side, "distinct": distinct, "skip_empty": skip_empty}
        model, found = _model(**options).load_state(warm), []
        model.keep_p = 0.5
        for start, end in zip([0, *edges], [*edges, minutes.size], strict=True):
            part = slice(start, end)
            cells, _ = model.score_and_learn(times[part], ids[part], keys[part], values=values[part])
            found.append(cells)
            if restart:
                model = _model(**options).load_state(model.to_state())
                model.keep_p = 0.5
        return np.concatenate(found), model.to_state()

    _, state = run([], restart=False)
    _, other = run(sorted(min(cut, minutes.size) for cut in cuts), restart=True)
    assert state.keys() == other.keys()
    for name, array in state.items():
        assert name == "late_rows" or array.tobytes() == other[name].tobytes(), name
