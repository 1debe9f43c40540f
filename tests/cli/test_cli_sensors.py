"""What people see of alerts that sensors sent; and nothing in them breaks a run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from source.alert_samples import DEFEND, DEFENDER, ENDGAME, FALCON_ALERT, GRAPH, SENTINEL, SURICATA, WAZUH

GOLDEN = Path(__file__).parent.parent / "golden"
Rarebit = Callable[..., Any]
RESENT = {**FALCON_ALERT, "status": "closed", "updated_timestamp": "2026-03-03T09:00:00Z"}
SENT = [DEFENDER, GRAPH, FALCON_ALERT, RESENT, SENTINEL, WAZUH, SURICATA, DEFEND, ENDGAME]


def written(folder: Path, alerts: list[dict[str, Any]]) -> Path:
    path = folder / "alerts.json"
    path.write_bytes(b"\n".join(map(orjson.dumps, alerts)))
    return path


def test_alerts_look_as_they_did(rarebit: Rarebit, tmp_path: Path) -> None:
    done = rarebit("run", written(tmp_path, SENT), "--home", tmp_path / "home")
    assert "EDR         8 alerts of 9 events, 0 sent again; 8 kept, 1 hosts watched" in done.err
    listed = rarebit("alert", "list", "--source", "edr", "--home", tmp_path / "home")
    falcon = next(a for a in rarebit("alert", "list", "--source", "edr", "--json", "--home", tmp_path / "home").objects
                  if a["edr"]["product"] == "crowdstrike")  # fmt: skip
    shown = rarebit("alert", "show", falcon["id"], "--home", tmp_path / "home")
    text = f"{listed.out}\n{shown.out}"
    golden = GOLDEN / "alert_sensors.txt"
    if os.environ.get("RAREBIT_UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_what_an_alert_says_changes_nothing_but_itself(rarebit: Rarebit, tmp_path: Path) -> None:
    evil: list[dict[str, Any]] = [
        {**ENDGAME, "event.id": "a", "rule.name": "\x1b[31mred\u202e'; DROP TABLE alerts; --"},
        {**ENDGAME, "event.id": "b", "rule.id": "x" * 5000, "rule.name": "y" * 5000},
        {**ENDGAME, "event.id": "c", "threat.technique.id": {"a": 1}, "rarebit.alert.changed": "9" * 30},
        {**ENDGAME, "event.id": "d", "rarebit.alert.state": "one", "rarebit.alert.changed": "99999-01-01"},
        {**ENDGAME, "event.id": "e", "rarebit.alert.changed": "7d", "rarebit.alert.state": ["a", {"b": 2}]},
        {**ENDGAME, "event.id": "f", "event.severity": 10**18, "event.module": None, "host.name": None},
        {**ENDGAME, "event.id": "", "rule.name": ""},
    ]  # fmt: skip
    done = rarebit("run", written(tmp_path, evil), "--home", tmp_path / "home")
    assert "Traceback" not in done.err
    found = rarebit("alert", "list", "--source", "edr", "--json", "--home", tmp_path / "home").objects
    assert len(found) == len(evil)
    shown = rarebit("alert", "list", "--source", "edr", "--home", tmp_path / "home").out
    assert "\x1b" not in shown
    assert "\u202e" not in shown
