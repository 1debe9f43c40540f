"""What the pages show: cases and their counts, what changed, verdicts, and hostile values."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markupsafe import escape

from rarebit.app.home import Home
from rarebit.core.people import Account
from rarebit.core.result import Case, CaseEntity, Record
from rarebit.core.time import parse_time
from rarebit.web.answer import shown

Clients = Callable[..., TestClient]
Csrf = Callable[[TestClient], str]
AT = parse_time("2026-10-10T08:00:00Z")


@pytest.fixture
def judged(home: Home, make_record: Callable[..., Record], make_case: Callable[..., Case]) -> Home:
    """Two open cases of ws1 and ws2."""
    records = [make_record(number, AT + number * 1_000_000) for number in range(1, 4)]
    home.store.put_records(records)
    other = CaseEntity(type="host", id="ws2", name="ws2")
    home.store.put_cases([make_case(records[:2]), make_case(records[2:], rank=2, entity=other, sentence="ws2 too")])
    return home


class _Outline(HTMLParser):
    """Tags and attributes of a page, without what they say."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))


def _outline(page: str) -> list[tuple[str, tuple[str, ...]]]:
    parser = _Outline()
    parser.feed(page)
    return parser.tags


def test_the_queue_and_its_twin_say_the_same(judged: Home, client_of: Clients) -> None:
    client = client_of(judged, "viewer")
    page, twin = client.get("/queue").text, client.get("/queue.json").json()
    assert [case["entity"]["name"] for case in twin["cases"]] == ["ws1", "ws2"]
    assert twin["counts"] == {"open": 2}
    for case in twin["cases"]:
        assert str(escape(case["sentence"])) in page
        assert f"/cases/{case['id']}" in page
    assert client.get("/queue?format=json").json() == twin


def test_nothing_read_is_not_nothing_found(home: Home, client_of: Clients) -> None:
    page = client_of(home, "viewer").get("/queue").text
    assert "Nothing has been read yet" in page
    assert "No case open" not in page


def test_what_changed_since_the_last_look_is_marked(
    judged: Home, client_of: Clients, csrf: Csrf, make_case: Callable[..., Case], make_record: Callable[..., Record]
) -> None:
    client = client_of(judged, "viewer")
    assert client.get("/queue.json").json()["marks"] == {}
    client.post("/queue/look", data={"csrf": csrf(client)})
    first, second = judged.store.list_cases()
    judged.store.put_cases([make_case([make_record(8, AT)] * 2, id=first.id, score=71.0, event_count=9)])
    judged.store.put_cases([make_case([make_record(9, AT)], id="f" * 20, rank=3)])
    judged.store.judge_case(second.id, state="closed", verdict="benign", actor="ann")
    found = client.get("/queue.json").json()
    assert found["marks"] == {first.id: "score 60 → 71, 2 → 9 events", "f" * 20: "new"}
    assert [case["id"] for case in found["gone"]] == [second.id]
    client.post("/queue/look", data={"csrf": csrf(client)})
    assert client.get("/queue.json").json()["marks"] == {}


def test_an_analyst_judges_and_undoes_and_both_are_kept(ran_copy: Path, client_of: Clients, csrf: Csrf) -> None:
    home = Home(ran_copy)
    try:
        client = client_of(home, "analyst")
        case = client.get("/queue.json").json()["cases"][0]
        path = f"/cases/{case['id']}"
        shown_case = client.get(path + ".json").json()
        page = client.get(path).text
        for reason in shown_case["reasons"]:
            assert str(escape(shown(reason["sentence"]))) in page
            for level in reason["record"]["explanation"]["levels"]:
                assert f"{level['fleet_with_value']:,} of {level['fleet']:,}" in page
        assert shown_case["events"]
        secret = csrf(client)
        sent = {"csrf": secret, "verdict": "benign", "standing": shown_case["standing"]}
        assert client.post(f"{path}/verdict", data=sent).headers["location"] == path
        assert home.store.get_case(case["id"]).verdict == "benign"
        assert client.post(f"{path}/verdict", data=sent).status_code == 409
        client.post(f"{path}/verdict", data={"csrf": secret, "verdict": "reopen"})
        assert home.store.get_case(case["id"]).state == "open"
        history = client.get(path + ".json").json()["history"]
        assert [entry["actor"] for entry in history] == ["some-analyst", "some-analyst"]
        assert client.post(f"{path}/verdict", data={"csrf": secret, "verdict": "odd"}).status_code == 400
        viewer = client_of(home, "viewer")
        assert viewer.post(f"{path}/verdict", data={"csrf": csrf(viewer), "verdict": "true"}).status_code == 403
        assert "may look but not judge" in viewer.get(path).text
        _look_around(client, case["entity"]["id"])
    finally:
        home.close()


