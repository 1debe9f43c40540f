"""Elasticsearch's API: its table and its document, hostile requests, limits of size, depth, pace and time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rarebit.app import keys
from rarebit.app.home import Home
from rarebit.app.live import Live
from rarebit.core.errors import BusyError, QueryError
from rarebit.lake import query_time
from rarebit.web.elastic.routes import ELASTIC, REFUSED
from rarebit.web.gate import Gate
from rarebit.web.pace import Pace
from rarebit.web.server import make_app

DOCUMENT = Path(__file__).parents[2] / "docs" / "elastic-api.md"
EVENT = {
    "@timestamp": "2026-10-01T00:05:00.000Z",
    "event": {"category": "process"},
    "host": {"name": "h"},
    "process": {"name": "a.exe"},
}
JOB = "/_ml/anomaly_detectors/{}"
FEED = "/_ml/datafeeds/{}"
CALENDAR = "/_ml/calendars/{}"
SURFACE = f"""
PUT {JOB} | GET {JOB} | GET /_ml/anomaly_detectors | GET {JOB}/_stats | POST {JOB}/_update | DELETE {JOB}
POST {JOB}/_open | POST {JOB}/_close | POST {JOB}/_reset | POST {JOB}/_flush | POST {JOB}/_data
POST {JOB}/_forecast | DELETE {JOB}/_forecast | DELETE {JOB}/_forecast/{{}}
POST /_ml/anomaly_detectors/_validate | POST /_ml/anomaly_detectors/_validate/detector
POST /_ml/anomaly_detectors/_estimate_model_memory
GET {JOB}/results/buckets | POST {JOB}/results/buckets | GET {JOB}/results/buckets/{{}}
GET {JOB}/results/records | GET {JOB}/results/influencers | GET {JOB}/results/overall_buckets
GET {JOB}/results/categories | GET {JOB}/results/categories/{{}}
GET {JOB}/model_snapshots | GET {JOB}/model_snapshots/{{}} | POST {JOB}/model_snapshots/{{}}/_update
POST {JOB}/model_snapshots/{{}}/_revert | POST {JOB}/model_snapshots/{{}}/_upgrade
GET {JOB}/model_snapshots/{{}}/_upgrade/_stats | DELETE {JOB}/model_snapshots/{{}}
PUT {FEED} | GET {FEED} | POST {FEED}/_update | GET {FEED}/_stats | DELETE {FEED} | POST {FEED}/_start
POST {FEED}/_stop | GET {FEED}/_preview | GET /_ml/datafeeds/_preview
PUT /_ml/filters/{{}} | GET /_ml/filters/{{}} | POST /_ml/filters/{{}}/_update | DELETE /_ml/filters/{{}}
PUT {CALENDAR} | GET {CALENDAR} | POST {CALENDAR} | DELETE {CALENDAR} | POST {CALENDAR}/events
GET {CALENDAR}/events | DELETE {CALENDAR}/events/{{}} | PUT {CALENDAR}/jobs/{{}} | DELETE {CALENDAR}/jobs/{{}}
DELETE /_ml/_delete_expired_data | DELETE /_ml/_delete_expired_data/{{}} | GET /_ml/info
GET /_ml/memory/_stats | GET /_ml/memory/{{}}/_stats | POST /_ml/set_upgrade_mode
GET /_cat/ml/anomaly_detectors | GET /_cat/ml/datafeeds
"""
"""Every endpoint of anomaly detection that Elasticsearch 9 has."""


@pytest.fixture
def asks(home: Home) -> Iterator[Callable[..., Any]]:
    """Sends requests with a key that may manage."""
    _, shown = keys.make_key(home, "any", ["manage"], actor="test")
    live = Live(home.path)
    client = TestClient(make_app(home, live=live), raise_server_exceptions=False)
    client.headers["authorization"] = f"ApiKey {shown}"
    yield client.request
    live.stop()


@pytest.fixture
def hostile(home: Home, asks: Callable[..., Any]) -> Callable[..., Any]:
    """Sends what nobody should, where there is an event."""
    live = Live(home.path)
    live.add("any", [orjson.dumps(EVENT)])
    live.turn()
    live.stop()
    return asks


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_fields = st.sampled_from(
    ["query", "size", "from", "sort", "search_after", "start", "end", "items", "events", "page", "job_id", "top_n",
     "analysis_config", "datafeed_config", "job_config", "retain", "description", "record_score", "desc", "force",
     "bucket_span", "overall_cardinality", "expand", "overall_score", "function"]
)  # fmt: skip
_ids = st.sampled_from(["a", "*", "_all", "a,b", "%00", "..", "é", "v3_rare_process_by_host_linux", "x" * 300])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(ELASTIC) - 1), st.dictionaries(_fields, _json, max_size=3) | _json, _ids)
def test_no_request_breaks_it(hostile: Callable[..., Any], at: int, body: object, name: str) -> None:
    line = ELASTIC[at]
    path = re.sub(r"\{\w+\}", lambda _: name, line.path)
    try:
        content = orjson.dumps(body)
    except TypeError:
        content = b'{"size": 99999999999999999999}'
    for method in line.methods.split():
        answered = hostile(method, path, content=content)
        assert answered.status_code < 500, (method, path, content, answered.text)


def test_what_is_said_of_endpoints_is_what_there_is() -> None:
    rows = re.findall(r"^\| `([A-Z, ]+) (/[^`]+)` \| (\w+) \| (\w+) \|", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    assert rows == [(line.methods.replace(" ", ", "), line.path, line.needs, line.support) for line in ELASTIC]


def test_every_endpoint_is_answered_or_refused_by_name() -> None:
    held = {(method, re.sub(r"\{\w+\}", "{}", line.path)) for line in ELASTIC for method in line.methods.split()}
    asked = [each.strip().split(" ") for each in SURFACE.replace("\n", "|").split("|") if each.strip()]
    assert [each for each in asked if tuple(each) not in held] == []


def test_what_is_refused_says_why(asks: Callable[..., Any]) -> None:
    for line in (line for line in ELASTIC if line.support == REFUSED):
        for method in line.methods.split():
            answered = asks(method, line.path.replace("{", "").replace("}", ""))
            assert answered.status_code == 400
            assert answered.json()["error"]["reason"].startswith("not supported here: ")


def test_the_header_of_another_product_is_sent_only_where_somebody_says_so(home: Home) -> None:
    for product, sent in ((False, None), (True, "Elasticsearch")):
        assert TestClient(make_app(home, product=product)).get("/healthz").headers.get("x-elastic-product") == sent


def test_a_shipper_is_told_what_answers_here(home: Home) -> None:
    _, shown = keys.make_key(home, "shipper", ["intake"], actor="test")
    headers = {"authorization": f"ApiKey {shown}"}
    for product, status in ((False, 404), (True, 200)):
        client = TestClient(make_app(home, product=product), follow_redirects=False)
        assert client.get("/", headers=headers).json()["tagline"].startswith("Not Elasticsearch")
        assert client.head("/", headers=headers).status_code == 200
        assert client.get("/_license", headers=headers).status_code == status
        assert client.get("/_cluster/health", headers=headers).json()["status"] == "green"
        assert client.get("/_count", headers=headers).status_code == 403
        assert client.get("/").headers["location"] == "/queue"
        unknown = client.get("/", headers={"authorization": "ApiKey x"})
        assert (unknown.status_code, unknown.json()["status"]) == (401, 401)


def test_only_jobs_that_run_are_open(asks: Callable[..., Any]) -> None:
    stats = {each["job_id"]: each["state"] for each in asks("GET", "/_ml/anomaly_detectors/_stats").json()["jobs"]}
    assert (stats["rare_user_name_for_a_host"], set(stats.values())) == ("opened", {"opened", "closed"})
    listed = asks("GET", "/_cat/ml/anomaly_detectors", params={"format": "json"}).json()
    assert {each["id"]: each["state"] for each in listed} == stats
    feeds = asks("GET", "/_ml/datafeeds/_stats").json()["datafeeds"]
    assert {each["timing_stats"]["job_id"] for each in feeds if each["state"] == "started"} == {
        name for name, state in stats.items() if state == "opened"
    }


def test_a_body_that_does_not_come_is_waited_for_so_long(home: Home) -> None:
    gate = Gate(make_app(home), seconds=0.2)

    async def never() -> dict[str, Any]:
        await asyncio.sleep(5)
        return {}

    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http", "method": "POST", "path": "/login", "headers": [], "query_string": b"", "client": None,
        "server": ("pages.test", 80), "scheme": "http", "root_path": "", "http_version": "1.1",
    }  # fmt: skip
    asyncio.run(gate(scope, never, send))
    assert [message.get("status") for message in sent] == [408, None]


def test_bodies_are_neither_long_nor_deep(asks: Callable[..., Any]) -> None:
    deep = b'{"query":' * 70 + b"{}" + b"}" * 70
    answered = asks("POST", "/_search", content=deep)
    assert (answered.status_code, "deeper than" in answered.text) == (400, True)
    longest = b'{"query": "' + b"a" * (1 << 20) + b'"}'
    assert asks("POST", "/_search", content=longest).status_code == 413


def test_a_caller_who_asks_too_often_waits() -> None:
    now = [0.0]
    pace = Pace(2.0, 3.0, clock=lambda: now[0])
    for _ in range(3):
        pace.take("a")
    with pytest.raises(BusyError):
        pace.take("a")
    pace.take("b")
    now[0] = 0.5
    pace.take("a")
    with pytest.raises(BusyError):
        pace.take("a")
    now[0] = 100.0
    for _ in range(3):
        pace.take("a")


def test_who_asks_too_often_is_told_so_in_that_form(home: Home) -> None:
    client = TestClient(make_app(home, pace=Pace(0.001, 1.0)))
    _, shown = keys.make_key(home, "any", ["read"], actor="test")
    headers = {"authorization": f"ApiKey {shown}"}
    assert client.get("/_ml/info", headers=headers).status_code == 200
    answered = client.get("/_ml/info", headers=headers)
    assert (answered.status_code, answered.headers["retry-after"]) == (429, "5")
    assert answered.json()["error"]["type"] == "es_rejected_execution_exception"


def test_a_query_ends_when_its_time_is_over(home: Home, hostile: Callable[..., Any]) -> None:
    assert hostile("GET", "/_count").json()["count"] == 1
    with query_time(0.05), pytest.raises(QueryError, match="too long"):
        home.lake.sql("SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE hash(a.range, b.range) = 1")
