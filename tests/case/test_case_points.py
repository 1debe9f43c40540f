"""The points of a case: shares that add up, each recomputable; tactics, order, context, joined entities, budget."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarebit.case.budget import HOLD, Candidate, within_budget
from rarebit.case.context import context_parts
from rarebit.case.evidence import CAP
from rarebit.case.fuse import Fused
from rarebit.case.stages import CHAIN, NOWHERE, tactic_of
from rarebit.core.case_part import CasePart
from rarebit.core.influencer import Influencer
from rarebit.core.result import Case, Record
from rarebit.core.time import DAY_US, HOUR_US, parse_time

MakeRecord = Callable[..., Record]
FusedOf = Callable[..., list[Fused]]
START = parse_time("2026-10-25T08:00:00Z")
PROGRAMS = ("odd.exe", "schtasks.exe", "ntdsutil.exe", "nltest.exe", "rclone.exe", "psexec.exe")


def _at(hours: float) -> int:
    return START + round(hours * HOUR_US)


def _recomputed(part: CasePart) -> float:
    """Points of a share by its own numbers, as its documentation says."""
    rate = 0.7 * (part.shape + part.own) / (part.shape / part.usual + part.weeks) + 0.3 * part.usual * part.noise
    assert rate == pytest.approx(part.rate)
    assert 1.0 - math.exp(-rate * part.window_days / 7.0) == pytest.approx(part.probability)
    return part.weight * min(max(math.log(0.3) - 0.7 * math.log(part.probability), 0.0), CAP)


FINDINGS = st.lists(
    st.tuples(st.integers(0, 300), st.sampled_from(PROGRAMS), st.floats(0.001, 50.0), st.sampled_from(["ws1", "ws2"])),
    min_size=1,
    max_size=25,
)


@given(FINDINGS)
def test_shares_add_up_and_can_be_recomputed(
    make_record: MakeRecord, cases_from: Callable[..., list[Case]], found: list[tuple[int, str, float, str]]
) -> None:
    records = [
        make_record(n, _at(hours), value=value, expected=expected, entity_id=host)
        for n, (hours, value, expected, host) in enumerate(found)
    ]
    for case in cases_from(records):
        assert case.points == pytest.approx(sum(part.points for part in case.parts), abs=1e-9)
        held = {part.record_id for part in case.parts if part.record_id}
        for name in held:
            shares = [part for part in case.parts if part.record_id == name]
            assert sum(part.points for part in shares) == pytest.approx(_recomputed(shares[0]), abs=0.0051)


@given(FINDINGS)
def test_shown_points_are_those_it_was_ranked_by(
    make_record: MakeRecord, fused: FusedOf, found: list[tuple[int, str, float, str]]
) -> None:
    """Parts are made one way, totals another (compiled, over all windows)."""
    records = [
        make_record(n, _at(hours), value=value, expected=expected, entity_id=host)
        for n, (hours, value, expected, host) in enumerate(found)
    ]
    for item in fused(records):
        assert sum(part.points for part in item.parts) == pytest.approx(item.total, abs=0.02 * len(item.parts))


def test_a_tactic_counts_once_and_half_for_another_kind(make_record: MakeRecord, fused: FusedOf) -> None:
    def total(*records: Record) -> float:
        return fused(list(records))[0].total

    first, weaker = make_record(1, _at(0)), make_record(2, _at(0.1), expected=2.0)
    account = make_record(3, _at(0.2), by_field_name="user.name", value="eve", expected=0.5)
    other = make_record(4, _at(0.3), value="nltest.exe")
    assert total(first, weaker) == pytest.approx(total(first))
    assert total(first, account) == pytest.approx(1.5 * total(first))
    assert total(first, other) == pytest.approx(2.0 * total(first) + 0.5)


def test_the_order_of_the_kill_chain_counts(make_record: MakeRecord, fused: FusedOf) -> None:
    chain = ("schtasks.exe", "ntdsutil.exe", "nltest.exe", "rclone.exe")
    along, against = (
        fused([make_record(n, _at(2 * n), value=value) for n, value in enumerate(order)])[0].total
        for order in (chain, chain[::-1])
    )
    assert along - against == pytest.approx(6.0)


def test_a_chronic_talker_is_quietened_by_its_own_past(make_record: MakeRecord, fused: FusedOf) -> None:
    past = [
        make_record(10 * day + n, START + day * DAY_US + n * HOUR_US, expected=5.0)
        for day in range(26)
        for n in range(2)
    ]
    quiet = make_record(998, START + 26 * DAY_US, entity_id="ws2", expected=5.0)
    loud = make_record(999, START + 26 * DAY_US, expected=5.0)
    ranked = fused([*past, quiet, loud])
    latest = {item.drafts.evidence.names[item.drafts.entity[item.lead]][1] for item in ranked if item.total > 2.0}
    assert latest >= {"ws2"}
    talk = ranked[0].drafts.evidence.talk
    rates = {s.id: float(rate) for s, rate in zip(ranked[0].drafts.evidence.signals, talk.rate, strict=True)}
    assert rates[loud.id] > 20.0 * rates[quiet.id]


def _of(user: str) -> tuple[Influencer, ...]:
    return (Influencer(influencer_field_name="user.name", influencer_field_values=(user,)),)


def _history(make_record: MakeRecord, user: str = "everyone") -> list[Record]:
    return [
        make_record(500 + n, START + n * DAY_US, entity_id=f"old{n}", influencers=_of(user), expected=9.0)
        for n in range(10)
    ]


def _on(make_record: MakeRecord, number: int, late: float, user: str) -> Record:
    return make_record(
        number, _at(late + number), entity_id=f"ws{number}", influencers=_of(user), expected=3.0, value=f"odd-{number}"
    )


def test_hosts_of_a_rare_account_are_one_case(
    make_record: MakeRecord, fused: FusedOf, cases_from: Callable[..., list[Case]]
) -> None:
    late = 24 * 12.0
    worm = [
        make_record(n, _at(late + n), entity_id=f"ws{n}", influencers=_of("eve"), expected=3.0) for n in range(1, 5)
    ]
    ranked = fused([*_history(make_record), *worm])
    best = ranked[0]
    assert len(best.joined) == 3
    own = float(best.drafts.total[best.lead])
    assert best.total == pytest.approx(own + 0.5 * sum(best.drafts.total[list(best.joined)]), abs=0.02)
    assert {what for what, _, _ in best.through} == {"user"}
    (case, *_) = cases_from([*_history(make_record), *worm])
    for name in {part.entity for part in case.joined_parts}:
        own = sum(part.points for part in case.joined_parts if part.entity == name)
        (share,) = (part.points for part in case.parts if part.entity == name)
        assert share == pytest.approx(own / 2, abs=0.02)


def test_an_account_that_is_everywhere_joins_nothing(make_record: MakeRecord, fused: FusedOf) -> None:
    late = 24 * 12.0
    records = [
        make_record(n, _at(late + n), entity_id=f"ws{n}", influencers=_of("everyone"), expected=3.0)
        for n in range(1, 5)
    ]
    assert all(not item.joined for item in fused([*_history(make_record), *records]))


def test_a_source_address_joins_the_host_it_belongs_to(make_record: MakeRecord, fused: FusedOf) -> None:
    source = (Influencer(influencer_field_name="source.ip", influencer_field_values=("10.0.0.1",)),)
    late = 24 * 12.0
    pair = [
        make_record(1, _at(late), entity_id="ws1", expected=1.0),
        make_record(2, _at(late + 1), entity_id="srv", expected=2.0, influencers=source),
    ]
    (best, *_) = fused([*_history(make_record), *pair], addresses={"10.0.0.1": "ws1"})
    assert len(best.joined) == 1
    assert best.through[0][:2] == ("host", "ws1")
    assert all(not item.joined for item in fused([*_history(make_record), *pair]))


def test_context_is_added_and_shown(make_record: MakeRecord, fused: FusedOf) -> None:
    known = {"ws1": {"criticality": "critical", "exposure": "internet", "role": "web_server"}}
    plain, critical = (fused([make_record(1, START)], context=context)[0] for context in ({}, known))
    assert critical.total == pytest.approx(plain.total + 2.1)
    assert [part.text for part in critical.extra] == ["criticality: critical", "exposure: internet"]
    assert context_parts({"criticality": "medium", "privileged": "no"}) == ()


def test_a_lone_weak_finding_opens_no_case_and_a_strong_one_does(make_record: MakeRecord, fused: FusedOf) -> None:
    weak, strong = (fused([make_record(1, START, expected=value)])[0].strong for value in (11.0, 9.0))
    assert (weak, strong) == (False, True)
    pair = [make_record(1, START, expected=11.0), make_record(2, _at(1), value="nltest.exe", expected=11.0)]
    assert fused(pair)[0].strong


def test_a_program_speaks_of_its_own_tactic() -> None:
    assert CHAIN[tactic_of("process.name", "WHOAMI.exe", ("Execution",))] == "Discovery"
    assert CHAIN[tactic_of("process.executable", r"C:\Windows\System32\schtasks.exe", ())] == "Persistence"
    assert CHAIN[tactic_of("process.name", "odd.exe", ("Execution", "Persistence"))] == "Execution"
    assert CHAIN[tactic_of("user.name", "whoami.exe", ("Lateral Movement",))] == "Lateral Movement"
    assert tactic_of("user.name", "eve", ()) == NOWHERE


@given(
    days=st.lists(st.integers(0, 40), min_size=1, max_size=60),
    per_day=st.sampled_from([1 / 7, 0.5, 1.0, 2.0, 10.0]),
)
def test_the_budget_holds_in_every_week_and_day(days: list[int], per_day: float) -> None:
    ranked = [Candidate(opened_us=day * DAY_US, expected=0.01) for day in days]
    chosen = within_budget(ranked, per_day)
    opened = [day for day, kept in zip(days, chosen, strict=True) if kept]
    assert all(count <= max(1.0, 3 * per_day) for count in Counter(opened).values())
    assert all(count <= max(1.0, 7 * per_day) + 1e-9 for count in Counter(day // 7 for day in opened).values())
    assert chosen[0]
    for day in [day for day, kept in zip(days, chosen, strict=True) if not kept]:
        full_day = Counter(opened)[day] + 1 > max(1.0, 3 * per_day)
        full_week = Counter(d // 7 for d in opened)[day // 7] + 1 > max(1.0, 7 * per_day)
        assert full_day or full_week


def test_what_is_expected_more_often_than_the_budget_is_not_opened() -> None:
    def opens(**about: float | bool) -> bool:
        return within_budget([Candidate(opened_us=0, **about)], 1.0)[0]  # type: ignore[arg-type]

    assert not opens(expected=7.1)
    assert opens(expected=6.9)
    assert not opens(expected=0.1, strong=False)
    assert opens(expected=7.1, held=True)
    assert not opens(expected=7.0 * HOLD + 0.1, held=True)


def test_an_open_case_keeps_its_place_from_a_stronger_one() -> None:
    new, held = Candidate(opened_us=0, expected=0.1), Candidate(opened_us=0, expected=0.5, held=True)
    assert within_budget([new, held], 1 / 7) == [False, True]
