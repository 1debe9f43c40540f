"""Sentences of metrics: units, hours, peers, silence."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from rarebit.core.result import Gauge
from rarebit.core.time import DAY_US, HOUR_US, MINUTE_US, parse_time
from rarebit.detect.metric_sentence import gauge_brief, measured_words, metric_sentence

START = parse_time("2026-10-05T14:00:00Z")


def _gauge(**changes: Any) -> Gauge:
    drawn: dict[str, Any] = {
        name: 0.0 if kind in ("float", float) else 0 for name, kind in Gauge.__annotations__.items()
    } | {
        "entity_field": "host.name", "entity": "ws-17", "measured": "sum of source.bytes", "side": "high",
        "both": False, "zero": True, "signed": False, "actual": 4.1e9, "events": 812.0, "typical": 3.1e7,
        "lower": 1.2e7, "upper": 8e7, "peer_group": "workstation", "peers": 37, "peers_beyond": 0,
    }  # fmt: skip
    return msgspec.convert(drawn | changes, Gauge)


def _sentence(gauge: Gauge, field: str = "source.bytes", told: str = "", span: int = HOUR_US) -> str:
    series = [("host.name", "ws-17")]
    return metric_sentence(gauge, series, field=field, told=told, bucket=(START, span), last="2026-10-05T12:40:00Z")


def test_a_person_reads_what_and_when_and_what_is_usual_and_how_peers_are() -> None:
    assert _sentence(_gauge(), told="sent {} to other sites") == (
        "ws-17 sent 4.1 GB to other sites in the hour from 14:00 UTC; 12 to 80 MB is usual at this hour (in 98 of 100);"
        " 0 of its 37 workstation peers had more."
    )


@pytest.mark.parametrize(
    ("changes", "field", "span", "text"),
    [
        (
            {"measured": "mean event.duration", "actual": 9.3e12, "lower": 4e8, "upper": 2.1e9, "zero": False},
            "event.duration",
            15 * MINUTE_US,
            (
                "ws-17 had a mean event.duration of 2.6 hours in the 15 minutes from 14:00 UTC; 400 ms to 2.1 s is"
                " usual at this hour (in 98 of 100); 0 of its 37 workstation peers with any had more."
            ),
        ),
        (
            {"measured": "variance of process.cpu", "actual": 1.44e4, "lower": 1.0, "upper": 4.0, "peers": 0},
            "process.cpu",
            DAY_US,
            (
                "ws-17 had a standard deviation of process.cpu of 120 in the day from 2026-10-05 14:00 UTC; 1 to 2 is"
                " usual at this hour (in 98 of 100)."
            ),
        ),
        (
            {"side": "low", "actual": 0.0, "events": 0.0, "peers_beyond": 0, "peer_group": ""},
            "source.bytes",
            HOUR_US,
            (
                "ws-17 had a sum of source.bytes of 0 bytes in the hour from 14:00 UTC; 12 to 80 MB is usual at this"
                " hour (in 98 of 100); its last was at 2026-10-05T12:40:00Z; 0 of its 37 peers had less."
            ),
        ),
        (
            {"lower": 0.0, "fleet": 1.0, "peers_beyond": 3, "peer_group": "", "actual": 950.0, "upper": 8.4e5},
            "source.bytes",
            HOUR_US,
            (
                "ws-17 had a sum of source.bytes of 950 bytes in the hour from 14:00 UTC; up to 840 kB is usual at this"
                " hour (in 99 of 100); that is at 2.7 times the usual, as the fleet as a whole was; 3 of its 37 peers"
                " had more."
            ),
        ),
    ],
)
def test_units_spans_and_sides(changes: dict[str, Any], field: str, span: int, text: str) -> None:
    assert _sentence(_gauge(**changes), field, span=span) == text


def test_a_timeline_has_it_short() -> None:
    assert gauge_brief(_gauge(), "source.bytes") == "sum of source.bytes 4.1 GB (31 MB usual)"
    assert measured_words("max", "file.size") == "greatest file.size"
