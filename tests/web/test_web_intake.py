"""Events by HTTP: the bulk form, NDJSON, limits, back-pressure; keys and what they may."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest
from fastapi.testclient import TestClient

from rarebit.app import keys
from rarebit.app.home import Home
from rarebit.app.live import Live, LiveSettings
from rarebit.core.errors import InputError, NotFoundError
from rarebit.web.access import CSRF_HEADER
from rarebit.web.body import LONGEST_INTAKE
from rarebit.web.server import make_app

Clients = Callable[..., TestClient]
Csrf = Callable[[TestClient], str]
TIME = "2026-10-01T00:00:00Z"


@pytest.fixture
def live(home: Home) -> Iterator[Live]:
    """The worker of the installation; its turns are taken by hand."""
    made = Live(home.path, LiveSettings(spool_bytes=4096))
    yield made
    made.stop()


@pytest.fixture
def sender(home: Home, live: Live) -> TestClient:
    """A program with a key that may send."""
    return _client(home, live, "intake")


def _client(home: Home, live: Live, *scopes: str) -> TestClient:
    _, shown = keys.make_key(home, "shipper", scopes, actor="test")
    return TestClient(make_app(home, live=live), headers={"authorization": f"ApiKey {shown}"}, follow_redirects=False)


def _bulk(*lines: object) -> bytes:
    return b"".join((line if isinstance(line, bytes) else orjson.dumps(line)) + b"\n" for line in lines)


def test_a_bulk_request_says_what_became_of_each(home: Home, live: Live, sender: TestClient) -> None:
    body = _bulk(
        {"create": {}}, {"@timestamp": TIME, "host": {"name": "h1"}},
        {"index": {"_index": "logs", "_id": "own-id"}}, {"@timestamp": TIME, "host": {"name": "h2"}},
        {"create": {}}, b"{not json",
        {"create": {}}, {"host": {"name": "no time"}},
        {"create": {}}, {"@timestamp": "no time"},
        {"delete": {"_id": "x"}},
        {"update": {"_id": "x"}}, {"doc": {}},
        {"create": {}}, {"EventTime": TIME, "Hostname": "h3", "EventID": 1, "SourceModuleName": "x"},
        {"create": {"_id": "ours"}}, {"@timestamp": TIME, "event": {"id": "theirs"}},
    )  # fmt: skip
    answered = sender.post("/logs-x/_bulk", content=body)
    assert answered.status_code == 200
    told = answered.json()
    assert told["errors"] is True
    items = [(action, item["status"]) for each in told["items"] for action, item in each.items()]
    assert items == [
        ("create", 201), ("index", 201), ("create", 400), ("create", 400), ("create", 400), ("delete", 400),
        ("update", 400), ("create", 201), ("create", 201),
    ]  # fmt: skip
    assert told["items"][0]["create"]["_index"] == "logs-x"
    assert told["items"][1]["index"]["_index"] == "logs"
    assert told["items"][2]["create"]["error"]["type"] == "document_parsing_exception"
    live.turn()
    held = {row["event.id"] for row in home.lake.sql('SELECT "event.id" FROM events').to_pylist()}
    assert held == {told["items"][0]["create"]["_id"], "own-id", told["items"][7]["create"]["_id"], "theirs"}


def test_the_same_request_again_adds_nothing(home: Home, live: Live, sender: TestClient) -> None:
    body = _bulk({"create": {}}, {"@timestamp": TIME, "host": {"name": "h1"}})
    for _ in range(2):
        assert sender.post("/_bulk", content=body).json()["errors"] is False
        live.turn()
    assert home.lake.summary().events == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"\n", b"{}\n", b'{"create":{}}', b'{"create":{}}\n', b"[1]\n{}\n", b'{"create":1}\n{}\n', b"\xff\n\xff\n",
     b'{"create":{"_id":7}}\n{}\n', b'{"drop":{}}\n{}\n'],
)  # fmt: skip
def test_a_form_that_is_wrong_is_refused_whole(body: bytes, live: Live, sender: TestClient) -> None:
    answered = sender.post("/_bulk", content=body)
    assert (answered.status_code, answered.json()["status"]) == (400, 400)
    assert answered.json()["error"]["type"] == "illegal_argument_exception"
    assert live.spool.bytes == 0


def test_ndjson_names_the_lines_that_are_refused(home: Home, live: Live, sender: TestClient) -> None:
    body = _bulk({"@timestamp": TIME, "host.name": "h1"}, b"{", {"@timestamp": TIME, "deep": _nested(70)})
    answered = sender.post("/api/events", content=gzip.compress(body), headers={"content-encoding": "gzip"})
    assert answered.status_code == 200
    told = answered.json()
    assert (told["taken"], told["refused"]) == (1, 2)
    assert [fault["line"] for fault in told["faults"]] == [2, 3]
    assert "nested deeper" in told["faults"][1]["reason"]
    live.turn()
    assert home.lake.summary().events == 1
    assert home.store.live.sources.list()[0].id.startswith("http shipper")


def _nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = {"a": value}
    return value


def test_a_body_that_swells_or_is_damaged_is_refused(live: Live, sender: TestClient) -> None:
    swelling = gzip.compress(b" " * (LONGEST_INTAKE + 1))
    headers = {"content-encoding": "gzip"}
    assert sender.post("/api/events", content=swelling, headers=headers).status_code == 413
    assert sender.post("/_bulk", content=swelling, headers=headers).json()["status"] == 413
    assert sender.post("/_bulk", content=b"\x1f\x8b\x08xx", headers=headers).status_code == 400
    assert sender.post("/_bulk", content=gzip.compress(b"{}\n")[:-6], headers=headers).status_code == 400
    assert sender.post("/_bulk", content=b"x", headers={"content-encoding": "br"}).status_code == 400
    assert live.spool.bytes == 0


def test_a_full_queue_says_when_to_come_again(live: Live, sender: TestClient) -> None:
    body = _bulk(*({"@timestamp": TIME, "host": {"name": f"host-{number}"}} for number in range(40)))
    assert sender.post("/api/events", content=body).status_code == 200
    answered = sender.post("/api/events", content=body)
    assert (answered.status_code, answered.headers["retry-after"]) == (429, "5")
    again = sender.post("/_bulk", content=_bulk({"create": {}}, *body.splitlines()[:1]) * 60)
    assert (again.status_code, again.json()["error"]["type"]) == (429, "es_rejected_execution_exception")
    live.turn()
    assert sender.post("/api/events", content=body).status_code == 200


def test_scopes_are_what_a_key_may(home: Home, live: Live) -> None:
    event = _bulk({"@timestamp": TIME})
    for scope, sees, sends, audits in (
        ("intake", 403, 200, 403),
        ("read", 200, 403, 403),
        ("judge", 200, 403, 403),
        ("manage", 200, 200, 200),
    ):
        client = _client(home, live, scope)
        assert client.get("/jobs.json").status_code == sees, scope
        assert client.get("/metrics").status_code == sees, scope
        assert client.post("/api/events", content=event).status_code == sends, scope
        assert client.get("/audit.json").status_code == audits, scope
        assert client.get("/users.json").status_code == 403, scope
        assert client.get("/keys.json").status_code == 403, scope


def test_a_key_works_until_it_is_revoked_or_has_run_out(
    home: Home, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, shown = keys.make_key(home, "shipper", ["read"], days=1, actor="ann")
    client = TestClient(make_app(home, live=live))
    for given in (f"ApiKey {shown}", f"Bearer {shown}", f"apikey {shown}"):
        assert client.get("/jobs.json", headers={"authorization": given}).status_code == 200
    for given in (
        "ApiKey x",
        f"ApiKey {shown[:-8]}",
        f"Basic {shown}",
        "ApiKey",
        "",
        f"Bearer {made.id}",
        "ApiKey \x7f",
    ):
        assert client.get("/jobs.json", headers={"authorization": given}).status_code == 401, given
    with monkeypatch.context() as patch:
        patch.setattr(keys, "now_us", lambda: made.expires_us)
        assert client.get("/jobs.json", headers={"authorization": f"ApiKey {shown}"}).status_code == 401
    keys.revoke_key(home, made.id, actor="ann")
    assert client.get("/jobs.json", headers={"authorization": f"ApiKey {shown}"}).status_code == 401
    said = [(entry.actor, entry.action) for entry in home.store.list_audit(f"key {made.id}")]
    assert said == [("ann", "key revoke"), ("ann", "key new")]
    assert shown not in (home.path / "rarebit.db").read_bytes().decode("latin1")
    with pytest.raises(NotFoundError):
        keys.revoke_key(home, "none", actor="ann")
    for name, scopes in (("", ["read"]), ("a", []), ("a", ["admin"]), ("a\n", ["read"])):
        with pytest.raises(InputError):
            keys.make_key(home, name, scopes, actor="ann")


def test_an_admin_makes_and_revokes_a_key_on_a_page(home: Home, client_of: Clients, csrf: Csrf) -> None:
    admin = client_of(home, "admin")
    made = admin.post("/keys.json", data={"csrf": csrf(admin), "name": "x", "scope_intake": "on"}).json()
    assert made["shown"]
    assert made["keys"][0]["scopes"] == ["intake"]
    page = admin.get("/keys").text
    assert made["shown"] not in page
    assert made["keys"][0]["id"] in page
    answered = admin.post(f"/keys/{made['keys'][0]['id']}/revoke", data={"csrf": csrf(admin)})
    assert answered.status_code == 303
    assert "revoked" in admin.get("/keys").text


def test_a_session_sends_its_secret_with_every_write(home: Home, client_of: Clients, csrf: Csrf) -> None:
    engineer = client_of(home, "engineer")
    event = _bulk({"@timestamp": TIME})
    assert engineer.post("/api/events", content=event).status_code == 403
    assert engineer.post("/api/events", content=event, headers={CSRF_HEADER: csrf(engineer)}).status_code == 200


def test_a_supervisor_and_prometheus_see_how_it_stands(home: Home, live: Live, sender: TestClient, fleet: Path) -> None:
    reader = _client(home, live, "read")
    nobody = TestClient(make_app(home, live=live))
    assert nobody.get("/healthz").json() == {"alive": True}
    assert nobody.get("/readyz").json() == {"ready": True, "set_up": False}
    lines = next((fleet / "events").iterdir()).read_bytes().splitlines()[:5]
    assert sender.post("/api/events", content=b"\n".join(lines)).status_code == 200
    waiting = reader.get("/metrics").text
    assert f"rarebit_spool_bytes {float(live.spool.bytes)}" in waiting
    live.turn()
    said = reader.get("/metrics").text
    assert "rarebit_lake_events 5.0" in said
    assert 'rarebit_source_events_total{source="http shipper' in said
    assert "rarebit_job_state{job=" in said
    assert "http shipper" in reader.get("/health").text
    assert nobody.get("/metrics").status_code == 401
