"""Exports of an installation after a run."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rarebit.app.exports import FORMS, attack_layer, coverage, exported, report
from rarebit.app.home import Home
from rarebit.core.errors import InputError

OpenHome = Callable[[Path], AbstractContextManager[Home]]


def _documents(home: Home, what: Any, form: str) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in exported(home, what, form, state="all")]


@pytest.mark.parametrize(("what", "form"), [(what, form) for what, forms in FORMS.items() for form in forms])
def test_every_form_holds_every_item(what: Any, form: str, ran: Path, open_home: OpenHome) -> None:
    with open_home(ran) as home:
        lines = list(exported(home, what, form, state="all"))
        held = {
            "cases": len(home.store.list_cases()),
            "alerts": len(home.store.list_alerts()),
            "records": len(home.store.list_records()),
        }
        assert len(lines) == held[what] + (form == "csv")
        assert len(lines) > 1


def test_a_finding_of_ocsf_has_what_the_schema_requires(ran: Path, open_home: OpenHome) -> None:
    with open_home(ran) as home:
        found = _documents(home, "cases", "ocsf")
        cases = {case.id: case for case in home.store.list_cases()}
    for each in found:
        assert each["type_uid"] == 200_400 + each["activity_id"]
        assert {"uid", "version", "product"} <= each["metadata"].keys()
        assert each["finding_info"]["uid"] in cases
        for analysis in each["anomaly_analyses"]:
            assert analysis["analysis_targets"]
            for part in (*analysis["anomalies"], *analysis["baselines"]):
                assert {"observed_attribute", "observations"} <= part.keys()
                assert all(isinstance(seen["value"], str) for seen in part["observations"])
    opened = [each for each in found if cases[each["finding_info"]["uid"]].state == "open"]
    assert opened
    assert all(each["is_alert"] and each["status_id"] == 1 for each in opened)


def test_an_alert_of_ecs_is_about_the_host_of_its_event(ran: Path, open_home: OpenHome) -> None:
    with open_home(ran) as home:
        for each in _documents(home, "alerts", "ecs"):
            assert each["event"]["kind"] == "alert"
            assert each["rarebit"]["original_event"]["id"] in each["rarebit"]["event_ids"]
            assert each["related"]["hosts"] == [each["host"]["name"]]


def test_coverage_tells_blind_from_able(ran: Path, open_home: OpenHome) -> None:
    with open_home(ran) as home:
        found = {each.id: each for each in coverage(home)}
        made = attack_layer(home)
    assert found["v3_rare_process_by_host_windows"].fires
    assert not found["security_log_cleared"].fires
    assert any(each.missing for each in found.values())
    assert {each["score"] for each in made["techniques"]} == {1, 2}


def test_the_report_is_one_file_without_script_or_link(ran: Path, open_home: OpenHome) -> None:
    with open_home(ran) as home:
        made = report(home, title="<b>mine</b>")
        cases = [case for case in home.store.list_cases() if case.state == "open"]
    assert "<script" not in made
    assert not re.search(r"(?:src|href)\s*=\s*[\"'](?!#)", made)
    assert "&lt;b&gt;mine" in made
    assert "<b>mine" not in made
    for case in cases:
        assert f'id="c{case.rank}"' in made


def test_another_form_is_refused_with_those_there_are(ran: Path, open_home: OpenHome) -> None:
    with open_home(ran) as home, pytest.raises(InputError, match="records have no form"):
        exported(home, "records", "ocsf")
