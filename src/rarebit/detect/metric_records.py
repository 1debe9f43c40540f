"""From findings of metrics to records: what it came to, what is usual, and the events behind it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rarebit.core.result import Explanation, Gauge, Record
from rarebit.core.time import iso
from rarebit.detect.count_records import Draft, Told, fetch_buckets
from rarebit.detect.evidence import Join, Materialised
from rarebit.detect.metric_sentence import measured_words, metric_sentence
from rarebit.detect.stream import JobStream
from rarebit.maths.tail import Rate
from rarebit.model.metric import STATISTICS
from rarebit.model.metric_law import BOTH, HIGH

_ALIKE = (
    "events", "typical", "lower", "upper", "location", "scale", "freedom", "seen", "weight", "mean", "squares",
    "prior_mean", "prior_worth", "prior_shape", "prior_variance", "season", "offset", "noise", "absence",
    "rank_of", "rank_start", "rank_share", "rank_shape", "rank_scale",
)  # fmt: skip


def materialise_metrics(stream: JobStream, index: int, join: Join, group_names: Mapping[int, str]) -> Materialised:
    """Make records of what a metric detector has found since the last call.

    Parameters are those of :func:`rarebit.detect.records.materialise`. A finding is complete when its bucket closes,
    so nothing is renewed or absorbed.
    """
    (detector,) = stream.groups[index]
    fresh = stream.take_fresh(index)
    if not len(fresh):
        return Materialised([], frozenset(), {})
    cells = fresh.parts[0]
    witnesses, events = fetch_buckets(stream, detector, cells, np.array(cells["events"]) > 0.0, join)
    names = [group_names.get(int(code), "") for code in stream.group_codes(index)]
    later = stream.later(index, fresh.found["p"])
    records = []
    for row in range(len(fresh)):
        if row in witnesses:
            draft = MetricDraft(stream, detector, fresh, row, witnesses[row], events.get(row))
            records.append(draft.record(later.at(row), names[int(cells["group"][row])]))
    return Materialised(records, frozenset(), {})


class MetricDraft(Draft):
    """A finding of a metric."""

    def record(self, later: Rate, group: str) -> Record:
        """The record; ``later`` is the expected number a week by the latest fit."""
        gauge = self._gauge(group)
        sentence = metric_sentence(
            gauge,
            self.series(),
            field=self.detector.metric,
            told=self.stream.plan.job.measured,
            bucket=(int(self.cell["bucket_us"]), self.stream.plan.span_us),
            last=iso(int(self.cell["seen_us"])),
        )
        explanation = Explanation(sentence=sentence, gauge=gauge)
        return self.record_of(later, Told(gauge.typical, gauge.actual, explanation))

    def _gauge(self, group: str) -> Gauge:
        cell, measuring = self.cell, self.detector.measuring
        assert measuring is not None  # noqa: S101 only metrics come here
        high = int(cell["side"]) == HIGH
        limit = max if high else min
        return Gauge(
            detector_index=self.detector.index,
            entity_field=self.detector.entity,
            entity=self.text(self.detector.entity) or "",
            measured=measured_words(STATISTICS[int(cell["statistic"])], self.detector.metric),
            side="high" if high else "low",
            both=measuring.side == BOTH,
            tests=len(measuring.statistics),
            zero=measuring.zero,
            signed=bool(cell["is_signed"]),
            actual=float(cell["value"]),
            buckets_seen=int(cell["buckets"]),
            fleet=limit(float(cell["fleet"]), 0.0),
            law_probability=float(cell["law_p"]),
            tail_probability=float(cell["tail_p"]),
            peer_group=group,
            peers=int(cell["peers"]),
            peers_beyond=int(cell["peers_beyond"]),
            probability=float(cell["p"]),
            **{name: float(cell[name]) for name in _ALIKE},
        )
