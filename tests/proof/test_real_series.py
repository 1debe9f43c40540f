"""What functions find in real series keeps its order of magnitude; skipped, saying so, without the captures."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from bench.flows import captures

from bench import logon_series, series

DATA = Path(os.environ.get("RAREBIT_DATA", Path(__file__).parents[3] / "shared" / "data"))

pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no real telemetry at {DATA}; set RAREBIT_DATA"),
]


def test_malware_joined_to_a_client_is_seen_by_what_it_changes(tmp_path: Path) -> None:
    known = captures(DATA / "ctu50-feel")
    found = series.flow_results(tmp_path, known, ("Client4",))
    by_name = {name: {each.function: each for each in own} for name, own in found.items()}
    promised = 10 * 2 / 7
    assert all(each.alerts <= 3 * promised for each in by_name[""].values())
    new_ports = by_name["CTU-Malware-Capture-Botnet-246-1 on Client4"]["rare port over clients"]
    assert new_ports.auc_awake > 0.9
    assert new_ports.best_rank <= 3
    few_flows = by_name["CTU-Malware-Capture-Botnet-219-2 on Client4"]["high_count (flows)"]
    assert few_flows.auc > 0.85
    assert few_flows.recall[1] > 0.5
    sleeps = by_name["CTU-Malware-Capture-Botnet-327-2 on Client4"]["time_of_day of a client"]
    assert sleeps.best_rank <= 3
    assert sleeps.auc > 0.6


def test_guessed_passwords_stand_first(tmp_path: Path) -> None:
    answers = logon_series.judge(tmp_path / "logons", DATA / "ssh-authlog" / "auth.log.gz")
    by_name = {answer.question.name: answer for answer in answers}
    for name in ("high_count of the host", "high_count by source address", "high_count over source addresses"):
        assert by_name[name].facts == 8
        assert by_name[name].first[0] >= 7
    newcomers = by_name["rare source address of an account"]
    assert (newcomers.facts, newcomers.all) == (2, 2)
    assert newcomers.records <= 4