def _look_around(client: TestClient, host: str) -> None:
    records = client.get(f"/records.json?host={host}&limit=2").json()
    assert {record["entity_id"] for record in records["records"]} == {host}
    record = records["records"][0]
    assert client.get(f"/records/{record['id']}.json").json()["record"]["id"] == record["id"]
    found = client.get("/events.json", params={"where": f'host.name: "{host}"', "limit": 3}).json()
    assert len(found["events"]) == 3
    assert found["more"]
    for path in ("/records", f"/records/{record['id']}", f"/events?record={record['id']}", "/jobs", "/health"):
        assert client.get(path).status_code == 200
    assert client.get(f"/jobs/{record['job_id']}").status_code == 200
    for kind, name in (
        ("host", host),
        ("user", "nobody <b>"),
        ("process", "explorer.exe"),
        ("hash", "00"),
        ("destination", "x.example"),
    ):
        page = client.get(f"/entity/{kind}", params={"name": name})
        assert (page.status_code, '<b>"' in page.text) == (200, False)
    assert client.get("/entity/planet?name=x").status_code == 400
    _hunt(client)
    found = client.get("/entity/host.json", params={"name": host}).json()["found"]
    assert record["id"] in {each["id"] for each in found["records"]}
    standing = client.get("/jobs.json").json()["jobs"]
    states = {job["id"]: job["status"]["state"] for job in standing if job["status"]}
    assert {job["state"] for job in client.get("/health.json").json()["status"]["jobs"]} == set(states.values())
    for wrong, code in (("/events?where=((", 400), ("/records?min_score=x", 400), ("/records?limit=x", 400)):
        assert client.get(wrong).status_code == code
    assert client.get("/records/0123456789").status_code == 404


def _hunt(client: TestClient) -> None:
    for over, where, stack in (
        ("events", "", ""), ("events", "process.name: *", ""), ("events", "", "process.name"),
        ("records", "record_score >= 1", ""), ("records", "", "user.name"), ("memory", "s*", ""),
    ):  # fmt: skip
        asked: dict[str, str | int] = {"over": over, "where": where, "stack": stack, "since": "2026-10-01", "limit": 20}
        page = client.get("/hunt", params=asked)
        assert page.status_code == 200, page.text
        found = client.get("/hunt.json", params=asked).json()["found"]
        assert (found is None) == (not where and not stack)
    narrow = re.search(
        r'class="go plain" href="(/hunt[^"]+)"', client.get("/hunt", params={"stack": "process.name"}).text
    )
    assert narrow
    assert client.get(html.unescape(narrow[1])).text.count('<tr class="row"') >= 1
    wrong = client.get("/hunt", params={"where": 'a: "<b>', "stack": "process.name"})
    assert (wrong.status_code, "a: &#34;&lt;b&gt;" in wrong.text, '<b>"' in wrong.text) == (400, True, False)
    for other in ({"over": "x"}, {"language": "sql"}, {"since": "someday"}):
        assert client.get("/hunt", params=other).status_code == 400


_HOSTILE = st.text(min_size=1, max_size=60) | st.sampled_from([
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "</title></pre></textarea><svg onload=alert(1)>",
    "javascript:alert(1)",
    "\u202egpj.exe\x1b[2J\x00\r\n",
    "&lt;b&gt; &amp; \ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
])  # fmt: skip


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hostile=_HOSTILE)
def test_pages_show_hostile_values_and_do_nothing_else(
    hostile: str, make_record: Callable[..., Record], make_case: Callable[..., Case]
) -> None:
    from rarebit.web.answer import _pages

    def render(value: str) -> str:
        record = make_record(1, AT, value=value or "x", entity_id=value, job_id="j")
        case = make_case(
            [record], sentence=value, queries={"kql": value}, context={"role": value}, tactics=(value,),
            entity=CaseEntity(type="host", id=value, name=value),
        )  # fmt: skip
        return _pages.get_template("case.html").render(_case_data(case, record, value))

    page = render(hostile)
    assert _outline(page) == _outline(render("plain"))
    assert not any(character in page for character in "\u202e\x1b\x00")


def _case_data(case: Case, record: Record, value: str) -> dict[str, Any]:
    from rarebit.web.answer import plain

    line = {"time": value, "host": value, "user": value, "what": value, "parent": value, "id": value}
    entry = {"at_us": AT, "actor": value, "action": value, "target": value, "before": value, "after": value}
    return {
        "case": plain(case), "standing": "open, verdict none", "judgement": None,
        "hidden": [{"count": 2, "id": "a", "owner": value, "reason": value}],
        "following": "", "previous": "", "verdicts": [],
        "more_events": False,
        "reasons": [plain(case.reasons[0]) | {"record": plain(record)}], "history": [entry],
        "events": [{"line": line, "event": {"process": {"name": value}}}], "next_steps": [value],
        "page": {
            "person": Account(name="ann", role="viewer"), "csrf": "",
            "theme": "", "zone": "utc", "path": "/", "sight": None, "told": value,
            "may": lambda _needed: False,
        },
    }  # fmt: skip


def test_the_hostile_page_needs_a_person(judged: Home, client_of: Clients) -> None:
    assert client_of(judged).get("/cases/1").status_code == 303
