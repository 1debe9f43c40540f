"""Elastic's job and datafeed JSON: loads unchanged, exports back equal, and what is not honoured is named."""

from __future__ import annotations

import copy
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarebit.core.errors import DefinitionError
from rarebit.core.job import Job
from rarebit.detect.elastic import parse_jobs, to_elastic
from rarebit.detect.plan import plan
from rarebit.detect.problems import problems

Json = dict[str, Any]

JOB: Json = {
    "job_id": "v3_rare_thing",
    "description": "Security: Windows - looks for rare things",
    "groups": ["security", "windows"],
    "analysis_config": {
        "bucket_span": "15m",
        "detectors": [
            {
                "detector_description": "rare by process.name partition host.name",
                "function": "rare",
                "by_field_name": "process.name",
                "partition_field_name": "host.name",
                "detector_index": 0,
                "custom_rules": [
                    {"actions": ["skip_result"], "conditions": [{"applies_to": "actual", "operator": "lt", "value": 2}]}
                ],
            }
        ],
        "influencers": ["host.name", "process.name", "user.name"],
        "model_prune_window": "30d",
    },
    "analysis_limits": {"model_memory_limit": "256mb", "categorization_examples_limit": 4},
    "data_description": {"time_field": "@timestamp", "time_format": "epoch_ms"},
    "model_plot_config": {"enabled": True, "annotations_enabled": True},
    "custom_settings": {"created_by": "ml-module", "custom_urls": [{"url_name": "Hosts", "url_value": "app/hosts"}]},
    "allow_lazy_open": True,
}
FEED: Json = {
    "datafeed_id": "datafeed-v3_rare_thing",
    "job_id": "v3_rare_thing",
    "indices": ["logs-*", "winlogbeat-*"],
    "query": {"bool": {"filter": [{"term": {"event.category": "process"}}, {"terms": {"event.type": ["start"]}}]}},
    "query_delay": "60s",
    "scroll_size": 1000,
    "chunking_config": {"mode": "auto"},
    "delayed_data_check_config": {"enabled": True},
}


def _pair() -> Json:
    return {"job": copy.deepcopy(JOB), "datafeed": copy.deepcopy(FEED)}


def test_kibana_pair_comes_back_equal() -> None:
    (job,) = parse_jobs(_pair())
    assert to_elastic(job) == _pair()


def test_kibana_list_comes_back_equal() -> None:
    second = msgspec.json.decode(msgspec.json.encode(_pair()).replace(b"v3_rare_thing", b"other"))
    jobs = parse_jobs([_pair(), second])
    assert [to_elastic(job) for job in jobs] == [_pair(), second]


def test_put_body_without_a_datafeed() -> None:
    (job,) = parse_jobs(JOB)
    out = to_elastic(job)
    assert out["job"] == JOB
    assert out["datafeed"] == {
        "datafeed_id": "datafeed-v3_rare_thing",
        "job_id": "v3_rare_thing",
        "query": {"match_all": {}},
    }


def test_inline_datafeed_config() -> None:
    (job,) = parse_jobs(copy.deepcopy(JOB) | {"datafeed_config": FEED})
    assert to_elastic(job) == _pair()


def test_get_response_keeps_what_the_server_adds() -> None:
    served = copy.deepcopy(JOB) | {
        "job_type": "anomaly_detector",
        "job_version": "12.0.0",
        "create_time": 1_790_000_000_000,
        "results_index_name": "custom-v3_rare_thing",
        "model_snapshot_retention_days": 10,
        "datafeed_config": FEED,
    }
    (job,) = parse_jobs({"count": 1, "jobs": [served]})
    expected = {key: value for key, value in served.items() if key != "datafeed_config"}
    assert to_elastic(job) == {"job": expected, "datafeed": FEED}
    named = {problem.where for problem in problems(job)}
    assert {"job_type", "job_version", "create_time", "results_index_name", "model_plot_config"} <= named


def test_module_entry() -> None:
    config = {key: value for key, value in JOB.items() if key != "job_id"}
    (job,) = parse_jobs({"id": "v3_rare_thing", "config": config})
    assert to_elastic(job)["job"] == JOB


def test_module_file_without_an_id_takes_the_one_given() -> None:
    config = {key: value for key, value in JOB.items() if key != "job_id"}
    with pytest.raises(DefinitionError, match="has no id"):
        parse_jobs(config)
    (job,) = parse_jobs(config, job_id="mine")
    assert to_elastic(job)["job"] == JOB | {"job_id": "mine"}


def test_another_id_reaches_the_datafeed() -> None:
    (job,) = parse_jobs(_pair())
    out = to_elastic(msgspec.structs.replace(job, job_id="mine"))
    assert (out["job"]["job_id"], out["datafeed"]["job_id"]) == ("mine", "mine")
    assert out["datafeed"]["datafeed_id"] == "datafeed-mine"


def test_input_is_not_changed() -> None:
    given_pair = _pair()
    (job,) = parse_jobs(given_pair)
    to_elastic(job)["job"]["analysis_limits"]["model_memory_limit"] = "1b"
    assert given_pair == _pair()
    assert to_elastic(job) == _pair()


KEYS = st.text(min_size=1, max_size=12).map(lambda text: "x_" + text)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8) | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
EXTRA = st.dictionaries(KEYS, VALUES, max_size=4)


