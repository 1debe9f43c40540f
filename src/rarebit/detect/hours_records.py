"""From findings of hours to records: when it was, when it usually is, and the events behind it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from rarebit.core.habits import Rhythm
from rarebit.core.result import Explanation, Record
from rarebit.core.time import DAY_US, HOUR_US, iso
from rarebit.detect.count_records import Draft, Told, fetch_buckets
from rarebit.detect.evidence import Join, Materialised
from rarebit.detect.hours_engine import step_of
from rarebit.detect.hours_sentence import hours_sentence
from rarebit.detect.plan import bucket_start
from rarebit.detect.stream import JobStream
from rarebit.maths.tail import Rate
from rarebit.model.hours_law import WIDTH, WORTH, kernel, shares_of


def materialise_hours(stream: JobStream, index: int, join: Join, group_names: Mapping[int, str]) -> Materialised:
    """Make records of what a detector of hours has found since the last call.

    Parameters are those of :func:`rarebit.detect.records.materialise`. A finding is complete when its step closes, so
    nothing is renewed or absorbed.
    """
    (detector,) = stream.groups[index]
    fresh = stream.take_fresh(index)
    if not len(fresh):
        return Materialised([], frozenset(), {})
    cells, all_filled = fresh.parts[0], np.ones(len(fresh), np.bool_)
    witnesses, events = fetch_buckets(stream, detector, cells, all_filled, join, span_us=step_of(stream.plan))
    names = [group_names.get(int(code), "") for code in stream.group_codes(index)]
    later = stream.later(index, fresh.found["p"])
    records = []
    for row in range(len(fresh)):
        if row in witnesses:
            draft = HoursDraft(stream, detector, fresh, row, witnesses[row], events.get(row))
            records.append(draft.record(later.at(row), names[int(cells["group"][row])]))
    return Materialised(records, frozenset(), {})


class HoursDraft(Draft):
    """A finding of an hour."""

    def record(self, later: Rate, group: str) -> Record:
        """The record; ``later`` is the expected number a week by the latest fit."""
        rhythm = self._rhythm(group)
        time_us = int(self.found["time_us"])
        sentence = hours_sentence(rhythm, self.series(), acted=self.stream.plan.job.acted, time_us=time_us)
        told = Told(self._typical(rhythm), self._place(time_us) / 1e6, Explanation(sentence=sentence, rhythm=rhythm))
        bucket = iso(bucket_start(time_us, self.stream.plan))
        return msgspec.structs.replace(self.record_of(later, told), timestamp=bucket)

    def _place(self, time_us: int) -> int:
        """Microseconds since midnight, or since Monday's, in UTC."""
        return (time_us - 4 * DAY_US) % (self.detector.hours * HOUR_US)

    def _typical(self, rhythm: Rhythm) -> float:
        """Seconds since then of the middle of its likeliest hour, in UTC."""
        own, peers = np.array([rhythm.own]), np.array([rhythm.peers])
        likeliest = int(shares_of(own, peers, kernel(self.detector.hours))[0].argmax())
        return (((likeliest - rhythm.shift) % self.detector.hours) + 0.5) * 3600.0

    def _rhythm(self, group: str) -> Rhythm:
        cell = self.cell
        return Rhythm(
            detector_index=self.detector.index,
            entity_field=self.detector.entity,
            entity=self.text(self.detector.entity) or "",
            hour=int(cell["place"]),
            shift=int(cell["shift"]),
            days=(int(cell["time_us"]) // HOUR_US - int(cell["first_hour"])) / 24.0,
            active_hours=int(cell["hours"]),
            own=tuple(cell["own"].tolist()),
            peers=tuple(cell["prior"].tolist()),
            peer_group=group,
            peer_count=int(cell["peers"]),
            worth=WORTH,
            width=WIDTH,
            share=float(cell["share"]),
            probability=float(cell["p"]),
        )
