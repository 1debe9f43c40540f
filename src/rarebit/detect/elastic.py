"""Elastic's anomaly-detection JSON: jobs and datafeeds in, the same out.

What the product does not model is kept as it came and given back on export; :func:`rarebit.detect.plan.problems`
names it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from rarebit.core.errors import DefinitionError
from rarebit.core.job import Datafeed, Detector, Job, Json

_DETECTOR_KEYS = (
    "function",
    "field_name",
    "by_field_name",
    "over_field_name",
    "partition_field_name",
    "use_null",
    "exclude_frequent",
    "detector_description",
)
_DEFAULT_SPAN = "5m"


def parse_jobs(document: Any, *, where: str = "", job_id: str | None = None) -> list[Job]:  # noqa: ANN401
    """Jobs of any form in which Elastic writes them.

    Parameters
    ----------
    document : object
        Parsed JSON.
    where : str, optional
        The file, for errors.
    job_id : str, optional
        Id of a job that has none of its own, as those of Kibana's modules.

    Accepted: the body of ``PUT _ml/anomaly_detectors``; a list or ``{"jobs": […]}`` of such bodies; pairs
    ``{"job": …, "datafeed": …}`` or a list of them, as Kibana exports; a ``datafeed_config`` inside the job;
    a module's ``{"id": …, "config": …}``.

    Raises
    ------
    DefinitionError
        If the document is none of these, or a part has the wrong type; the place is named.
    """
    found = [_pair(item, f"{where or '$'}{place}", job_id) for place, item in _items(document)]
    if not found:
        raise DefinitionError("there is no job in it", where=where or "$")
    return found


def _items(document: Any) -> Iterable[tuple[str, Any]]:  # noqa: ANN401
    if isinstance(document, Mapping) and isinstance(document.get("jobs"), list):
        return [(f".jobs[{i}]", item) for i, item in enumerate(document["jobs"])]
    if isinstance(document, list):
        return [(f"[{i}]", item) for i, item in enumerate(document)]
    return [("", document)]


def _pair(item: Any, where: str, job_id: str | None) -> Job:  # noqa: ANN401
    body = _mapping(item, where)
    feed: Json | None = None
    if "job" in body:
        feed = _mapping(body["datafeed"], f"{where}.datafeed") if body.get("datafeed") is not None else None
        body, where = _mapping(body["job"], f"{where}.job"), f"{where}.job"
    if isinstance(body.get("config"), Mapping) and "analysis_config" in body["config"]:
        body = {"job_id": body.get("id"), **body["config"]}
    return _job(body, feed, where, job_id)


def _job(body: Json, feed: Json | None, where: str, job_id: str | None) -> Job:
    rest = copy.deepcopy(body)
    analysis = _mapping(rest.pop("analysis_config", None), f"{where}.analysis_config")
    inner = rest.pop("datafeed_config", None)
    if feed is None and inner is not None:
        feed = _mapping(inner, f"{where}.datafeed_config")
    told = rest.pop("data_description", None)
    about = {} if told is None else _mapping(told, f"{where}.data_description")
    if set(about) - {"time_field"}:
        rest["data_description"] = about
    detectors = analysis.pop("detectors", None)
    if not isinstance(detectors, list) or not detectors:
        raise DefinitionError("a job needs a list of detectors", where=f"{where}.analysis_config.detectors")
    draft = {
        "job_id": rest.pop("job_id", None) or (feed or {}).get("job_id") or job_id,
        "description": rest.pop("description", ""),
        "groups": rest.pop("groups", []),
        "bucket_span": str(analysis.pop("bucket_span", _DEFAULT_SPAN)),
        "influencers": analysis.pop("influencers", []),
        "time_field": about.get("time_field", "@timestamp"),
    }
    if not draft["job_id"]:
        raise DefinitionError("the job has no id", where=f"{where}.job_id", hint="Set job_id, or pass --id")
    parsed = [_detector(entry, f"{where}.analysis_config.detectors[{i}]") for i, entry in enumerate(detectors)]
    try:
        job = msgspec.convert(draft | {"detectors": parsed}, Job)
    except msgspec.ValidationError as error:
        raise DefinitionError(str(error), where=where) from error
    return msgspec.structs.replace(job, datafeed=_datafeed(feed, where), analysis_rest=analysis, rest=rest)


def _detector(entry: Any, where: str) -> Detector:  # noqa: ANN401
    body = dict(_mapping(entry, where))
    known = {key: body.pop(key) for key in _DETECTOR_KEYS if key in body}
    rules = body.pop("custom_rules", [])
    try:
        return msgspec.convert(known | {"custom_rules": rules, "rest": body}, Detector)
    except msgspec.ValidationError as error:
        raise DefinitionError(str(error), where=where, hint="See the detector's fields in the documentation") from error


def _datafeed(feed: Json | None, where: str) -> Datafeed:
    if feed is None:
        return Datafeed()
    rest = copy.deepcopy(feed)
    query = rest.pop("query", {"match_all": {}})
    return Datafeed(query=_mapping(query, f"{where}: datafeed.query"), rest=rest)


def _mapping(value: Any, where: str) -> Json:  # noqa: ANN401
    if not isinstance(value, Mapping):
        raise DefinitionError(f"expected an object, found {type(value).__name__}", where=where)
    return dict(value)


def to_elastic(job: Job) -> Json:
    """``{"job": …, "datafeed": …}`` of a job, as Kibana imports it."""
    body: Json = {"job_id": job.job_id, **copy.deepcopy(job.rest)}
    if job.description:
        body["description"] = job.description
    if job.groups:
        body["groups"] = list(job.groups)
    analysis: Json = {"bucket_span": job.bucket_span, "detectors": [_detector_json(d) for d in job.detectors]}
    if job.influencers:
        analysis["influencers"] = list(job.influencers)
    body["analysis_config"] = analysis | copy.deepcopy(job.analysis_rest)
    body["data_description"] = {"time_field": job.time_field} | body.get("data_description", {})
    feed = {**copy.deepcopy(job.datafeed.rest), "query": copy.deepcopy(job.datafeed.query)}
    if feed.get("job_id", job.job_id) != job.job_id:
        feed.pop("datafeed_id", None)  # the id of the datafeed of the job this is a copy of
    feed["job_id"] = job.job_id
    feed.setdefault("datafeed_id", f"datafeed-{job.job_id}")
    return {"job": body, "datafeed": feed}


def _detector_json(detector: Detector) -> Json:
    body = {key: getattr(detector, key) for key in _DETECTOR_KEYS if getattr(detector, key) is not None}
    if detector.custom_rules:
        body["custom_rules"] = copy.deepcopy(list(detector.custom_rules))
    return body | copy.deepcopy(detector.rest)
