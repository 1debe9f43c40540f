"""Gaps in the data: outages are told of with their hours, quiet nights and weekends are not."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rarebit.core.time import DAY_US, HOUR_US
from rarebit.detect.flow import Flow, Gap

START = 20_003 * DAY_US
"""A Monday."""


def _times(days: int, *, seed: int, busy: int = 400, outage: range = range(0), share: float = 0.0) -> NDArray[np.int64]:
    """An office: busy by day, quiet by night and on weekends; of the hours of an outage only a share comes."""
    rng = np.random.default_rng(seed)
    made = []
    for hour in range(24 * days):
        rate = busy if 8 <= hour % 24 < 18 and hour // 24 % 7 < 5 else busy / 8
        rate *= share if hour in outage else 1.0
        made.append(START + hour * HOUR_US + np.sort(rng.integers(0, HOUR_US, rng.poisson(rate))))
    return np.concatenate(made)


def _gaps(times: NDArray[np.int64], cuts: list[int] | None = None) -> tuple[list[Gap], Flow]:
    flow, found = Flow(), []
    edges = [0, *(cuts or []), times.size]
    for begin, end in pairwise(edges):
        flow.add(times[begin:end])
        found += flow.take_gaps()
        flow = Flow().load_state(flow.to_state()) if cuts else flow
    return found, flow


def test_an_outage_is_told_of_with_its_hours_and_what_came_in_them() -> None:
    outage = range(24 * 9 + 9, 24 * 9 + 14)
    ((gap,), _) = _gaps(_times(12, seed=1, outage=outage))
    assert (gap.start_us, gap.end_us) == (START + outage[0] * HOUR_US, START + (outage[-1] + 1) * HOUR_US)
    assert (gap.events, gap.least > 100) == (0, True)
    ((few,), _) = _gaps(_times(12, seed=1, busy=4000, outage=outage, share=0.002))
    assert 0 < few.events <= few.least / 20


def test_nights_and_weekends_are_no_gaps() -> None:
    said = [gap for seed in range(5) for gap in _gaps(_times(28, seed=seed, busy=800))[0]]
    assert said == [], "no false alarm in 140 days, first weekends among them"


def test_a_job_that_has_few_events_is_never_told_to_lack_them() -> None:
    assert _gaps(_times(20, seed=2, busy=20, outage=range(240, 300)))[0] == []


def test_a_lasting_silence_is_one_gap_and_memory_is_bounded() -> None:
    times = _times(10, seed=3)
    later = np.concatenate([times, times + 4_000 * DAY_US])
    found, flow = _gaps(later)
    assert [gap.start_us for gap in found] == [START + 240 * HOUR_US]
    assert found[0].end_us >= START + 4_000 * DAY_US
    assert sum(array.size for array in flow.to_state().values()) < 400


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 20_000), max_size=8).map(sorted))
def test_cuts_and_restarts_change_nothing(cuts: list[int]) -> None:
    times = _times(9, seed=4, outage=range(24 * 7 + 9, 24 * 7 + 14))
    whole, flow = _gaps(times)
    pieces, again = _gaps(times, cuts)
    assert whole == pieces
    ours, theirs = flow.to_state(), again.to_state()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
