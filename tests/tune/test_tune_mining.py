"""Mining of benign clusters: planted ones found, attacks spared, and what is proposed said as it is (T14, small)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarebit.tune.guards import hits_of, weakness
from rarebit.tune.mine import LONGEST, SHARE, Findings, clusters
from tune.tune_world import REPLAYS, judge, make_world, proposals_of


@pytest.mark.parametrize("seed", [1, 2])
def test_planted_clusters_are_found_and_no_attack_is_hidden(seed: int) -> None:
    judged = judge(make_world(seed))
    assert (judged.found, judged.attacks_hidden, judged.lookalikes_hidden) == (judged.benign, 0, 0)


def test_a_clean_background_gives_no_proposal() -> None:
    world = make_world(3, attacks=0)
    rest = np.flatnonzero(world.label < 0)
    alone = world._replace(
        attributes=[world.attributes[row] for row in rest.tolist()],
        time_us=world.time_us[rest],
        entity=world.entity[rest],
    )
    assert proposals_of(alone) == []
    empty = world._replace(attributes=[], time_us=world.time_us[:0], entity=world.entity[:0])
    assert proposals_of(empty) == []


def test_every_number_of_a_proposal_can_be_counted_again() -> None:
    world = make_world(4)
    whole = Findings(world.attributes, world.entity, world.time_us // 86_400_000_000)
    end = int(world.time_us.max())
    seen = np.zeros(len(whole), np.bool_)
    last = world.time_us > 1_769_385_600_000_000  # 2026-01-26, a week before the end
    for proposal in proposals_of(world):
        rows = whole.meeting(proposal.where)
        fresh = rows & ~seen
        seen |= rows
        assert proposal.removed == (fresh & last).sum()
        assert proposal.before == (fresh & ~last).sum()
        assert proposal.entities == np.unique(world.entity[rows]).size
        assert hits_of(proposal.where, REPLAYS) == 0
        assert weakness(proposal.where) == ""
        assert proposal.weekly_low >= 3.0
    assert end < 1_770_076_800_000_000


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_clusters_are_frequent_narrow_and_met_by_just_their_findings(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = 120
    rows = [
        {
            "user.name": f"svc-{rng.integers(3)}",
            "process.name": f"p{rng.integers(3)}.exe",
            "process.parent.name": f"q{rng.integers(2)}.exe",
            "hours": "06-12",
        }
        for _ in range(size)
    ]
    found = Findings(rows, rng.integers(0, 20, size), rng.integers(0, 20, size))
    least = max(10, math.ceil(SHARE * size))
    covers = set()
    for alike in clusters(found):
        for cluster in alike:
            assert len(cluster.pattern) <= LONGEST
            assert (cluster.rows == found.meeting(cluster.pattern)).all()
            assert cluster.rows.sum() >= least
            assert np.unique(found.day[cluster.rows]).size >= 3
        cover = alike[0].rows.tobytes()
        assert cover not in covers
        covers.add(cover)
