"""From findings of places to records: where it was, where it usually is, and the events behind it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from rarebit.core.habits import Journey
from rarebit.core.result import Explanation, Record
from rarebit.core.time import DAY_US
from rarebit.detect.count_records import Draft, Told, fetch_buckets
from rarebit.detect.evidence import Join, Materialised
from rarebit.detect.places_sentence import places_sentence
from rarebit.detect.stream import JobStream
from rarebit.maths.tail import Rate
from rarebit.model.places import GROUP_WORTH, speed_kmh


def materialise_places(stream: JobStream, index: int, join: Join, group_names: Mapping[int, str]) -> Materialised:
    """Make records of what a detector of places has found since the last call.

    Parameters are those of :func:`rarebit.detect.records.materialise`. A finding is complete when its bucket closes, so
    nothing is renewed or absorbed.
    """
    (detector,) = stream.groups[index]
    fresh = stream.take_fresh(index)
    if not len(fresh):
        return Materialised([], frozenset(), {})
    cells = fresh.parts[0]
    witnesses, events = fetch_buckets(stream, detector, cells, np.ones(len(fresh), np.bool_), join)
    names = [group_names.get(int(code), "") for code in stream.group_codes(index)]
    later = stream.later(index, fresh.found["p"])
    records = []
    for row in range(len(fresh)):
        if row in witnesses:
            draft = PlacesDraft(stream, detector, fresh, row, witnesses[row], events.get(row))
            records.append(draft.record(later.at(row), names[int(cells["group"][row])]))
    return Materialised(records, frozenset(), {})


class PlacesDraft(Draft):
    """A finding of a place."""

    def record(self, later: Rate, group: str) -> Record:
        """The record; ``later`` is the expected number a week by the latest fit."""
        journey = self._journey(group)
        sentence = places_sentence(
            journey, self.series(), acted=self.stream.plan.job.acted, time_us=int(self.found["time_us"])
        )
        record = self.record_of(later, Told(0.0, 0.0, Explanation(sentence=sentence, journey=journey)))
        return msgspec.structs.replace(
            record,
            typical=(journey.usual_latitude, journey.usual_longitude),
            actual=(journey.latitude, journey.longitude),
        )

    def _journey(self, group: str) -> Journey:
        cell = self.cell
        alike = (
            "latitude", "longitude", "usual_latitude", "usual_longitude", "seen", "away", "prior", "journeys",
            "further", "as_far",
        )  # fmt: skip
        return Journey(
            detector_index=self.detector.index,
            entity_field=self.detector.entity,
            entity=self.text(self.detector.entity) or "",
            places=int(cell["places"]),
            distance_km=float(cell["distance"]),
            speed_kmh=speed_kmh(cell),
            days=(int(cell["time_us"]) - int(cell["first_us"])) / DAY_US,
            worth=GROUP_WORTH,
            tests=int(cell["tests"]),
            peer_group=group,
            peer_count=int(cell["peers"]),
            probability=float(cell["p"]),
            **{name: float(cell[name]) for name in alike},
        )
