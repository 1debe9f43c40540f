"""Alerts of sensors in an installation: sent again is one, seldom comes first, and cases say what the EDR saw."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from rarebit.app import show
from rarebit.app.home import Home
from rarebit.app.run import RunOptions, run
from rarebit.case.edr import mark
from rarebit.core.result import Alert, Case, CaseEntity, Record
from rarebit.core.time import parse_time
from source.alert_samples import DEFENDER, FALCON_ALERT, SURICATA, WAZUH

Rarebit = Callable[..., Any]
OPTIONS = RunOptions(peers=False)


def defender(number: int, host: str, time: str, **changed: Any) -> dict[str, Any]:
    return {**DEFENDER, "id": f"da{number}", "computerDnsName": host, "firstEventTime": time, "evidence": [], **changed}


def stories() -> list[dict[str, Any]]:
    """Less than the week in which late alerts move the rank of others."""
    times = [f"2026-03-{n // 16 + 2:02}T{n % 16:02}:30:00Z" for n in range(80)]
    made = [defender(n, f"ws{n % 5:02}.corp.example", time) for n, time in enumerate(times)]
    made.append(defender(500, "ws01", "2026-03-07T12:00:00Z", title="Never before", detectorId="det-2"))
    made += [FALCON_ALERT, {**FALCON_ALERT, "status": "closed", "updated_timestamp": "2026-03-03T09:00:00Z"}]
    made += [{**WAZUH, "timestamp": f"2026-03-02T10:0{n}:00.0+0000", "id": str(n)} for n in range(3)]
    made.append(SURICATA)
    return made


def gathered(folder: Path, batches: Sequence[Sequence[dict[str, Any]]]) -> list[Alert]:
    home = Home(folder / "home")
    for number, batch in enumerate(batches):
        path = folder / f"{number}.json"
        path.write_bytes(b"\n".join(map(orjson.dumps, batch)))
        run(home, [path], OPTIONS)
    found, _ = show.alerts(home, source="edr")
    assert show.alerts(home, source="rules") == ([], 0)
    home.close()
    return found


def test_sent_again_is_one_and_what_is_seldom_here_comes_first(tmp_path: Path) -> None:
    found = gathered(tmp_path, [stories()])
    assert len(found) == 80 + 1 + 1 + 1 + 1
    assert found[0].rule_name == "Never before"
    by_product = {alert.edr.product: alert for alert in found if alert.edr}
    falcon = by_product["crowdstrike"]
    assert falcon.event_count == 2
    assert [state.state for state in falcon.edr.states] == ["in_progress", "closed"]  # type: ignore[union-attr]
    assert "in_progress → closed" in falcon.sentence
    assert by_product["wazuh"].event_count == 3
    assert by_product["suricata"].entity_id == "10.0.0.7"
    assert all(alert.edr and alert.edr.rarity and alert.expected_per_week for alert in found)


def test_neither_cuts_nor_order_nor_sending_again_change_what_is_kept(tmp_path: Path) -> None:
    rows = stories()
    (tmp_path / "a").mkdir()
    whole = gathered(tmp_path / "a", [rows])
    random.Random(3).shuffle(rows)  # noqa: S311 no secret
    (tmp_path / "b").mkdir()
    parts = gathered(tmp_path / "b", [rows[:30], rows[30:31], rows[31:], rows[:5]])
    plain = [{**_dict(alert), "state": ""} for alert in whole]
    assert [{**_dict(alert), "state": ""} for alert in parts] == plain


def _dict(alert: Alert) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(alert)
    return {**found, "event_ids": sorted(found["event_ids"])}


def test_coverage_tells_hosts_that_no_sensor_is_heard_of(
    rarebit: Rarebit, tmp_path: Path, write_events: Callable[[Path, Sequence[dict[str, Any]]], Path]
) -> None:
    quiet = [
        {"@timestamp": "2026-03-02T10:00:00Z", "host.name": "srv9", "event.module": "system"},
        {"@timestamp": "2026-03-02T10:00:00Z", "host.name": "ws08", "event.module": "m365_defender"},
    ]
    write_events(tmp_path / "quiet.ndjson", quiet)
    (tmp_path / "edr.json").write_bytes(orjson.dumps(DEFENDER))
    rarebit("run", tmp_path / "edr.json", tmp_path / "quiet.ndjson", "--home", tmp_path / "h")
    found = rarebit("alert", "coverage", "--json", "--home", tmp_path / "h").objects
    assert {each["host"]: each["sensors"] for each in found} == {
        "srv9": [], "ws07": ["m365_defender"], "ws08": ["m365_defender"],
    }  # fmt: skip
    bare = rarebit("alert", "coverage", "--without", "--json", "--home", tmp_path / "h").objects
    assert [each["host"] for each in bare] == ["srv9"]
    shown = rarebit("alert", "list", "--source", "edr", "--home", tmp_path / "h").out
    assert "Remote service made by an" in shown


def case_of(host: str) -> Case:
    return Case(
        id="c", rank=1, score=50.0, expected_per_week=1.0, state="open",
        entity=CaseEntity(type="host", id=host, name=host), opened_at="2026-03-02T09:56:00.000Z",
        updated_at="2026-03-02T11:00:00.000Z", techniques=("T1021",),
    )  # fmt: skip


@pytest.fixture
def alert(tmp_path: Path) -> Alert:
    return gathered(tmp_path, [[{**DEFENDER, "computerDnsName": "ws1", "firstEventTime": "2026-03-02T10:00:00Z"}]])[0]


def test_marks_say_same_partial_silent_and_unknown(alert: Alert, make_record: Callable[..., Record]) -> None:
    case = case_of("ws1")
    same = make_record(1, parse_time("2026-03-02T09:56:00Z"), value="psexesvc.exe")
    other = make_record(1, parse_time("2026-03-01T09:56:00Z"), value="calc.exe")
    watched = frozenset({"ws1"})
    found = mark(case, [same], [alert], watched)
    assert (found.edr, found.edr_view.seconds_after) == ("same", 240.0)  # type: ignore[union-attr]
    assert found.edr_view.sentence.startswith("m365_defender saw the same process 4 min later")  # type: ignore[union-attr]
    assert mark(case, [other], [alert], watched).edr == "partial"
    silent = mark(case, [other], [], watched)
    assert (silent.edr, silent.edr_view.sentence) == ("none", "EDR silent")  # type: ignore[union-attr]
    unknown = mark(case, [other], [], frozenset({"ws01"}))
    assert unknown.edr == "none"
    assert "is not known" in unknown.edr_view.sentence  # type: ignore[union-attr]
    assert mark(case, [other], [], None).edr_view is None


def test_a_shared_technique_counts_only_close_by(alert: Alert, make_record: Callable[..., Record]) -> None:
    case = case_of("ws1")
    near = make_record(1, parse_time("2026-03-02T10:20:00Z"), value="calc.exe")
    far = make_record(1, parse_time("2026-03-02T15:00:00Z"), value="calc.exe")
    watched = frozenset({"ws1"})
    assert "the same technique" in mark(case, [near], [alert], watched).edr_view.sentence  # type: ignore[union-attr]
    assert mark(case, [far], [alert], watched).edr == "partial"
