"""What a beacon's record says."""

from __future__ import annotations

import msgspec

from rarebit.core.beacon import Beacon
from rarebit.detect.beacon_sentence import beacon_brief, beacon_sentence, hours, seconds

BEACON = Beacon(
    detector_index=0, entity_field="host.name", entity="ws-17", destination_field="destination.ip",
    destination="203.0.113.7", program="upd.exe", period=61.0, spread=4.0, pattern=1, merged=0, contacts=512,
    checkins=512, expected=540, gaps=511, in_rhythm=500, hours=9.13, explained_hours=8.5, size=312.0, size_spread=0.0,
    strength=0.9, regularity=0.92, first_days=0.4, known_days=0.4, hosts=1, fleet=413, peer_group="", peers=0,
    peers_with=0, others=3412, as_regular=40, as_rare=900, as_new=120, regular=300, regular_rare=1,
    regular_new=0, as_odd=0,
    product=1e-7, probability=1e-5,
)  # fmt: skip


def test_a_sentence_tells_who_whom_how_often_and_who_else() -> None:
    assert beacon_sentence(BEACON) == (
        "upd.exe on ws-17 contacted 203.0.113.7 every 61 s ± 4 s for 9 h: 512 check-ins where a strict clock "
        "gives 540; half of them sent 312 ± 0 bytes; none of 412 other hosts does; nobody had contacted it until 10 h "
        "before; of 3,412 rhythms here 40 are as regular, of 300 at least half as regular 1 to as rare and 0 to as new "
        "a destination; 0 are as odd in all."
    )
    assert beacon_brief(BEACON) == "contacts 203.0.113.7 every 61 s ± 4 s for 9 h"


def test_bursts_patterns_and_company_are_told() -> None:
    told = msgspec.structs.replace(
        BEACON, program="", size=None, size_spread=None, merged=60, pattern=2, period=7200.0, spread=700.0, hosts=4,
        peer_group="desk", peers=30, peers_with=2, as_regular=1, hours=60.0,
    )  # fmt: skip
    sentence = beacon_sentence(told)
    assert sentence.startswith(
        "ws-17 contacted 203.0.113.7 in a pattern of 2 every 2.0 h ± 12 min for 2.5 days: 512 check-ins "
        "(contacts within 60 s are one) where"
    )
    assert "3 of 412 other hosts do so too, 2 of 30 desk peers among them" in sentence
    assert "1 is as regular" in sentence
    assert "bytes" not in sentence


def test_times_are_said_as_they_read_well() -> None:
    assert [seconds(value) for value in (0.4, 61, 2700, 11_520)] == ["0 s", "61 s", "45 min", "3.2 h"]
    assert [hours(value) for value in (0.66, 9.2, 60)] == ["40 min", "9 h", "2.5 days"]
