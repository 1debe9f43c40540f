"""Mined suppressions against planted clusters and planted attacks (T14)."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tune.tune_world import judge, make_world

pytestmark = pytest.mark.proof
SEEDS = range(100, 160)


def test_clusters_are_found_attacks_spared_and_intervals_hold_the_truth() -> None:
    judged = np.array([judge(make_world(seed)) for seed in SEEDS])
    found, benign, hidden, alike, covering, proposals = judged.sum(axis=0).tolist()
    sys.stdout.write(
        f"\n{len(SEEDS)} worlds: {found} of {benign} clusters found by {proposals} proposals; {hidden} of "
        f"{40 * len(SEEDS)} attacks hidden; {alike} findings of clusters that look like attacks hidden; "
        f"{covering} of {proposals} intervals hold the true rate ({100.0 * covering / proposals:.1f} %)\n"
    )
    assert found == benign == proposals
    assert (hidden, alike) == (0, 0)
    assert covering >= 0.93 * proposals
