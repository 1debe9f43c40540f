"""What may be hidden: attributes of findings, patterns that meet them, and the guards against broad ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarebit.core.influencer import Influencer
from rarebit.core.result import Record
from rarebit.core.time import parse_time
from rarebit.tune.attributes import may_meet, meets, normal, of_event, of_record
from rarebit.tune.guards import hits_of, is_service, weakness
from rarebit.tune.measure import weekly_range

AT = parse_time("2026-11-20T13:00:00Z")
SIGNER = "process.code_signature.subject_name"


def test_attributes_of_a_record_are_what_it_carries_in_normal_form(make_record: Callable[..., Record]) -> None:
    record = make_record(
        1, AT, value="Agent-7.1.3.exe", entity_id="WS1.corp",
        influencers=(
            Influencer(influencer_field_name="user.name", influencer_field_values=("CORP\\SVC-Deploy",)),
            Influencer(influencer_field_name="source.ip", influencer_field_values=("10.0.0.1", "10.0.0.2")),
        ),
    )  # fmt: skip
    found = of_record(record)
    assert found["process.name"] == "agent-*.exe"
    assert (found["user.name"], found["host.name"], found["hours"]) == ("svc-deploy", "ws1", "12-18")
    assert "source.ip" not in found  # two values are no attribute


def test_a_signer_counts_only_where_the_signature_is_trusted() -> None:
    event = {SIGNER: "Contoso", "process.code_signature.trusted": True, "process.name": None}
    assert of_event(event) == {SIGNER: "Contoso"}
    assert of_event(event | {"process.code_signature.trusted": False}) == {}


@given(st.dictionaries(st.sampled_from(["user.name", "process.name", "job.id"]), st.text(max_size=4)))
def test_what_meets_a_pattern_may_meet_it(pattern: dict[str, str]) -> None:
    assert meets(pattern, pattern)
    assert may_meet(pattern, pattern)
    assert normal(normal(pattern)) == normal(pattern)
    assert not may_meet({"process.name": "other program"}, {"process.name": "x"})
    assert may_meet({}, {"process.name": "x"})
    assert not may_meet({}, {"job.id": "x"})


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ({"process.name": "powershell.exe"}, "powershell.exe"),
        ({"process.name": "certutil.exe", "user.name": "ann"}, "certutil.exe"),
        ({"process.executable": "c:\\windows\\system32\\cmd.exe"}, "cmd.exe"),
        ({"process.parent.name": "services.exe"}, "services.exe"),
        ({"user.name": "svc-backup"}, "nothing of what was done"),
        ({"user.name": "svc-backup", "hours": "00-06"}, "nothing of what was done"),
        ({"process.name": "agent.exe", "user.name": "ann"}, "vouches"),
        ({"process.executable": "c:\\users\\*\\appdata\\agent.exe"}, "vouches"),
    ],
)
def test_broad_patterns_are_named(pattern: dict[str, str], why: str) -> None:
    assert why in weakness(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        {"process.name": "agent.exe", "user.name": "svc-deploy"},
        {"process.name": "agent.exe", SIGNER: "Contoso"},
        {"process.name": "agent.exe", "process.parent.name": "deployer.exe"},
        {"process.executable": "c:\\program files\\agent\\agent.exe"},
        {"process.name": "cmd.exe", "process.parent.name": "deployer.exe"},
        {"user.name": "svc-scan", "host.group": "server", "job.id": "rare_user_name_for_a_host"},
    ],
)
def test_patterns_with_an_origin_pass(pattern: dict[str, str]) -> None:
    assert weakness(pattern) == ""


def test_replays_are_hidden_whoever_did_them() -> None:
    replays = [
        {"process.name": "psexec.exe", "user.name": "ann", "host.group": "server"},
        {"process.name": "odd.exe", "user.name": "svc-sql", "host.group": "workstation"},
    ]
    assert hits_of({"process.name": "psexec.exe", "user.name": "svc-deploy", "host.name": "ws9"}, replays) == 1
    assert hits_of({"process.name": "agent.exe", "user.name": "ann"}, replays) == 0
    assert hits_of({"user.name": "ann"}, replays) == 2
    placed = {"user.name": "svc-scan", "job.id": "j"}
    assert hits_of(placed | {"host.group": "server"}, replays) == 0
    assert hits_of(placed | {"host.group": "workstation"}, replays) == 1


def test_service_accounts_are_known_by_group_or_name() -> None:
    assert is_service("svc-backup")
    assert is_service("*$")
    assert is_service("backupper", "service account")
    assert not is_service("svetlana")


def test_the_weekly_range_by_the_tables() -> None:
    assert list(weekly_range(41, 1.0)) == pytest.approx([29.42, 55.62], abs=0.01)
    assert list(weekly_range(0, 2.0)) == pytest.approx([0.0, 1.844], abs=0.001)
