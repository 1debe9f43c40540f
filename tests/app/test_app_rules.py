"""Filter lists and custom rules from the command line to the records: what they hide is counted, all else stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

Rarebit = Callable[..., Any]
JOB = "v3_rare_process_by_host_windows"
LEARN = ("--learn-until", "2026-10-08T00:00:00Z")


def _records(rarebit: Rarebit, home: Path, job: str) -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in rarebit("record", "list", "--json", "--job", job, "--home", home).objects}


@pytest.fixture
def mine(rarebit: Rarebit, ran_copy: Path) -> Path:
    """A home with a local copy of a job that has run."""
    assert rarebit("job", "clone", JOB, "--id", "mine", "--home", ran_copy).code == 0
    return ran_copy


def _update(rarebit: Rarebit, home: Path, folder: Path, *rules: dict[str, Any]) -> Any:
    body = {"detectors": [{"detector_index": 0, "custom_rules": list(rules)}]}
    (folder / "update.json").write_bytes(orjson.dumps(body))
    return rarebit("job", "update", "mine", folder / "update.json", "--home", home)


def test_what_a_list_hides_is_counted_and_nothing_else_is_missing(
    rarebit: Rarebit, mine: Path, fleet: Path, tmp_path: Path
) -> None:
    theirs = [
        each for each in _records(rarebit, mine, JOB).values() if not each["rollout_size"] and not each["rollout"]
    ]
    chosen = theirs[0]["by_field_value"]
    wanted = {each["event_ids"][0] for each in theirs if each["by_field_value"] != chosen}
    assert rarebit("filter", "put", "known", f"{chosen[:-1].upper()}*", "--home", mine).code == 0
    scope = {"process.name": {"filter_id": "known", "filter_type": "include"}}
    assert _update(rarebit, mine, tmp_path, {"actions": ["skip_result"], "scope": scope}).err == ""
    done = rarebit("run", fleet / "events", "--job", "mine", "--home", mine, *LEARN)
    ours = _records(rarebit, mine, "mine").values()
    assert not any(each["by_field_value"].startswith(chosen[:-1]) for each in ours)
    assert wanted <= {each["event_ids"][0] for each in ours}
    (line,) = next(
        each for each in rarebit("status", "--json", "--home", mine).objects[0]["jobs"] if each["id"] == "mine"
    )["left_out"]
    assert line["hidden"] >= sum(each["by_field_value"] == chosen for each in theirs)
    assert f"{line['hidden']:,} findings hidden by detectors[0].custom_rules[0]" in " ".join(done.err.split())
    assert "process.name on list known: skip_result" in rarebit("status", "--home", mine).out


def test_a_rule_without_its_list_is_told_of_and_hides_nothing(
    rarebit: Rarebit, mine: Path, fleet: Path, tmp_path: Path
) -> None:
    scope = {"process.name": {"filter_id": "absent", "filter_type": "exclude"}}
    assert "absent" in _update(rarebit, mine, tmp_path, {"scope": scope}).err
    assert "does nothing until there is" in rarebit("job", "validate", "mine", "--home", mine).out
    rarebit("run", fleet / "events", "--job", "mine", "--home", mine, *LEARN)
    found = {each["event_ids"][0] for each in _records(rarebit, mine, JOB).values()}
    assert found == {each["event_ids"][0] for each in _records(rarebit, mine, "mine").values()}
    assert "not applied mine" in rarebit("status", "--home", mine).out


def test_lists_are_kept_changed_exported_and_audited(rarebit: Rarebit, mine: Path, tmp_path: Path) -> None:
    home = ("--home", mine)
    body = {"filters": [{"filter_id": "b", "description": "two", "items": ["y*", "x", "x"]}, {"filter_id": "a"}]}
    file = tmp_path / "filters.json"
    file.write_bytes(orjson.dumps(body))
    assert rarebit("filter", "import", file, *home).code == 0
    assert rarebit("filter", "import", file, *home).code == 2
    assert rarebit("filter", "import", file, "--replace", *home).code == 0
    assert rarebit("filter", "export", "b", *home).objects == [
        {"filter_id": "b", "description": "two", "items": ["x", "y*"]}
    ]
    assert rarebit("filter", "add", "b", "z", *home).out.splitlines()[1:] == ["  x", "  y*", "  z"]
    assert rarebit("filter", "remove", "b", "nope", *home).code == 2
    assert rarebit("filter", "remove", "b", "x", "--json", *home).objects[0]["items"] == ["y*", "z"]
    assert "broad" in rarebit("filter", "show", "b", *home).err
    _update(rarebit, mine, tmp_path, {"scope": {"process.name": {"filter_id": "b"}}})
    refused = rarebit("filter", "delete", "b", *home)
    assert (refused.code, "used by mine" in refused.err) == (2, True)
    assert rarebit("filter", "delete", "a", *home).code == 0
    assert [each["filter_id"] for each in rarebit("filter", "list", "--json", *home).objects] == ["b"]
    from rarebit.store import Store

    with Store.open(f"sqlite:///{mine / 'rarebit.db'}") as store:
        actions = [each.action for each in store.list_audit("filter b")]
        assert len(actions) == 4, "each change leaves a line"
        assert msgspec.json.decode(store.list_audit("filter b")[0].before)["items"] == ["x", "y*", "z"]
        assert store.list_audit("mine")[0].action == "job update"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"3", b"[3]", b'{"filters": []}', b'{"filter_id": "A"}', b'{"filter_id": ""}',
        b'{"filter_id": "a", "items": "x"}', b'{"filter_id": "a", "items": [1]}', b'{"filter_id": "a", "items": [""]}',
        b'{"filter_id": "a", "items": ["**"]}', b'{"filter_id": "a", "items": ["a\\u0000"]}', b"[" * 100_000,
        b'{"filter_id": "a", "more": 1}', b'{"filter_id": "../a"}', b'{"filter_id": "a", "description": 3}',
        b'[{"filter_id": "good", "items": ["x"]}, {"filter_id": "bad!"}]', b"\xff\xfe\x00",
    ],
    ids=lambda body: body[:40].decode("latin-1"),
)  # fmt: skip
def test_a_wrong_list_is_one_line_and_keeps_nothing(rarebit: Rarebit, tmp_path: Path, body: bytes) -> None:
    (tmp_path / "f.json").write_bytes(body)
    done = rarebit("filter", "import", tmp_path / "f.json", "--home", tmp_path / "home")
    assert (done.code, done.out, "Traceback" in done.err) == (2, "", False)
    assert rarebit("filter", "list", "--json", "--home", tmp_path / "home").objects == []


@pytest.mark.parametrize(
    "body",
    [
        [], {"bucket_span": "1h"}, {"detectors": [{"detector_index": 9}]}, {"detectors": [{"function": "rare"}]},
        {"detectors": [{"detector_index": 0, "custom_rules": [3]}]}, {"results_retention_days": "soon"},
        {"model_snapshot_retention_days": 1, "daily_model_snapshot_retention_after_days": 2},
        {"model_prune_window": "1s"}, {"job_id": "other"}, {"description": 3}, {"groups": "g"},
        {"detectors": [{"detector_index": 0, "custom_rules": [{"actions": ["explode"]}]}]},
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_change_changes_nothing(rarebit: Rarebit, mine: Path, tmp_path: Path, body: Any) -> None:
    before = rarebit("job", "export", "mine", "--home", mine).out
    (tmp_path / "u.json").write_bytes(orjson.dumps(body))
    done = rarebit("job", "update", "mine", tmp_path / "u.json", "--home", mine)
    assert (done.code, done.out, "Traceback" in done.err) == (2, "", False)
    assert rarebit("job", "export", "mine", "--home", mine).out == before
    assert rarebit("job", "update", JOB, tmp_path / "u.json", "--home", mine).code == 2
