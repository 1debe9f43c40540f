"""Suppressions and tuning on the pages: previewed, made, counted, undone; proposals made; effects of verdicts."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from rarebit.app.cases import regroup
from rarebit.app.home import Home
from rarebit.app.ingest import ingest
from rarebit.app.verdicts import effects, give_verdict
from rarebit.core.influencer import Influencer
from rarebit.core.result import Record
from rarebit.core.time import DAY_US, HOUR_US, iso, parse_time

Clients = Callable[..., TestClient]
Csrf = Callable[[TestClient], str]
START = parse_time("2025-10-06T00:00:00Z")


@pytest.fixture
def deployed(home: Home, tmp_path: Path, write_events: Callable[..., Path], make_record: Callable[..., Record]) -> Home:
    """Four weeks: a deployment account starts an agent everywhere, and each day one host shows something odd."""
    by = (Influencer(influencer_field_name="user.name", influencer_field_values=("svc-deploy",)),)
    ingest(home, [write_events(tmp_path / "e.ndjson", [{"@timestamp": iso(START + 28 * DAY_US), "message": "now"}])])
    home.store.put_records(
        [
            make_record(n, START + (7 * n + 1) * HOUR_US, value="agent.exe", entity_id=f"ws{n % 12}", influencers=by)
            for n in range(96)
        ]
        + [make_record(900 + n, START + n * DAY_US, entity_id=f"ws{n}") for n in range(28)]
    )
    regroup(home, 10.0)
    return home


@pytest.fixture
def ran_home(ran_copy: Path) -> Iterator[Home]:
    home = Home(ran_copy)
    yield home
    home.close()


def test_a_finding_is_suppressed_with_a_preview_counted_and_undone(
    ran_home: Home, client_of: Clients, csrf: Csrf
) -> None:
    client = client_of(ran_home, "analyst")
    case = ran_home.store.list_cases()[0]
    record = case.reasons[0].id
    assert f"/suppress?record={record}&amp;case={case.id}" in client.get(f"/cases/{case.id}").text
    page = client.get("/suppress", params={"record": record, "case": case.id})
    assert (page.status_code, "What it would hide" in page.text) == (200, True)
    seen = client.get("/suppress.json", params={"record": record}).json()
    assert {each["field"]: each["value"] for each in seen["choices"] if each["asked"]} == seen["where"]
    assert seen["effect"]["findings"] >= 1
    written = re.search(r'type="hidden" name="where" value="([^"]*)">', page.text)
    assert written
    sent = {"csrf": csrf(client), "where": html.unescape(written[1]), "expires": "30d", "broad": "yes", "case": case.id}
    assert client.post("/suppress", data=sent).status_code == 400, "a reason is needed"
    assert client.post("/suppress", data=sent | {"reason": "x", "where": "{not JSON"}).status_code == 400
    made = client.post("/suppress", data=sent | {"reason": "asset <b>tool</b>", "owner": "it-team"})
    assert made.headers["location"] == f"/cases/{case.id}"
    shown = client.get(f"/cases/{case.id}").text
    assert f"Suppressed: {seen['effect']['findings']} " in shown
    assert "Suppressed: " not in client.get(f"/cases/{case.id}").text, "it is said once"
    assert "by it-team: asset &lt;b&gt;tool&lt;/b&gt;" in shown
    (listed,) = client.get("/suppressions.json").json()["listed"]
    assert (listed["state"], listed["suppression"]["owner"]) == ("stands", "it-team")
    assert listed["hits"]["findings"] >= seen["effect"]["findings"]
    address = f"/suppressions/{listed['suppression']['id']}/remove"
    undone = client.post(address, data={"csrf": sent["csrf"], "back": "https://elsewhere.test/"})
    assert undone.headers["location"] == "/queue", "never to another site"
    assert client.get("/suppressions.json").json()["listed"][0]["state"] == "removed"
    assert ran_home.store.list_cases()[0].points == case.points
    assert {entry.actor for entry in ran_home.store.list_audit(f"suppression {listed['suppression']['id']}")} == {
        "some-analyst"
    }


def test_a_viewer_sees_what_is_hidden_and_changes_nothing(ran_home: Home, client_of: Clients, csrf: Csrf) -> None:
    viewer = client_of(ran_home, "viewer")
    case = ran_home.store.list_cases()[0]
    assert "/suppress?" not in viewer.get(f"/cases/{case.id}").text
    assert viewer.get("/suppress", params={"record": case.reasons[0].id}).status_code == 403
    sent = {"csrf": csrf(viewer), "where": "user.name=x", "reason": "because"}
    assert viewer.post("/suppress", data=sent).status_code == 403
    assert "Nothing is hidden" in viewer.get("/suppressions").text
    assert "Look for proposals" not in viewer.get("/tuning").text
    assert ran_home.store.suppressions.list() == []


def test_a_proposal_is_made_from_the_page_and_not_proposed_again(
    deployed: Home, client_of: Clients, csrf: Csrf
) -> None:
    client = client_of(deployed, "analyst")
    assert client.get("/tuning.json").json()["tuning"] is None
    secret = csrf(client)
    client.post("/tuning", data={"csrf": secret})
    found: dict[str, Any] = client.get("/tuning.json").json()
    (proposal,) = found["tuning"]["proposals"]
    assert not found["stale"]
    page = client.get("/tuning").text
    assert f"hides <b>{proposal['removed']}</b> a week" in page
    assert f"Suppress until {proposal['expires']}" in page
    where = "\n".join(f"{name}={value}" for name, value in proposal["where"].items())
    assert client.post("/suppress", data={"csrf": secret, "where": where, "reason": "roll-out"}).status_code == 303
    assert client.get("/tuning.json").json()["stale"], "what was mined is of before"
    client.post("/tuning", data={"csrf": secret})
    assert client.get("/tuning.json").json()["tuning"]["proposals"] == []
    assert "Nothing to propose" in client.get("/tuning").text


def test_the_effect_of_a_verdict_is_what_it_took_from_the_others(deployed: Home, client_of: Clients) -> None:
    assert effects(deployed) == []
    cases = {case.id: case for case in deployed.store.list_cases()}
    judged = next(case for case in cases.values() if any("agent.exe" in reason.sentence for reason in case.reasons))
    given = give_verdict(deployed, judged.id, "benign", actor="ann", note="the roll-out")
    (effect,) = effects(deployed)
    same = {shift.id: shift.points - shift.points_before for shift in given.shifts if shift.same}
    assert same
    touched = {one.id: one.points for one in effect.touched}
    assert set(same) <= set(touched)
    assert all(points <= 0.0 for points in touched.values())
    page = client_of(deployed, "viewer").get("/tuning").text
    assert "the roll-out" in page
