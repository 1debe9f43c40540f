"""``use_null``: an absent value is a value, and its record carries its events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson

from rarebit.core.time import HOUR_US, iso, parse_time

Rarebit = Callable[..., Any]
WriteEvents = Callable[[Path, Sequence[dict[str, Any]]], Path]
START = parse_time("2025-03-03T00:00:00Z")


def test_an_absent_user_is_found_with_its_events(rarebit: Rarebit, write_events: WriteEvents, tmp_path: Path) -> None:
    events = [_event(f"e{host}-{hour}", host, hour, "ann") for host in range(20) for hour in range(24 * 20)]
    events.append(_event("odd", 7, 24 * 19 + 5, None))
    detector = {"function": "rare", "by_field_name": "user.name", "partition_field_name": "host.name", "use_null": True}
    job = {"job_id": "absent_user", "analysis_config": {"bucket_span": "15m", "detectors": [detector]}}
    home = ("--home", tmp_path / "home")
    (tmp_path / "job.json").write_bytes(orjson.dumps(job))
    assert rarebit("job", "import", tmp_path / "job.json", *home).code == 0
    path = write_events(tmp_path / "events.ndjson", sorted(events, key=lambda event: str(event["@timestamp"])))
    assert rarebit("run", path, "--job", "absent_user", *home).code == 0
    found = [r for r in rarebit("record", "list", "--json", *home).objects if not r["learning"]]
    assert [(record["entity_id"], record["event_ids"]) for record in found] == [("h7", ["odd"])]
    assert "by_field_value" not in found[0] or found[0]["by_field_value"] is None


def _event(name: str, host: int, hour: int, user: str | None) -> dict[str, Any]:
    made = {"@timestamp": iso(START + hour * HOUR_US), "event": {"id": name}, "host": {"name": f"h{host}"}}
    return made | ({"user": {"name": user}} if user else {})
