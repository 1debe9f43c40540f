"""Influencers: what everything carries explains nothing, and every share can be worked out from its counts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rarebit.detect.influence import carried, explained, influence


def test_values_are_ranked_by_what_they_explain() -> None:
    found = carried("user.name", ["SYSTEM", "SYSTEM", "mara", None])
    assert found is not None
    ranked = explained(found, {"SYSTEM": 900, "mara": 0}, 1000)
    assert ranked.influencer_field_values == ("mara", "SYSTEM")
    assert [(each.events, each.of, each.usual_events, each.usual_of) for each in ranked.explains] == [
        (1, 4, 0, 1000),
        (2, 4, 900, 1000),
    ]
    assert [each.influencer_score for each in ranked.explains] == [0.25, 0.0]


def test_without_a_week_before_nothing_is_usual() -> None:
    assert influence(3, 4, 0, 0) == 0.75


def test_a_field_that_no_event_has_is_no_influencer() -> None:
    assert carried("user.name", [None, ""]) is None


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 1000), st.integers(0, 1000))
def test_influence_is_a_share(events: int, more: int, usual: int, others: int) -> None:
    found = influence(events, events + more, usual, usual + others)
    assert 0.0 <= found <= 1.0
    assert found <= influence(events + more, events + more, usual, usual + others)
