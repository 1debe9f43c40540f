"""Jobs and inventories at work: clones for some hosts, imports from Elastic, spans of time, mappings, checks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

Rarebit = Callable[..., Any]
WriteEvents = Callable[[Path, Sequence[dict[str, Any]]], Path]
MAIN = "v3_rare_process_by_host_windows"


def _hosts(fleet: Path, role: str) -> set[str]:
    lines = (fleet / "assets.csv").read_text().replace('"', "").splitlines()
    columns = lines[0].split(",")
    rows = [dict(zip(columns, line.split(","), strict=True)) for line in lines[1:]]
    return {row["host"] for row in rows if row["role"] == role}


@pytest.fixture(params=["csv", "yaml"])
def assets(request: pytest.FixtureRequest, fleet: Path, tmp_path: Path) -> Path:
    """The roles of the fleet, as CSV and as YAML."""
    if request.param == "csv":
        return fleet / "assets.csv"
    path = tmp_path / "assets.yaml"
    roles = ("domain_controller", "server", "workstation")
    rows = [{"host": host.upper(), "role": role} for role in roles for host in sorted(_hosts(fleet, role))]
    path.write_bytes(orjson.dumps(rows))
    return path


def test_a_clone_for_domain_controllers_judges_only_them(
    rarebit: Rarebit, fleet: Path, assets: Path, tmp_path: Path
) -> None:
    home = ("--home", tmp_path / "home")
    controllers = _hosts(fleet, "domain_controller")
    assert controllers
    refused = rarebit("job", "clone", MAIN, "--id", "dc", "--where", "asset.role: domain_controller", *home)
    assert refused.code == 2
    assert "rarebit asset import" in refused.err
    assert rarebit("asset", "import", assets, *home).code == 0
    where = ("--where", "asset.role: domain_controller", "--alert-score", "20")
    assert rarebit("job", "clone", MAIN, "--id", "dc_rare_process", *where, *home).code == 0
    unknown = rarebit("job", "clone", MAIN, "--id", "x", "--where", "asset.rolle: domain_controller", *home)
    assert unknown.code == 2
    assert "asset.role" in unknown.err
    taken = rarebit("job", "clone", MAIN, "--id", "dc_rare_process", *home)
    assert (taken.code, "already" in taken.err) == (2, True)
    done = rarebit("run", fleet / "events", "--job", "dc_rare_process", *home)
    assert done.code == 0
    records = rarebit("record", "list", "--json", *home).objects
    assert {record["job_id"] for record in records} <= {"dc_rare_process"}
    assert {record["entity_id"] for record in records} <= controllers
    assert f"of {len(controllers)} entities" in done.err
    out = rarebit("job", "export", "dc_rare_process", *home).objects[0]
    query = orjson.dumps(out["datafeed"]["query"]).decode()
    assert all(host in query for host in controllers)
    assert "asset.role" not in query


def test_a_clone_runs_from_now_on(rarebit: Rarebit, ran_copy: Path, fleet: Path) -> None:
    home = ("--home", ran_copy)
    assert rarebit("job", "clone", MAIN, "--id", "mine", "--where", "user.name: SYSTEM", *home).code == 0
    listed = {line["id"]: line for line in rarebit("job", "list", "--json", *home).objects}
    assert listed["mine"]["runs_by_default"]
    assert listed["mine"]["origin"] == "local"
    assert "job         mine" in rarebit("run", fleet / "events", *home).err
    assert {line["id"]: line["state"] for line in rarebit("status", "--json", *home).objects[0]["jobs"]}["mine"]


def test_a_job_of_elastic_goes_in_runs_and_comes_out(
    rarebit: Rarebit, ran_copy: Path, tmp_path: Path, fleet: Path
) -> None:
    home = ("--home", ran_copy)
    pair = rarebit("job", "export", MAIN, *home).objects[0]
    pair["job"]["model_plot_config"] = {"enabled": True}
    path = tmp_path / "jobs.json"
    path.write_bytes(orjson.dumps([pair]))
    assert "already" in rarebit("job", "import", path, *home).err
    taken = rarebit("job", "import", path, "--id", "from_kibana", *home)
    assert taken.code == 0
    assert "model_plot_config" in taken.err
    out = rarebit("job", "export", "from_kibana", *home).objects[0]
    assert out["job"] == pair["job"] | {"job_id": "from_kibana"}
    assert out["datafeed"]["query"] == pair["datafeed"]["query"]
    assert rarebit("run", fleet / "events", "--job", "from_kibana", *home).code == 0
    path.write_bytes(orjson.dumps([pair, pair]))
    assert rarebit("job", "import", path, "--id", "two", *home).code == 2


def test_a_job_that_cannot_run_is_kept_and_named(rarebit: Rarebit, tmp_path: Path, fleet: Path) -> None:
    home = ("--home", tmp_path / "home")
    body = {"job_id": "guess", "analysis_config": {"detectors": [{"function": "guess", "field_name": "source.bytes"}]}}
    path = tmp_path / "guess.json"
    path.write_bytes(orjson.dumps(body))
    assert rarebit("job", "import", path, *home).code == 0
    validated = rarebit("job", "validate", "guess", *home)
    assert validated.code == 2
    assert "analysis_config.detectors[0].function" in validated.out
    assert rarebit("run", fleet / "events", "--job", "guess", *home).code == 2
    assert {line["id"]: line["runs"] for line in rarebit("job", "list", "--json", *home).objects}["guess"] is False
    assert rarebit("run", fleet / "events" / "2026-10-06.ndjson", *home).code == 0


def test_spans_of_time(rarebit: Rarebit, fleet: Path, tmp_path: Path) -> None:
    home = ("--home", tmp_path / "home")
    span = ("--since", "2026-10-06T12:00Z", "--until", "2026-10-07")
    done = rarebit("run", fleet / "events", *span, "--learn-until", "2026-10-06T18:00:00+00:00", *home)
    assert done.code == 0
    assert "outside" in "".join(done.err.split())
    status = rarebit("status", "--json", *home).objects[0]
    assert "2026-10-06T12:00" <= status["first"] <= status["last"] < "2026-10-07"
    records = rarebit("record", "list", "--json", *home).objects
    early, later = ([r for r in records if (r["time"] < "2026-10-06T18") == first] for first in (True, False))
    assert all(record["learning"] for record in early)
    assert all(record["maturity"] == "learning" for record in later if record["learning"])
    part = ("--since", "2026-10-06T15:00Z", "--until", "2026-10-06T16:00Z")
    events = rarebit("event", "list", "--where", "process.name: *", *part, "--json", *home).objects
    assert events
    assert all("2026-10-06T15" <= event["@timestamp"] < "2026-10-06T16" for event in events)


@pytest.mark.parametrize(
    ("text", "shown"), [("10", "10 a day"), ("10/day", "10 a day"), ("70/week", "10 a day"), ("0.5/d", "0.5 a day")]
)
def test_budgets(rarebit: Rarebit, ran_copy: Path, fleet: Path, text: str, shown: str) -> None:
    done = rarebit("run", fleet / "events" / "2026-10-05.ndjson", "--budget", text, "--home", ran_copy)
    assert done.code == 0
    assert f"within {shown}" in done.err


def test_a_mapping_of_columns(rarebit: Rarebit, tmp_path: Path) -> None:
    home = ("--home", tmp_path / "home")
    table = tmp_path / "processes.csv"
    life = [f"2026-10-{day:02}T08:00:00Z,ws{n},svchost.exe,SYSTEM" for day in range(1, 15) for n in range(20)]
    rows = [f"{line},process,start,windows" for line in [*life, "2026-10-14T12:00:00Z,ws3,odd.exe,mara"]]
    table.write_text("\n".join(["When,Computer,Image,Who,cat,kind,os", *rows]) + "\n")
    mapping = tmp_path / "map.yaml"
    mapping.write_text(
        "When: '@timestamp'\nComputer: host.name\nImage: process.name\nWho: user.name\ncat: event.category\n"
        "kind: event.type\nos: host.os.type\n"
    )
    assert rarebit("check", table, *home).code == 3
    checked = rarebit("check", table, "--map", mapping, "--json", *home)
    assert checked.code == 0
    assert (checked.objects[0]["events"], checked.objects[0]["hosts"]) == (281, 20)
    assert rarebit("run", table, "--map", mapping, "--learn-until", "2026-10-12", *home).code == 0
    found = rarebit("record", "list", "--job", MAIN, "--json", *home).objects
    assert [(record["by_field_value"], record["entity_id"]) for record in found if not record["learning"]] == [
        ("odd.exe", "ws3")
    ]


def test_a_check_of_good_bad_and_blind_files(
    rarebit: Rarebit, fleet: Path, tmp_path: Path, write_events: WriteEvents
) -> None:
    place = tmp_path / "in"
    place.mkdir()
    good = (fleet / "events" / "2026-10-06.ndjson").read_bytes()
    (place / "good.ndjson").write_bytes(good)
    (place / "half.ndjson").write_bytes(good[:5000] + b"\n{broken\n" + b'{"message": "no time"}\n')
    (place / "photo.jpg").write_bytes(bytes(range(256)) * 20)
    (place / "empty.log").write_bytes(b"")
    write_events(place / "blind.ndjson", [{"@timestamp": "2026-10-06T00:00:00Z", "message": "x"}])
    done = rarebit("check", place, "--json", "--home", tmp_path / "home")
    (found,) = done.objects
    files = {Path(each["path"]).name: each for each in found["files"]}
    assert set(files) == {"good.ndjson", "half.ndjson", "photo.jpg", "empty.log", "blind.ndjson"}
    assert files["good.ndjson"]["skipped"] == []
    reasons = {part["reason"]: part for part in files["half.ndjson"]["skipped"]}
    assert len(reasons) >= 2
    assert all(part["count"] and part["where"] for part in reasons.values())
    assert files["photo.jpg"]["error"] or files["photo.jpg"]["skipped"]
    assert files["blind.ndjson"]["rows"] == 1
    ready = {job["job_id"]: job["ready"] for job in found["jobs"]}
    assert ready[MAIN]
    assert done.code == (3 if any(each["error"] for each in found["files"]) else 0)
    only = rarebit("check", place / "blind.ndjson", "--json", "--home", tmp_path / "home")
    assert only.code == 3
    for job in only.objects[0]["jobs"]:
        assert not job["ready"]
        assert job["missing"]
        assert any(name in job["reason"] for name in job["missing"])
    assert "nothing has been read" in rarebit("case", "list", "--home", tmp_path / "home").err


def test_a_group_of_jobs_runs_by_its_name(rarebit: Rarebit, ran_copy: Path, fleet: Path) -> None:
    home = ("--home", ran_copy)
    listed = [line["id"] for line in rarebit("job", "list", "--group", "dga", "--json", *home).objects]
    assert listed[:2] == ["dga_high_distinct_nxdomain_for_a_host", "dga_high_sum_probability"]
    named = ("--job", "dga", "--job", "dga_high_sum_probability")
    ran = rarebit("run", fleet / "events" / "2026-10-06.ndjson", *named, *home)
    assert ran.code == 3  # nobody asks for names in this fleet
    assert all(job_id in ran.err for job_id in listed[:2])
    wrong = rarebit("job", "list", "--group", "nobody", *home)
    assert wrong.code == 2
    assert "windows" in wrong.err
    assert rarebit("run", fleet / "events", "--job", "nobody", *home).code == 2


def test_all_jobs_together_run_in_one_scan(rarebit: Rarebit, fleet: Path, tmp_path: Path) -> None:
    home = ("--home", tmp_path / "home")
    ran = rarebit("run", fleet / "events" / "2026-10-05.ndjson", "--job", "security", "--json", *home)
    assert ran.code == 3  # no cloud, no Okta: those jobs say that they are blind
    states = {state["id"]: state for state in rarebit("status", "--json", *home).objects[0]["jobs"]}
    shipped = {line["id"]: line for line in rarebit("job", "list", "--group", "security", "--json", *home).objects}
    assert states.keys() <= shipped.keys()
    assert len(states) > 100
    assert "okta.event_type" in ran.err
    assert {record["job_id"] for record in rarebit("record", "list", "--json", *home).objects} <= states.keys()
