"""The benchmark runs from end to end on a small set and says what it measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EVENTS = 50_000


def _bench(data: Path, *parts: str) -> str:
    command = [sys.executable, "-m", "bench", "--events", str(EVENTS), "--repeats", "1", "--data", str(data)]
    for part in parts:
        command += ["--only", part]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 our own command
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


def test_the_job_is_held_against_bare_scans(data: Path) -> None:
    pytest.importorskip("polars", reason="the fastest scan is Polars': pip install rarebit[bench]")
    text = _bench(data, "rare")
    assert "v3_rare_process_by_host_windows" in text
    written = json.loads((ROOT / "bench" / "results" / f"rare-{EVENTS}.json").read_text("utf-8"))
    first = written["lines"][0]
    job, floors = first["details"]["job"], first["details"]["floors"]
    assert job["taken"] > 0
    # The floors read the rows the job reads, and those that the job leaves out for want of nothing but a time.
    assert {floor["taken"] for floor in floors.values()} == {job["taken"]}
    assert first["ratio"] == pytest.approx(job["seconds"] / min(floor["seconds"] for floor in floors.values()))


def test_a_year_of_memory_is_made_and_asked(data: Path) -> None:
    text = _bench(data, "memory")
    assert "20,000 indicators" in text
    written = json.loads((ROOT / "bench" / "results" / f"memory-{EVENTS}.json").read_text("utf-8"))
    (year,) = [line["details"] for line in written["lines"] if "a year" in line["name"]]
    assert year["join_hits"] > 0.9 * len(year["lookup_ms"])  # of a year and a week, the oldest are forgotten
    assert year["below_hits"] >= year["join_hits"]


def test_intake_lookup_and_state_say_what_they_took(data: Path) -> None:
    text = _bench(data, "intake", "lookup", "state")
    for words in ("NDJSON to batches", "NDJSON to lake", "Parquet to lake", "one event by id", "restore"):
        assert words in text
