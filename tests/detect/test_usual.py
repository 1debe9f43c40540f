"""What is usual: the same whatever the parts and their order, exact where events are few, near the truth where many."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rarebit.core.time import DAY_US, HOUR_US
from rarebit.detect.engine import Rows
from rarebit.detect.usual import KEPT_DAYS, SAMPLE, BucketTally, DaySample

FIELDS = ("host.name", "user.name")


def rows_of(count: int, *, days: int = 3, seed: int = 7) -> Rows:
    rng = np.random.default_rng(seed)
    times = np.sort(rng.integers(0, days * DAY_US, count))
    ids = rng.integers(-(2**63), 2**63, count)
    hosts, users = rng.integers(1, 5, count), rng.integers(0, 3, count)
    return Rows(times, ids, {"host.name": hosts, "user.name": users})


def part(rows: Rows, places: np.ndarray | slice) -> Rows:
    columns = {name: column[places] for name, column in rows.columns.items()}
    return Rows(rows.times_us[places], rows.ids[places], columns)


def sample_of(parts: list[Rows]) -> DaySample:
    made = DaySample(FIELDS)
    for each in parts:
        made.add(each)
    return made


def test_few_events_are_counted_every_one() -> None:
    rows = rows_of(900)
    of, counts = sample_of([rows]).usual(range(3))
    assert of == 900
    for name, column in rows.columns.items():
        for code in np.unique(column[column != 0]).tolist():
            assert counts[name, code] == int((column == code).sum())
    assert ("user.name", 0) not in counts


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 6000), max_size=6))
def test_the_sample_does_not_depend_on_parts_or_their_order(seed: int, cuts: list[int]) -> None:
    rows = rows_of(6000)
    shuffled = part(rows, np.random.default_rng(seed).permutation(6000))
    edges = [0, *sorted(cuts), 6000]
    cut = sample_of([part(shuffled, slice(a, b)) for a, b in pairwise(edges)])
    assert cut.usual(range(3)) == sample_of([rows]).usual(range(3))


def test_shares_of_many_events_are_near_the_truth() -> None:
    rows = rows_of(200_000, days=7)
    of, counts = sample_of([rows]).usual(range(7))
    assert of == 7 * SAMPLE
    for code in range(1, 5):  # within five standard errors
        assert abs(counts["host.name", code] / of - 0.25) < 5 * np.sqrt(0.25 * 0.75 / of)


def test_it_goes_on_after_being_saved() -> None:
    rows = rows_of(9000)
    half = sample_of([part(rows, slice(0, 4000))])
    again = DaySample(FIELDS).load_state(half.to_state(2))
    again.add(part(rows, slice(4000, 9000)))
    assert again.usual(range(3)) == sample_of([rows]).usual(range(3))


def test_old_days_are_let_go_and_other_fields_begin_anew() -> None:
    state = sample_of([rows_of(20_000, days=30)]).to_state(29)
    assert np.unique(state["rows"][:, 0]).tolist() == list(range(30 - KEPT_DAYS, 30))
    assert DaySample(("process.name",)).load_state(state).usual(range(30)) == (0, {})


@given(st.lists(st.integers(0, 40 * HOUR_US), min_size=1, max_size=50), st.integers(1, 49))
def test_buckets_hold_what_fell_into_them(times: list[int], cut: int) -> None:
    stamps = np.array(times, np.int64)
    first = BucketTally(HOUR_US)
    first.add(stamps[:cut])
    tally = BucketTally(HOUR_US).load_state(first.to_state(int(stamps.max())))
    tally.add(stamps[cut:])
    starts, counts = np.unique(stamps - stamps % HOUR_US, return_counts=True)
    expected = dict(zip(starts.tolist(), counts.tolist(), strict=True))
    assert tally.events([*starts.tolist(), 99 * HOUR_US]) == expected


def test_times_far_apart_are_counted_too() -> None:
    tally = BucketTally(HOUR_US)
    tally.add(np.array([0, 10**9 * HOUR_US], np.int64))
    assert tally.events([0, 10**9 * HOUR_US]) == {0: 1, 10**9 * HOUR_US: 1}
