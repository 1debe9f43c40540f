"""Sentences: counts with their denominators, and nothing that cannot be recomputed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarebit.core.result import Level
from rarebit.detect.explain import level_name, level_sentence, plural, rollout_sentence, what_happened
from rarebit.detect.rollout import INFORMATIONAL, Spread, verdict
from rarebit.model.rare_kernel import FLEET, INDIVIDUAL, POPULATION

MakeLevel = Callable[..., Level]


@pytest.mark.parametrize(
    ("value_field", "said"),
    [
        ("process.name", "ws1 started odd.exe"),
        ("user.name", "ws1 had user odd.exe"),
        ("host.name", "ws1 was on host odd.exe"),
        ("dns.question.name", "ws1 dns.question.name was odd.exe"),
    ],
)
def test_what_happened(make_level: MakeLevel, value_field: str, said: str) -> None:
    assert what_happened(make_level(value_field=value_field)) == said


def test_what_happened_in_the_words_of_the_job(make_level: MakeLevel) -> None:
    level = make_level(value_field="dns.question.name")
    assert what_happened(level, "asked for {value}") == f"{level.entity} asked for {level.value}"
    assert what_happened(level, "was active") == f"{level.entity} dns.question.name was {level.value}"


@given(
    fleet=st.integers(0, 10**6), share=st.floats(0, 1), peers=st.integers(0, 10**4), group=st.sampled_from(["", "a_b"])
)
def test_counts_stand_in_the_sentence(make_level: MakeLevel, fleet: int, share: float, peers: int, group: str) -> None:
    having = int(fleet * share)
    level = make_level(fleet=fleet, fleet_with_value=having, peers=peers, peers_with_value=0, peer_group=group)
    said = level_sentence(level, INDIVIDUAL)
    assert f"{having:,} of {plural(fleet, 'host')}" in said
    assert (f"0 of {peers:,} a b peers" in said) == bool(group)
    assert "first time on this host in 12 days" in said


@pytest.mark.parametrize("mode", [INDIVIDUAL, FLEET, POPULATION])
def test_levels_have_words(mode: int) -> None:
    assert level_name(mode, 0) == "seen"
    assert len({level_name(mode, level) for level in range(4)}) == 4


def test_plural() -> None:
    assert [plural(n, "host") for n in (0, 1, 2, 1234)] == ["0 hosts", "1 host", "2 hosts", "1,234 hosts"]


def test_a_rollout_is_told_with_its_size_and_span() -> None:
    assert "12 hosts within 3 hours" in rollout_sentence(12, "host", 3.0)
    assert "12 hosts within 30 minutes" in rollout_sentence(12, "host", 0.5)


SPREAD = Spread(lead_id=1, other_ids=(2, 3), joined=10, first_us=0, last_us=1)


@pytest.mark.parametrize(
    ("parent", "trusted", "expected"),
    [
        ("msiexec.exe", True, INFORMATIONAL),
        ("services.exe", True, INFORMATIONAL),
        ("WmiPrvSE.exe", None, 0.05),
        ("psexesvc.exe", False, 0.05),
        ("explorer.exe", None, INFORMATIONAL),
        ("explorer.exe", False, 0.5),
    ],
)
def test_a_worm_and_a_deployment_are_told_apart(parent: str, trusted: bool | None, expected: float) -> None:
    judged = verdict(SPREAD, parent=parent, trusted=trusted, expected=0.5)
    assert judged.expected == pytest.approx(expected)
    assert judged.reason
