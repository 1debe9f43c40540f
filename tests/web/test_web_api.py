"""Our own API: pages that hold still, conditions, ETags, writes, and what its document says of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from rarebit.app import accounts, keys
from rarebit.app.home import Home
from rarebit.app.live import Live
from rarebit.core.result import Alert, Case, Record
from rarebit.core.time import DAY_US, HOUR_US
from rarebit.web.access import CSRF_HEADER
from rarebit.web.api.document import document
from rarebit.web.api.operations import OPERATIONS
from rarebit.web.pace import Pace
from rarebit.web.server import make_app

MakeRecord = Callable[..., Record]
MakeCase = Callable[..., Case]
START = 20_700 * DAY_US
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]


@pytest.fixture
def records(home: Home, make_record: MakeRecord, make_case: MakeCase) -> list[Record]:
    """Thirty records of three hosts, an hour apart, two of each hour; ten cases; alerts."""
    made = [
        make_record(at, START + at // 2 * HOUR_US, entity_id=f"ws{at % 3}", record_score=float(at * 3))
        for at in range(30)
    ]
    home.store.put_records(made)
    home.store.put_cases([make_case([record], id=f"{at:020x}", rank=at + 1) for at, record in enumerate(made[:10])])
    home.store.put_alerts(
        [
            Alert(
                id=f"a{at}", rule_id="r", record_id=record.id, timestamp=record.time, score=record.record_score,
                expected_per_week=1.0, entity_type="host", entity_id=record.entity_id, sentence="odd",
            )
            for at, record in enumerate(made)
        ]
    )  # fmt: skip
    return made


@pytest.fixture
def reader(home: Home, records: list[Record]) -> TestClient:
    """A program that may judge."""
    assert records
    _, shown = keys.make_key(home, "reader", ["judge"], actor="test")
    client = TestClient(make_app(home), raise_server_exceptions=False)
    client.headers["authorization"] = f"ApiKey {shown}"
    return client


def _with_an_event(home: Home) -> Live:
    live = Live(home.path)
    live.add("any", [b'{"@timestamp": "2026-09-04T00:00:00Z", "host": {"name": "ws1"}, "process": {"name": "a"}}'])
    live.turn()
    return live


def _pages(client: TestClient, path: str, **params: Any) -> Iterator[dict[str, Any]]:
    cursor = None
    while True:
        page = client.get(path, params=params | ({"cursor": cursor} if cursor else {})).json()
        yield page
        cursor = page["next"]
        if cursor is None:
            return


@pytest.mark.parametrize("limit", [1, 7, 30, 1000])
@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("path", ["/api/records", "/api/alerts", "/api/cases"])
def test_pages_give_each_once_in_order(reader: TestClient, path: str, order: str, limit: int) -> None:
    pages = list(_pages(reader, path, limit=limit, order=order))
    found = [item["id"] for page in pages for item in page["items"]]
    assert len(found) == len(set(found)) == (10 if path == "/api/cases" else 30)
    assert all(len(page["items"]) == limit for page in pages[:-1])
    times = [item.get("opened_at") or item.get("time") or item["timestamp"] for page in pages for item in page["items"]]
    assert times == sorted(times, reverse=order == "desc")


def test_a_page_holds_still_while_more_comes_in(home: Home, reader: TestClient, make_record: MakeRecord) -> None:
    first = reader.get("/api/records", params={"limit": 10}).json()
    home.store.put_records([make_record(1000 + at, START + 40 * HOUR_US, record_score=99.0) for at in range(5)])
    rest = [
        item["id"] for page in _pages(reader, "/api/records", limit=10, cursor=first["next"]) for item in page["items"]
    ]
    seen = [item["id"] for item in first["items"]] + list(dict.fromkeys(rest))
    assert set(seen) >= {f"{at:020x}" for at in range(30)}
    second = reader.get("/api/records", params={"limit": 10, "cursor": first["next"]}).json()["items"]
    assert not {item["id"] for item in second} & {item["id"] for item in first["items"]}


def test_kql_chooses(reader: TestClient, records: list[Record]) -> None:
    asks = {
        "record_score >= 30 and entity_id: ws1": [r for r in records if r.record_score >= 30 and r.entity_id == "ws1"],
        "not entity_id: (ws0 or ws2)": [r for r in records if r.entity_id == "ws1"],
        "entity_id: ws*": records,
        f'time >= "{records[10].time}"': records[10:],
        f'time < "{records[10].time}" and id: {records[0].id}': records[:1],
        "explanation.sentence: *": records,
        "is_interim: true": [],
    }
    for where, wanted in asks.items():
        found = [item["id"] for page in _pages(reader, "/api/records", where=where, limit=4) for item in page["items"]]
        assert found == [record.id for record in sorted(wanted, key=lambda r: (r.time, r.id), reverse=True)], where
    for where, reason in (("odd.exe", "no field"), ("no_such: 1", "no_such"), ("entity_id: (", "ends too early")):
        answered = reader.get("/api/records", params={"where": where})
        assert (answered.status_code, reason in answered.text) == (400, True), where


def test_one_is_found_by_its_whole_id(reader: TestClient, records: list[Record]) -> None:
    assert reader.get(f"/api/records/{records[3].id}").json()["id"] == records[3].id
    answered = reader.get("/api/records/00000000000000000003x")
    assert (answered.status_code, answered.json()["status"]) == (404, 404)
    assert reader.get(f"/api/records/{records[29].id[:-1]}").status_code == 404


def test_nothing_found_says_how_well_it_sees(home: Home) -> None:
    _, shown = keys.make_key(home, "reader", ["read"], actor="test")
    page = TestClient(make_app(home)).get("/api/cases", headers={"authorization": f"Bearer {shown}"}).json()
    assert (page["items"], page["next"], page["sight"]["events"]) == ([], None, 0)
    assert set(page["sight"]["jobs"]) == {"never ran"}


def test_what_is_the_same_is_not_sent_again(reader: TestClient) -> None:
    for path in ("/api/cases", "/api/cases/00000000000000000003", "/api/rules?limit=2", "/api/openapi.json"):
        first = reader.get(path)
        tag = first.headers["etag"]
        again = reader.get(path, headers={"if-none-match": f'"x", W/{tag}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert reader.get(path, headers={"if-none-match": '"other"'}).status_code == 200


def test_a_verdict_counts_only_on_what_was_seen(home: Home, reader: TestClient) -> None:
    path = "/api/cases/00000000000000000003"
    assert reader.post(f"{path}/verdict", json={"verdict": "true"}).status_code == 503  # nothing was read yet
    _with_an_event(home).stop()
    tag = reader.get(path).headers["etag"]
    told = {"verdict": "benign", "note": "patch night"}
    answered = reader.post(f"{path}/verdict", json=told, headers={"if-match": tag})
    assert (answered.status_code, answered.json()["case"]["verdict"]) == (200, "benign")
    late = reader.post(f"{path}/verdict", json={"verdict": "true"}, headers={"if-match": tag})
    assert (late.status_code, home.store.get_case("0" * 19 + "3").verdict) == (409, "benign")
    assert reader.post(f"{path}/verdict", json={"verdict": "reopen"}).json()["case"]["state"] == "open"
    odd: list[Any] = [{"verdict": "maybe"}, {}, {"verdict": "true", "x": 1}, {"verdict": 1}, []]
    for wrong in odd:
        assert reader.post(f"{path}/verdict", json=wrong).status_code == 400
    assert home.store.list_audit("case " + "0" * 19 + "3")[0].actor.startswith("key reader")


def test_a_rule_is_switched_by_an_engineer_and_it_is_said_who_did(home: Home, reader: TestClient) -> None:
    rule = reader.get("/api/rules", params={"limit": 1}).json()["items"][0]
    path = f"/api/rules/{rule['id']}/state"
    assert reader.post(path, json={"state": "shadow"}).status_code == 403
    _, shown = keys.make_key(home, "engineer", ["manage"], actor="test")
    reader.headers["authorization"] = f"ApiKey {shown}"
    assert reader.post(path, json={"state": "shadow"}).json()["state"] == "shadow"
    assert reader.post(path, json={"state": "asleep"}).status_code == 400
    assert home.store.list_audit(rule["id"])[0].actor.startswith("key engineer")


def test_keys_are_made_by_an_admin_with_the_secret_of_the_session(home: Home) -> None:
    client = TestClient(make_app(home), base_url="http://pages.test")
    client.post(f"/link/{accounts.login_link(home, 'ann', 'admin')}")
    assert client.post("/api/keys", json={"name": "x", "scopes": ["read"]}).status_code == 403
    secret = client.get("/events").text.split('name="csrf" value="')[1][:64]
    made = client.post("/api/keys", json={"name": "x", "scopes": ["read"]}, headers={CSRF_HEADER: secret})
    assert made.status_code == 201
    key = {"authorization": f"ApiKey {made.json()['secret']}"}
    assert TestClient(make_app(home)).get("/api/jobs?limit=1", headers=key).status_code == 200
    gone = client.delete(f"/api/keys/{made.json()['key']['id']}", headers={CSRF_HEADER: secret})
    assert gone.json()["state"] == "revoked"
    assert TestClient(make_app(home)).get("/api/jobs", headers=key).status_code == 401


def test_parameters_that_are_not_known_are_refused(reader: TestClient) -> None:
    for path in ("/api/cases?x=1", "/api/cases?limit=0", "/api/cases?limit=1&limit=2", "/api/cases?order=up",
                 "/api/cases?cursor=x", "/api/cases?cursor=WzFlOTksICIiXQ", "/api/alerts?source=x",
                 "/api/jobs/nobody?x=1"):  # fmt: skip
        answered = reader.get(path)
        assert (answered.status_code, answered.json()["status"]) == (400, 400), path
    assert reader.get("/api/nothing").json()["status"] == 404
    assert (answered := reader.put("/api/cases")).status_code == 405
    assert answered.headers["allow"] == "GET"


def test_every_operation_is_named_once() -> None:
    found = [each["operationId"] for path in document()["paths"].values() for each in path.values()]
    assert len(found) == len(set(found)) >= 27


def test_no_request_of_the_document_breaks_it(home: Home, records: list[Record]) -> None:
    """Requests made of the document, with ids that are there and that are not, as somebody who may do everything."""
    live = _with_an_event(home)
    app = make_app(home, live=live, pace=Pace(1e9, 1e9))
    client = TestClient(app, base_url="http://pages.test")
    client.post(f"/link/{accounts.login_link(home, 'ann', 'admin')}")
    headers = {
        CSRF_HEADER: client.get("/events").text.split('name="csrf" value="')[1][:64],
        "cookie": f"rarebit={client.cookies['rarebit']}",
    }
    schema = schemathesis.openapi.from_dict(document())
    schema.app = app
    ids = itertools.cycle([None, records[0].id, None, "a1", "ws1"])

    def send(case: Any) -> None:
        name = next(ids)
        if name is not None and case.path_parameters:
            case.path_parameters = dict.fromkeys(case.path_parameters, name)
        case.call_and_validate(headers=headers, checks=CHECKS)

    quick = settings(
        max_examples=15,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    asked = 0
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        quick(given(case=found.ok().as_strategy())(send))()
        asked += 1
    assert asked == len(OPERATIONS)
    live.stop()
