"""The part of Elasticsearch's API that is answered, or refused with a reason. What is here stands in the document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from fastapi import Request, Response

from rarebit.core.people import INTAKE
from rarebit.web.elastic import care, cat, datafeeds, jobs, results, search, snapshots
from rarebit.web.elastic.about import health, license_, memory, ml_info, refused

SUPPORTED, PARTLY, REFUSED = "supported", "partly", "refused"
_JOBS: Final = "/_ml/anomaly_detectors"
_JOB: Final = f"{_JOBS}/{{job_id}}"
_FEED: Final = "/_ml/datafeeds/{datafeed_id}"
_FILTER: Final = "/_ml/filters/{filter_id}"
_CALENDAR: Final = "/_ml/calendars/{calendar_id}"
_SNAPSHOT: Final = f"{_JOB}/model_snapshots/{{snapshot_id}}"
_UPGRADE: Final = refused("snapshots of another version are read as they are, or a job learns anew")
_CATEGORIES: Final = refused("texts are not put into categories")
_FORECAST: Final = refused("jobs judge what has come, and foretell nothing")
_DATA: Final = refused("events come by _bulk or files, and datafeeds choose among them")
_MODE: Final = refused("a new version takes jobs over when it starts")


class Line(NamedTuple):
    """One line of the table."""

    methods: str
    """With a space between."""
    path: str
    needs: str
    """Least role, or ``intake``."""
    handler: Callable[[Request], Response]
    support: str = SUPPORTED


ELASTIC: Final = (
    Line("GET", "/_license", INTAKE, license_, PARTLY),
    Line("GET", "/_cluster/health", INTAKE, health, PARTLY),
    Line("GET", "/_ml/info", "viewer", ml_info, PARTLY),
    Line("GET", "/_ml/memory/_stats", "viewer", memory, PARTLY),
    Line("GET", "/_ml/memory/{node_id}/_stats", "viewer", memory, PARTLY),
    Line("POST", "/_ml/set_upgrade_mode", "engineer", _MODE, REFUSED),
    Line("DELETE", "/_ml/_delete_expired_data", "engineer", snapshots.delete_expired, PARTLY),
    Line("DELETE", "/_ml/_delete_expired_data/{job_id}", "engineer", snapshots.delete_expired, PARTLY),
    Line("GET", "/_cat/ml/anomaly_detectors", "viewer", cat.jobs, PARTLY),
    Line("GET", "/_cat/ml/anomaly_detectors/{job_id}", "viewer", cat.jobs, PARTLY),
    Line("GET", "/_cat/ml/datafeeds", "viewer", cat.datafeeds, PARTLY),
    Line("GET", "/_cat/ml/datafeeds/{datafeed_id}", "viewer", cat.datafeeds, PARTLY),
    Line("POST", f"{_JOBS}/_validate", "engineer", jobs.validate),
    Line("POST", f"{_JOBS}/_validate/detector", "engineer", jobs.validate_detector),
    Line("POST", f"{_JOBS}/_estimate_model_memory", "engineer", jobs.estimate_memory),
    Line("GET", _JOBS, "viewer", jobs.get),
    Line("GET", f"{_JOBS}/_stats", "viewer", jobs.stats, PARTLY),
    Line("GET", _JOB, "viewer", jobs.get),
    Line("PUT", _JOB, "engineer", jobs.put, PARTLY),
    Line("DELETE", _JOB, "engineer", jobs.delete, PARTLY),
    Line("GET", f"{_JOB}/_stats", "viewer", jobs.stats, PARTLY),
    Line("POST", f"{_JOB}/_update", "engineer", jobs.update, PARTLY),
    Line("POST", f"{_JOB}/_open", "engineer", jobs.open_),
    Line("POST", f"{_JOB}/_close", "engineer", jobs.close),
    Line("POST", f"{_JOB}/_reset", "engineer", jobs.reset, PARTLY),
    Line("POST", f"{_JOB}/_flush", "engineer", jobs.flush, PARTLY),
    Line("POST", f"{_JOB}/_data", "engineer", _DATA, REFUSED),
    Line("POST DELETE", f"{_JOB}/_forecast", "engineer", _FORECAST, REFUSED),
    Line("DELETE", f"{_JOB}/_forecast/{{forecast_id}}", "engineer", _FORECAST, REFUSED),
    Line("GET POST", f"{_JOB}/results/records", "viewer", results.records),
    Line("GET POST", f"{_JOB}/results/buckets", "viewer", results.buckets, PARTLY),
    Line("GET POST", f"{_JOB}/results/buckets/{{timestamp}}", "viewer", results.buckets, PARTLY),
    Line("GET POST", f"{_JOB}/results/influencers", "viewer", results.influencers),
    Line("GET POST", f"{_JOB}/results/overall_buckets", "viewer", results.overall_buckets, PARTLY),
    Line("GET POST", f"{_JOB}/results/categories", "viewer", _CATEGORIES, REFUSED),
    Line("GET POST", f"{_JOB}/results/categories/{{category_id}}", "viewer", _CATEGORIES, REFUSED),
    Line("GET POST", f"{_JOB}/model_snapshots", "viewer", snapshots.get),
    Line("GET POST", _SNAPSHOT, "viewer", snapshots.get),
    Line("DELETE", _SNAPSHOT, "engineer", snapshots.delete),
    Line("POST", f"{_SNAPSHOT}/_update", "engineer", snapshots.update),
    Line("POST", f"{_SNAPSHOT}/_revert", "engineer", snapshots.revert),
    Line("POST", f"{_SNAPSHOT}/_upgrade", "engineer", _UPGRADE, REFUSED),
    Line("GET", f"{_SNAPSHOT}/_upgrade/_stats", "viewer", _UPGRADE, REFUSED),
    Line("GET", "/_ml/datafeeds", "viewer", datafeeds.get),
    Line("GET", "/_ml/datafeeds/_stats", "viewer", datafeeds.stats, PARTLY),
    Line("GET POST", "/_ml/datafeeds/_preview", "viewer", datafeeds.preview),
    Line("GET", _FEED, "viewer", datafeeds.get),
    Line("PUT", _FEED, "engineer", datafeeds.put, PARTLY),
    Line("DELETE", _FEED, "engineer", datafeeds.delete),
    Line("POST", f"{_FEED}/_update", "engineer", datafeeds.update, PARTLY),
    Line("GET", f"{_FEED}/_stats", "viewer", datafeeds.stats, PARTLY),
    Line("POST", f"{_FEED}/_start", "engineer", datafeeds.start, PARTLY),
    Line("POST", f"{_FEED}/_stop", "engineer", datafeeds.stop),
    Line("GET POST", f"{_FEED}/_preview", "viewer", datafeeds.preview),
    Line("GET", "/_ml/filters", "viewer", care.get_filters),
    Line("GET", _FILTER, "viewer", care.get_filters),
    Line("PUT", _FILTER, "engineer", care.put_filter),
    Line("DELETE", _FILTER, "engineer", care.delete_filter),
    Line("POST", f"{_FILTER}/_update", "engineer", care.update_filter),
    Line("GET POST", "/_ml/calendars", "viewer", care.get_calendars),
    Line("GET POST", _CALENDAR, "viewer", care.get_calendars),
    Line("PUT", _CALENDAR, "engineer", care.put_calendar),
    Line("DELETE", _CALENDAR, "engineer", care.delete_calendar),
    Line("GET", f"{_CALENDAR}/events", "viewer", care.get_events),
    Line("POST", f"{_CALENDAR}/events", "engineer", care.add_events, PARTLY),
    Line("DELETE", f"{_CALENDAR}/events/{{event_id}}", "engineer", care.delete_event),
    Line("PUT", f"{_CALENDAR}/jobs/{{job_id}}", "engineer", care.put_calendar_job),
    Line("DELETE", f"{_CALENDAR}/jobs/{{job_id}}", "engineer", care.delete_calendar_job),
    Line("GET POST", "/_search", "viewer", search.find, PARTLY),
    Line("GET POST", "/{index}/_search", "viewer", search.find, PARTLY),
    Line("GET POST", "/_count", "viewer", search.count, PARTLY),
    Line("GET POST", "/{index}/_count", "viewer", search.count, PARTLY),
)
"""Paths that are whole stand before those with parts to fill in that would take them too."""
