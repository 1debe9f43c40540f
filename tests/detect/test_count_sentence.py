"""The sentence of a count: its numbers, and only what is worth a word."""

from __future__ import annotations

from typing import Any

import pytest

from rarebit.core.result import Tally, Window
from rarebit.core.time import DAY_US, HOUR_US, MINUTE_US
from rarebit.detect.count_sentence import amount, count_sentence, span_words


def _tally(**changes: Any) -> Tally:
    drawn: dict[str, Any] = {
        "detector_index": 0, "entity_field": "host.name", "entity": "ws-17", "counted": "failed logons",
        "side": "high", "both": False, "empty": True, "actual": 412, "typical": 3.04, "lower": 0, "upper": 9,
        "mean": 3.04, "shape": 8.0, "events": 300.0, "buckets": 100.0, "buckets_seen": 400, "dispersion": 0.1,
        "prior_shape": 1.0, "prior_buckets": 1.0, "season": 1.0, "fleet": 1.0, "peer_group": "workstation",
        "peers": 37, "peers_mean": 2.1, "probability": 1e-30,
    }  # fmt: skip
    return Tally(**drawn | changes)


SERIES = [("host.name", "ws-17")]
LAST = "2026-10-05T08:00:00.000Z"


def test_how_many_how_many_are_usual_and_what_peers_had() -> None:
    assert count_sentence(_tally(), SERIES, 15 * MINUTE_US, LAST) == (
        "ws-17 had 412 failed logons in 15 minutes where 3.0 are usual at this hour (at most 9 in 99 of 100); "
        "its 37 workstation peers had 2.1 on average."
    )


def test_silence_says_when_the_last_came() -> None:
    silent = _tally(side="low", actual=0, typical=40.2, lower=22, peers_mean=39.6, peer_group="")
    assert count_sentence(silent, SERIES, 5 * MINUTE_US, LAST) == (
        "ws-17 had no failed logons in 5 minutes where 40 are usual at this hour (at least 22 in 99 of 100); "
        "its last was at 2026-10-05T08:00:00.000Z; its 37 peers had 40 on average."
    )


def test_a_drift_says_over_how_long_and_how_much() -> None:
    day = Window(hours=24.0, actual=600.0, typical=500.0, variance=900.0, probability=1e-3)
    week = Window(hours=168.0, actual=4812.4, typical=3100.0, variance=9e4, probability=1e-8)
    text = count_sentence(_tally(drift=True, share=0.9, windows=(day, week)), [("host.name", "ws-17")], 900_000_000, "")
    assert text == (
        "ws-17 had 55% more failed logons than usual over about a week: 4,812 where 3,100 were expected, bucket by "
        "bucket; 412 failed logons in 15 minutes where 3.0 are usual at this hour (at most 9 in 99 of 100). "
        "Told once, until it is over."
    )


def test_a_busy_fleet_is_named() -> None:
    text = count_sentence(_tally(fleet=2.5), SERIES, HOUR_US, LAST)
    assert "that is at 2.5 times the usual, as the fleet as a whole was" in text


def test_series_of_two_fields_and_of_none() -> None:
    pair = [("host.name", "ws-17"), ("user.name", "mara")]
    assert count_sentence(_tally(), pair, HOUR_US, LAST).startswith("ws-17 with user mara had")
    assert count_sentence(_tally(peers=0), [], HOUR_US, LAST) == (
        "the whole fleet had 412 failed logons in an hour where 3.0 are usual at this hour (at most 9 in 99 of 100)."
    )
    named = count_sentence(_tally(empty=False), [("process.name", "a.exe")], DAY_US, LAST)
    assert named.startswith("process.name a.exe had 412 failed logons in a day where")
    assert "its 37 workstation peers with any had 2.1 on average" in named


def test_what_stands_for_several_is_told_in_full() -> None:
    tally = _tally(counted="bytes of different dns.question.name", unit=8, empty=False, peer_group="")
    assert count_sentence(tally, [("dns.question.registered_domain", "evil.example")], HOUR_US, LAST) == (
        "dns.question.registered_domain evil.example had 3,296 bytes of different dns.question.name in an hour where "
        "24 are usual at this hour (at most 72 in 99 of 100); its 37 peers with any had 17 on average."
    )


def test_members_of_a_population() -> None:
    known = _tally(population=True, empty=False, entity_field="source.ip", peer_group="", buckets_seen=57)
    pair = [("source.ip", "10.0.0.9"), ("process.name", "a.exe")]
    assert count_sentence(known, pair, HOUR_US, LAST) == (
        "10.0.0.9 with process.name a.exe had 412 failed logons in an hour where 3.0 are usual for it by 57 buckets of "
        "its own (at most 9 in 99 of 100); 37 others with any had 2.1 on average."
    )
    new = count_sentence(_tally(population=True, entity_field="source.ip", buckets_seen=0), pair[:1], HOUR_US, LAST)
    assert "where 3.0 are usual for a source address not met before (at most 9 in 99 of 100)" in new


@pytest.mark.parametrize(("number", "text"), [(1234.5, "1,234"), (9.96, "10.0"), (0.25, "0.2"), (0.0123, "0.012")])
def test_means_are_as_exact_as_useful(number: float, text: str) -> None:
    assert amount(number) == text


@pytest.mark.parametrize(
    ("span", "text"), [(1_000_000, "a second"), (90 * MINUTE_US, "90 minutes"), (1_500_000, "1.5 seconds")]
)
def test_spans_in_words(span: int, text: str) -> None:
    assert span_words(span) == text
