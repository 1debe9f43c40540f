"""From findings of rhythms to records: who contacts what how often, and the events behind it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from rarebit.core.beacon import Beacon
from rarebit.core.result import Explanation, Record
from rarebit.core.time import DAY_US
from rarebit.detect.beacon_sentence import beacon_sentence
from rarebit.detect.count_records import Draft, Told, fetch_buckets
from rarebit.detect.evidence import Join, Materialised
from rarebit.detect.stream import JobStream
from rarebit.maths.tail import Rate


def materialise_beacons(stream: JobStream, index: int, join: Join, group_names: Mapping[int, str]) -> Materialised:
    """Make records of what a detector of beacons has found since the last call.

    Parameters are those of :func:`rarebit.detect.records.materialise`. A finding is complete when its bucket closes, so
    nothing is renewed or absorbed. The events are those of its last bucket.
    """
    (detector,) = stream.groups[index]
    fresh = stream.take_fresh(index)
    if not len(fresh):
        return Materialised([], frozenset(), {})
    cells = fresh.parts[0]
    witnesses, events = fetch_buckets(stream, detector, cells, np.ones(len(fresh), np.bool_), join)
    later = stream.later(index, fresh.found["p"])
    records = []
    for row in range(len(fresh)):
        if row in witnesses:
            draft = BeaconDraft(stream, detector, fresh, row, witnesses[row], events.get(row))
            records.append(draft.record(later.at(row), group_names.get(int(cells["group"][row]), "")))
    return Materialised(records, frozenset(), {})


class BeaconDraft(Draft):
    """A finding of a rhythm."""

    def record(self, later: Rate, group: str) -> Record:
        """The record; ``later`` is the expected number a week by the latest fit."""
        beacon = self._beacon(group)
        record = self.record_of(later, Told(0.0, 0.0, Explanation(sentence=beacon_sentence(beacon), beacon=beacon)))
        return msgspec.structs.replace(record, typical=(), actual=(beacon.period,))

    def _beacon(self, group: str) -> Beacon:
        cell, detector = self.cell, self.detector
        whole = (
            "pattern", "contacts", "checkins", "gaps", "in_rhythm", "hosts", "fleet", "peers", "peers_with", "others",
            "as_regular", "as_rare", "as_new", "regular", "regular_rare", "regular_new", "as_odd",
        )  # fmt: skip
        period, span_h = float(cell["period_s"]), float(cell["span_h"])
        known = not np.isnan(cell["size"])
        return Beacon(
            detector_index=detector.index,
            entity_field=detector.entity,
            entity=self.text(detector.entity) or "",
            destination_field=detector.destination,
            destination=self.text(detector.destination) or "",
            program=(self.text(detector.program) or "") if detector.program else "",
            period=period,
            spread=float(cell["spread_s"]),
            merged=int(cell["merged_s"]),
            expected=max(round(span_h * 3600.0 * int(cell["pattern"]) / period) + 1, 1),
            hours=span_h,
            explained_hours=float(cell["explained_h"]),
            size=float(cell["size"]) if known else None,
            size_spread=float(cell["size_spread"]) if known else None,
            strength=float(cell["strength"]),
            regularity=float(cell["regularity"]),
            first_days=(int(cell["time_us"]) - int(cell["first_us"])) / DAY_US,
            known_days=(int(cell["time_us"]) - int(cell["known_us"])) / DAY_US,
            peer_group=group,
            product=float(cell["product"]),
            probability=float(cell["p"]),
            **{name: int(cell[name]) for name in whole},
        )
