"""Elasticsearch's anomaly-detection API, driven by its official client; forms of errors; hostile requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest
import uvicorn
from elasticsearch import ApiError, BadRequestError, ConflictError, Elasticsearch, NotFoundError

from rarebit.app import keys
from rarebit.app.home import Home
from rarebit.app.live import Live, LiveSettings
from rarebit.app.run import RunOptions
from rarebit.core.time import parse_time
from rarebit.web.server import listen, make_app

JOB: dict[str, Any] = {
    "description": "rare programs",
    "groups": ["ours"],
    "analysis_config": {
        "bucket_span": "15m",
        "detectors": [{"function": "rare", "by_field_name": "process.name", "partition_field_name": "host.name"}],
        "influencers": ["host.name", "process.name"],
    },
    "data_description": {"time_field": "@timestamp"},
}
SENT = {"content-type": "application/json", "accept": "application/json"}
QUERY = {"bool": {"filter": [{"term": {"event.category": "process"}}]}}


@pytest.fixture
def live(home: Home) -> Iterator[Live]:
    """The worker of the installation; its turns are taken by hand."""
    made = Live(
        home.path, LiveSettings(options=RunOptions(live=True, learn_until_us=parse_time("2026-10-04T00:00:00Z")))
    )
    yield made
    made.stop()


@contextmanager
def _served(home: Home, live: Live) -> Iterator[str]:
    config = uvicorn.Config(make_app(home, live=live, product=True), log_level="error", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    with listen("127.0.0.1", 0) as listening:
        thread = Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def elastic(home: Home, live: Live) -> Iterator[Elasticsearch]:
    """The official client, with a key that may manage."""
    _, shown = keys.make_key(home, "client", ["manage"], actor="test")
    with _served(home, live) as address, Elasticsearch(address, api_key=shown) as client:
        yield client


def _events() -> list[dict[str, Any]]:
    """Five hosts that do the same each hour of six days; on the fifth day one starts something else."""
    made = [
        _event(hour, f"h{host}", name) for hour in range(6 * 24) for host in range(5) for name in ("a.exe", "b.exe")
    ]
    made.append(_event(4 * 24 + 3, "h3", "odd.exe"))
    return made


def _event(hour: int, host: str, name: str) -> dict[str, Any]:
    day, rest = divmod(hour, 24)
    return {
        "@timestamp": f"2026-10-{day + 1:02}T{rest:02}:05:00.000Z",
        "event": {"category": "process", "type": "start"},
        "host": {"name": host, "os": {"type": "windows"}},
        "process": {"name": name},
    }


def _sent(elastic: Elasticsearch) -> int:
    events = _events()
    answer = elastic.bulk(operations=[each for event in events for each in ({"create": {"_index": "logs"}}, event)])
    assert answer["errors"] is False
    return len(events)


def test_the_official_client_drives_a_job_from_its_making_to_its_end(
    home: Home, live: Live, elastic: Elasticsearch
) -> None:
    ml = elastic.ml
    assert elastic.ping()
    assert "Not Elasticsearch" in elastic.info()["tagline"]
    checked = elastic.perform_request("POST", "/_ml/anomaly_detectors/_validate", headers=SENT, body=JOB)
    assert checked.body == {"acknowledged": True, "problems": []}
    assert ml.put_job(job_id="ours-1", **JOB)["job_id"] == "ours-1"
    ml.put_datafeed(datafeed_id="feed-1", job_id="ours-1", indices=["logs"], query=QUERY)
    sent = _sent(elastic)
    live.turn()
    assert elastic.count(index="logs")["count"] == sent
    with pytest.raises(ConflictError, match="not open"):
        ml.start_datafeed(datafeed_id="feed-1", start=0)
    assert ml.open_job(job_id="ours-1")["opened"] is True
    ml.start_datafeed(datafeed_id="feed-1", start="2026-10-01T00:00:00Z", end="2026-10-07T00:00:00Z")
    assert ml.get_datafeed_stats(datafeed_id="feed-1")["datafeeds"][0]["state"] == "started"
    with pytest.raises(ConflictError):
        ml.close_job(job_id="ours-1")
    live.turn()
    assert ml.get_datafeed_stats(datafeed_id="feed-1")["datafeeds"][0]["state"] == "stopped"
    stats = ml.get_job_stats(job_id="ours*")["jobs"][0]
    assert (stats["state"], stats["data_counts"]["processed_record_count"]) == ("closed", sent)
    found = ml.get_records(job_id="ours-1", record_score=1, sort="record_score", desc=True)
    record = found["records"][0]
    assert (record["by_field_value"], record["partition_field_value"]) == ("odd.exe", "h3")
    assert record["timestamp"] == parse_time("2026-10-05T03:00:00Z") // 1000
    hits = elastic.search(
        index=".ml-anomalies-*",
        query={"bool": {"filter": [{"term": {"job_id": "ours-1"}}, {"range": {"record_score": {"gte": 1}}}]}},
        sort=[{"record_score": "desc"}],
    )["hits"]
    assert hits["hits"][0]["_source"]["by_field_value"] == "odd.exe"
    bucket = ml.get_buckets(job_id="ours-1", anomaly_score=1, expand=True)["buckets"][0]
    assert (bucket["timestamp"], bucket["records"][0]["id"]) == (record["timestamp"], record["id"])
    assert bucket["bucket_influencers"][0]["result_type"] == "bucket_influencer"
    assert ml.get_buckets(job_id="ours-1", timestamp=str(bucket["timestamp"]))["count"] == 1
    strongest = ml.get_influencers(job_id="ours-1", influencer_score=1)["influencers"]
    assert "odd.exe" in {each["influencer_field_value"] for each in strongest}
    overall = ml.get_overall_buckets(job_id="ours*", bucket_span="6h", top_n=1)["overall_buckets"]
    best = max(overall, key=lambda each: each["overall_score"])
    assert best["overall_score"] == best["jobs"][0]["max_anomaly_score"] == bucket["anomaly_score"]
    snapshots = ml.get_model_snapshots(job_id="ours-1")["model_snapshots"]
    name = snapshots[0]["snapshot_id"]
    ml.update_model_snapshot(job_id="ours-1", snapshot_id=name, description="kept", retain=True)
    reverted = ml.revert_model_snapshot(job_id="ours-1", snapshot_id=name, delete_intervening_results=True)
    assert reverted["model"]["description"] == "kept"
    with pytest.raises(ConflictError, match="stands on"):
        ml.delete_model_snapshot(job_id="ours-1", snapshot_id=name)
    ml.reset_job(job_id="ours-1")
    for read in (ml.get_records, ml.get_buckets, ml.get_influencers):
        assert read(job_id="ours-1")["count"] == 0
    ml.delete_datafeed(datafeed_id="feed-1")
    ml.delete_job(job_id="ours-1")
    with pytest.raises(NotFoundError):
        ml.get_jobs(job_id="ours-1")
    said = {entry.action for entry in home.store.list_audit() if entry.actor.startswith("key client")}
    assert said >= {
        "job new",
        "datafeed new",
        "job open",
        "datafeed start",
        "job reset",
        "datafeed delete",
        "job delete",
    }


def test_a_longer_stretch_gives_what_an_undisturbed_one_gives(live: Live, elastic: Elasticsearch) -> None:
    ml = elastic.ml
    _sent(elastic)
    for name, ends in (("cut", ("2026-10-04T00:00:00Z", "2026-10-07T00:00:00Z")), ("whole", ("2026-10-07T00:00:00Z",))):
        ml.put_job(job_id=name, **JOB, datafeed_config={"indices": ["*"], "query": QUERY})
        for end in ends:
            ml.open_job(job_id=name)
            ml.start_datafeed(datafeed_id=f"datafeed-{name}", start="2026-10-01T00:00:00Z", end=end)
            live.turn()
    cut, whole = (
        [
            (each["timestamp"], each["by_field_value"], each["record_score"])
            for each in ml.get_records(job_id=name)["records"]
        ]
        for name in ("cut", "whole")
    )
    assert cut == whole
    assert any(value == "odd.exe" for _, value, _ in whole)


def test_filters_and_calendars(elastic: Elasticsearch) -> None:
    ml = elastic.ml
    ml.put_filter(filter_id="safe", items=["b", "a"], description="x")
    assert ml.update_filter(filter_id="safe", add_items=["c"], remove_items=["a"])["items"] == ["b", "c"]
    assert ml.get_filters(filter_id="safe")["filters"][0]["items"] == ["b", "c"]
    ml.put_calendar(calendar_id="nights", description="y")
    ml.put_calendar_job(calendar_id="nights", job_id="ours")
    event = {"description": "patches", "start_time": 1_790_000_000_000, "end_time": 1_790_000_600_000}
    made = ml.post_calendar_events(calendar_id="nights", events=[event])["events"]
    assert ml.get_calendar_events(calendar_id="nights")["count"] == 1
    ml.delete_calendar_event(calendar_id="nights", event_id=made[0]["event_id"])
    ml.delete_calendar_job(calendar_id="nights", job_id="ours")
    assert ml.get_calendars(calendar_id="nights")["calendars"][0]["job_ids"] == []
    ml.delete_calendar(calendar_id="nights")
    ml.delete_filter(filter_id="safe")
    with pytest.raises(NotFoundError):
        ml.get_filters(filter_id="safe")


def test_events_are_searched_page_by_page(live: Live, elastic: Elasticsearch) -> None:
    sent = _sent(elastic)
    live.turn()
    seen: list[str] = []
    after = None
    while True:
        page = elastic.search(
            index="logs-*", size=400, search_after=after, sort=[{"@timestamp": "asc"}], query={"match_all": {}}
        )["hits"]
        if not page["hits"]:
            break
        assert page["total"]["value"] == sent
        seen += [hit["_id"] for hit in page["hits"]]
        after = page["hits"][-1]["sort"]
    assert len(seen) == len(set(seen)) == sent
    few = elastic.search(size=3, from_=2, sort="@timestamp:desc", query={"term": {"process.name": "a.exe"}})
    assert [hit["_source"]["process"]["name"] for hit in few["hits"]["hits"]] == ["a.exe"] * 3
    assert elastic.count(query={"term": {"process.name": "odd.exe"}})["count"] == 1


def test_a_datafeed_is_changed_while_it_is_stopped_and_looked_into(live: Live, elastic: Elasticsearch) -> None:
    ml = elastic.ml
    _sent(elastic)
    live.turn()
    ml.put_job(job_id="x", **JOB)
    ml.put_datafeed(datafeed_id="feed", job_id="x", indices=["*"])
    assert ml.update_datafeed(datafeed_id="feed", query=QUERY, frequency="1m")["query"] == QUERY
    with pytest.raises(BadRequestError, match="aggregations"):
        ml.update_datafeed(datafeed_id="feed", aggregations={"a": {}})
    shown = ml.preview_datafeed(datafeed_id="feed", start="2026-10-05T03:00:00Z", end="2026-10-05T04:00:00Z").body
    assert {(each["host.name"], each["process.name"]) for each in shown} >= {("h3", "odd.exe")}
    assert set(shown[0]) == {"@timestamp", "host.name", "process.name"}
    odd = {"indices": ["*"], "query": {"term": {"process.name": "odd.exe"}}, "job_id": "x"}
    drafted = ml.preview_datafeed(datafeed_config=odd).body
    assert [each["process.name"] for each in drafted] == ["odd.exe"]
    ml.open_job(job_id="x")
    ml.start_datafeed(datafeed_id="feed")
    with pytest.raises(ConflictError, match="started"):
        ml.update_datafeed(datafeed_id="feed", query=QUERY)
    assert ml.flush_job(job_id="x")["flushed"] is True
    with pytest.raises(BadRequestError, match="calc_interim"):
        ml.flush_job(job_id="x", calc_interim=True)
    assert "x opened" in " ".join(elastic.cat.ml_jobs(job_id="x", h="id,state").split())
    assert "started" in elastic.cat.ml_datafeeds(datafeed_id="feed")
    assert ml.stop_datafeed(datafeed_id="feed")["stopped"] is True


def test_memory_is_estimated_from_the_number_of_values(elastic: Elasticsearch) -> None:
    ml, config = elastic.ml, JOB["analysis_config"]
    few, many = (
        ml.estimate_model_memory(analysis_config=config, overall_cardinality={"process.name": names, "host.name": 100})[
            "model_memory_estimate"
        ]
        for names in (10, 20_000)
    )
    assert few == "1mb"
    assert int(many.removesuffix("mb")) > 64
    with pytest.raises(BadRequestError, match=r"process\.name"):
        ml.estimate_model_memory(analysis_config=config, overall_cardinality={"host.name": 1})


def test_what_is_not_done_says_why(elastic: Elasticsearch) -> None:
    elastic.ml.put_job(job_id="x", **JOB)
    with pytest.raises(BadRequestError, match="not supported here: "):
        elastic.ml.forecast(job_id="x")
    with pytest.raises(BadRequestError, match="not supported here: "):
        elastic.ml.get_categories(job_id="x")
    with pytest.raises(BadRequestError, match="not supported here: "):
        elastic.ml.set_upgrade_mode(enabled=True)
    with pytest.raises(BadRequestError, match="not supported here: "):
        elastic.ml.upgrade_job_snapshot(job_id="x", snapshot_id="y")


def test_errors_have_the_form_of_that_api(elastic: Elasticsearch, home: Home) -> None:
    ml = elastic.ml
    with pytest.raises(NotFoundError) as missing:
        ml.get_jobs(job_id="nobody")
    assert missing.value.body["error"]["type"] == "resource_not_found_exception"
    with pytest.raises(BadRequestError, match="no_such"):
        ml.put_job(job_id="x", **JOB | {"analysis_config": {"detectors": [{"function": "no_such"}]}})
    ml.put_job(job_id="x", **JOB)
    with pytest.raises(BadRequestError, match="already used"):
        ml.put_job(job_id="x", **JOB)
    with pytest.raises(BadRequestError) as wrong:
        elastic.search(query={"no_such": {}})
    assert wrong.value.body["error"]["type"] == "parsing_exception"
    with pytest.raises(BadRequestError, match="aggs"):
        elastic.search(aggs={"a": {"terms": {"field": "host.name"}}})
    with pytest.raises(ApiError) as nobody:
        elastic.options(api_key="x").ml.get_jobs()
    assert (nobody.value.status_code, nobody.value.body["error"]["type"]) == (401, "security_exception")
    _, shown = keys.make_key(home, "reader", ["read"], actor="test")
    with pytest.raises(ApiError) as reader:
        elastic.options(api_key=shown).ml.delete_job(job_id="x")
    assert reader.value.status_code == 403
