"""Verdicts as weights: by hand, bounded, in the right direction, and nothing where nobody has said anything."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarebit.case.evidence import Signal
from rarebit.case.trust import LEAST, MOST, Trust, behaviour_of
from rarebit.core.verdict import VERDICTS, Behaviour, Judgement


def _behaviour(thing: str, job: str = "j") -> Behaviour:
    return Behaviour(job_id=job, detector_index=0, thing=thing)


def _judged(number: int, verdict: str, *behaviours: Behaviour) -> Judgement:
    return Judgement(case_id=str(number), verdict=verdict, actor="ann", at_us=number, behaviours=behaviours)


def test_one_benign_verdict_by_hand() -> None:
    trust = Trust([_judged(1, "benign", _behaviour("a"))])
    share = 1 / 3  # of all: (1 + 0) / (2 + 1)
    detector = 10 * share / 11
    assert trust.of(_behaviour("a")).trust == pytest.approx(2 * detector / 3 / share)
    assert trust.of(_behaviour("b")).trust == pytest.approx(detector / share)
    assert trust.of(_behaviour("a", "other job")).trust == pytest.approx(1.0)


def test_unsure_says_nothing_and_nothing_weighs_nothing(make_signal: Callable[..., Signal]) -> None:
    assert Trust()(make_signal()) is None
    trust = Trust([_judged(1, "unsure", _behaviour("a"))])
    assert trust.of(_behaviour("a")).trust == 1.0


@given(
    st.lists(
        st.tuples(st.sampled_from(VERDICTS), st.sets(st.sampled_from("abcd"), max_size=3), st.sampled_from(["j", "k"])),
        max_size=30,
    )
)
def test_trust_is_bounded_and_each_verdict_moves_it_its_own_way(drawn: list[tuple[str, set[str], str]]) -> None:
    told = [_judged(n, verdict, *(_behaviour(thing, job) for thing in sorted(things)))
            for n, (verdict, things, job) in enumerate(drawn)]  # fmt: skip
    for thing in "abcd":
        behaviour = _behaviour(thing)
        before = Trust(told).of(behaviour)
        assert LEAST <= before.trust <= MOST
        worse, better = (Trust([*told, _judged(99, verdict, behaviour)]).of(behaviour) for verdict in ("false", "true"))
        assert worse.trust <= better.trust
        assert worse.same.not_true == before.same.not_true + 1
        assert better.same.true == before.same.true + 1


def test_a_behaviour_is_named_by_its_detector_and_what_was_odd(make_signal: Callable[..., Signal]) -> None:
    assert behaviour_of(make_signal(by_field_value="Odd.exe")) == _behaviour("odd.exe")