@given(job=EXTRA, analysis=EXTRA, detector=EXTRA, feed=EXTRA)
def test_unknown_keys_come_back_and_are_named(job: Json, analysis: Json, detector: Json, feed: Json) -> None:
    body = _pair()
    body["job"] |= job
    body["job"]["analysis_config"] |= analysis
    body["job"]["analysis_config"]["detectors"][0] |= detector
    body["datafeed"] |= feed
    (parsed,) = parse_jobs(copy.deepcopy(body))
    assert to_elastic(parsed) == body
    kept = msgspec.json.decode(msgspec.json.encode(parsed), type=Job)
    assert to_elastic(kept) == body
    named = {problem.where for problem in problems(parsed)}
    places = [*job, *(f"analysis_config.{key}" for key in analysis), *(f"datafeed.{key}" for key in feed)]
    places += [f"analysis_config.detectors[0].{key}" for key in detector]
    assert set(places) <= named


@given(VALUES)
def test_any_json_is_a_job_or_a_named_error(document: Any) -> None:
    with suppress(DefinitionError):
        parse_jobs(document)


PARTS = ("job_id", "description", "groups", "analysis_config", "data_description", "analysis_limits", "datafeed_config")


@given(part=st.sampled_from(PARTS), value=VALUES)
def test_any_value_in_a_known_place_is_kept_refused_or_named(part: str, value: Any) -> None:
    body = copy.deepcopy(JOB) | {part: value}
    with suppress(DefinitionError):
        (job,) = parse_jobs(body)
        problems(job)
        assert isinstance(to_elastic(job), dict)


@given(key=st.sampled_from([*JOB["analysis_config"], *JOB["analysis_config"]["detectors"][0]]), value=VALUES)
def test_any_value_in_the_analysis_is_planned_or_refused(key: str, value: Any) -> None:
    body = copy.deepcopy(JOB)
    target = body["analysis_config"]
    target = target if key in target else target["detectors"][0]
    target[key] = value
    with suppress(DefinitionError):
        plan(*parse_jobs(body))


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"analysis_config": {"detectors": []}}, "$.analysis_config.detectors"),
        ({"analysis_config": {"detectors": ["rare"]}}, "$.analysis_config.detectors[0]"),
        ({"analysis_config": {"detectors": [{"by_field_name": "a"}]}}, "$.analysis_config.detectors[0]"),
        ({"analysis_config": 3}, "$.analysis_config"),
        ({"data_description": "epoch"}, "$.data_description"),
        ({"datafeed_config": []}, "$.datafeed_config"),
        ({"datafeed_config": {"query": "*"}}, "datafeed.query"),
        ({"job_id": 5}, "$"),
    ],
)
def test_the_place_of_an_error_is_named(change: Json, place: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        parse_jobs(copy.deepcopy(JOB) | change)
    assert place in caught.value.where


def _detector(**changes: Any) -> Json:
    body = copy.deepcopy(JOB)
    body["analysis_config"]["detectors"] = [changes]
    return body


def _analysis(**changes: Any) -> Json:
    return JOB | {"analysis_config": JOB["analysis_config"] | changes}


def _feed(**changes: Any) -> Json:
    return JOB | {"datafeed_config": FEED | changes}


DETECTOR = "analysis_config.detectors[0]"
SPAN = "analysis_config.bucket_span"


@pytest.mark.parametrize(
    ("body", "place", "kind"),
    [
        (_detector(function="guess", field_name="bytes"), f"{DETECTOR}.function", "refused"),
        (_detector(function="rare"), f"{DETECTOR}.by_field_name", "refused"),
        (_detector(function="rare", by_field_name="a", field_name="b"), f"{DETECTOR}.field_name", "refused"),
        (_detector(function="freq_rare", by_field_name="a"), f"{DETECTOR}.over_field_name", "refused"),
        (JOB, f"{DETECTOR}.custom_rules", "ignored"),
        (_detector(function="rare", by_field_name="a", exclude_frequent="all"), DETECTOR, "ignored"),
        (JOB | {"data_description": {"time_field": "event.created"}}, "data_description.time_field", "refused"),
        (_analysis(bucket_span="soon"), SPAN, "refused"),
        (_analysis(bucket_span="0s"), SPAN, "refused"),
        (_analysis(bucket_span="9999999w"), SPAN, "refused"),
        (_analysis(summary_count_field_name="n"), "analysis_config.summary_count_field_name", "ignored"),
        (_analysis(summary_count_field_name=["n"]), "analysis_config.summary_count_field_name", "refused"),
        (_analysis(latency="10m"), "analysis_config.latency", "ignored"),
        (JOB | {"analysis_limits": {"model_memory_limit": "much"}}, "analysis_limits.model_memory_limit", "refused"),
        (JOB | {"analysis_limits": "much"}, "analysis_limits", "refused"),
        (_feed(runtime_mappings={"a": {"type": "keyword"}}), "datafeed.runtime_mappings", "refused"),
        (_feed(aggregations={"a": {}}), "datafeed.aggregations", "refused"),
        (_feed(query={"more_like_this": {}}), "datafeed.query", "refused"),
        (_feed(max_wait=1), "datafeed.max_wait", "ignored"),
    ],
)
def test_what_is_not_honoured_is_named(body: Json, place: str, kind: str) -> None:
    (job,) = parse_jobs(body)
    found = [problem for problem in problems(job) if problem.where.startswith(place)]
    assert [problem.kind for problem in found] == [kind]
    assert all(problem.text for problem in found)
    if kind == "refused":
        with pytest.raises(DefinitionError, match="cannot run"):
            plan(job)
    else:
        plan(job)


def test_empty_steps_of_a_datafeed_are_no_steps() -> None:
    (job,) = parse_jobs(_feed(runtime_mappings={}, script_fields={}))
    assert not [problem for problem in problems(job) if problem.kind == "refused"]
