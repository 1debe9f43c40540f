"""Fusion where the truth is known, in small; whole in proof/test_fusion_truth.py."""

from __future__ import annotations

import numpy as np

from case.alert_world import GUIDES, START_US, make_world, signals_of
from rarebit.case.evidence import WINDOWS_US, evidence_of, weigh
from rarebit.case.group import drafts_of
from rarebit.core.time import DAY_US
from rarebit.model.calibrate import TailCalibrator
from rarebit.model.windows import window_sums


def test_cases_given_are_those_promised() -> None:
    world = make_world(1, entities=400, days=84, weekly=20.0)
    drafts = drafts_of(evidence_of(signals_of(world), tactics=GUIDES, members={"host": 400}))
    order = np.argsort(drafts.begin_us, kind="stable")
    times = drafts.begin_us[order]
    expected = TailCalibrator().step(np.exp(-drafts.total[order]), times)
    late = times >= START_US + 28 * DAY_US
    assert 0.5 <= np.count_nonzero(expected[late] <= 5.0) / 8.0 / 5.0 <= 2.0


def test_weak_chains_are_found_among_noise() -> None:
    world = make_world(2, entities=1000, attacked=10, weekly=25.0)
    drafts = drafts_of(evidence_of(signals_of(world), tactics=GUIDES, members={"host": 1000}))
    late = np.flatnonzero(drafts.last_us >= START_US + 28 * DAY_US)
    first = late[np.argsort(-drafts.total[late], kind="stable")][:20]
    found = {int(drafts.evidence.names[at][1][5:]) for at in drafts.entity[first]}
    assert len(found & world.attacked) >= 8


def test_a_million_findings_are_weighed_in_columns() -> None:
    """A fortnight of 4,500 hosts: memory and work that grow with the findings, and none of it in Python."""
    rng = np.random.default_rng(3)
    count = 1_000_000
    entity = np.sort(rng.integers(4500, size=count))
    time_us = rng.integers(14 * DAY_US, size=count)
    rows = np.lexsort((time_us, entity))
    time_us, stream = time_us[rows], rng.integers(8, size=count)
    place, family, thing = stream % 5, stream % 3, rng.integers(50_000, size=count)
    expected = rng.uniform(0.0, 60_000.0, count) + 1e-3
    talk, points = weigh(
        time_us, entity, stream, place, family, thing, expected, watched=np.full(8, 4500), since_us=0
    )  # fmt: skip
    assert talk.rate.min() > 0.0
    for span, worth in zip(WINDOWS_US, points, strict=True):
        told = worth > 0.0
        total, order = window_sums(
            time_us[told], entity[told], place[told], family[told], worth[told], span_us=span
        )  # fmt: skip
        assert np.all(total >= worth[told] * (1 - 1e-12))
        assert np.all(np.abs(order) <= 5.0)
