"""From findings of counts to records: how many, how many are usual, and the events that were counted."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rarebit.core.fields import ID, ID_CODE, TIME
from rarebit.core.result import Explanation, LawPart, Record, Tally, Window
from rarebit.core.time import HOUR_US, iso
from rarebit.detect.count_engine import unit_of
from rarebit.detect.count_sentence import count_sentence
from rarebit.detect.evidence import EVENTS_SHOWN, Join, Materialised, influencers, key_sql, score
from rarebit.detect.explain import noun
from rarebit.detect.findings import Findings
from rarebit.detect.plan import DetectorPlan
from rarebit.detect.stream import JobStream
from rarebit.maths.count import Predicted, quantile
from rarebit.maths.tail import Rate
from rarebit.model.count_settings import BOTH, HIGH
from rarebit.model.drift import SHARE, WINDOWS
from rarebit.model.maturity import NAMES as MATURITY
from rarebit.model.population import MEMBER_CELL, mixed_quantile, telling_parts
from rarebit.model.tables import Table
from rarebit.query import literal
from rarebit.query.columns import number_sql, text_sql
from rarebit.query.sql import to_sql

_OFTEN = 0.99
"""Of so many buckets the bounds hold."""


def materialise_counts(stream: JobStream, index: int, join: Join, group_names: Mapping[int, str]) -> Materialised:
    """Make records of what a count detector has found since the last call.

    Parameters are those of :func:`rarebit.detect.records.materialise`. A finding is complete when its bucket closes,
    so none goes on; those that late events changed are made anew under their ids.
    """
    (detector,) = stream.groups[index]
    fresh = stream.take_fresh(index)
    if not len(fresh):
        return Materialised([], frozenset(), {})
    cells = fresh.parts[0]
    witnesses, events = fetch_buckets(stream, detector, cells, np.array(cells["count"]) > 0, join)
    codes = stream.group_codes(index)
    names = [group_names.get(int(code), "") for code in codes]
    later = stream.later(index, fresh.found["p"])
    bounds = bounds_of(cells)
    records = []
    for row in range(len(fresh)):
        if row in witnesses:
            draft = CountDraft(stream, detector, fresh, row, witnesses[row], events.get(row))
            group = names[int(cells["group"][row])]
            records.append(draft.record(later.at(row), [float(bound[row]) for bound in bounds], group))
    renewed = frozenset(record.id for record in records if record.revised)
    return Materialised(records, renewed, {})


def bounds_of(cells: Table) -> list[NDArray[Any]]:
    """Counts that cells fall below, or exceed, in 1 of 100 such buckets at most, and what is typical of them.

    Where empty buckets are passed over, all three are of what is beyond the first.
    """
    if cells.dtype == MEMBER_CELL:
        return [mixed_quantile(level, cells, _fleet(cells)) for level in (1.0 - _OFTEN, _OFTEN, 0.5)]
    law = Predicted(np.array(cells["shape"]), np.array(cells["mean"]))
    return [quantile(1.0 - _OFTEN, law), quantile(_OFTEN, law), law.mean]


def _fleet(cells: Table) -> NDArray[np.float64]:
    """How busy everybody is, as far as it speaks for a cell."""
    busy: NDArray[np.float64] = np.where(
        cells["side"] == HIGH, np.maximum(cells["fleet"], 1.0), np.minimum(cells["fleet"], 1.0)
    )
    return busy


def fetch_buckets(
    stream: JobStream,
    detector: DetectorPlan,
    cells: Table,
    filled: NDArray[np.bool_],
    join: Join,
    *,
    span_us: int | None = None,
) -> tuple[dict[int, pa.Table], dict[int, pa.Table]]:
    """An event of each series, and the events it had in the bucket, if it was filled, by row.

    ``span_us`` is the length of cells, if not that of a bucket.
    """
    fields = [TIME, ID, *_fields(stream, detector)]
    columns = {name: text_sql(name) if name not in (TIME, ID) else literal.identifier(name) for name in fields}
    keys = {f"key{at}": key_sql(name) for at, name in enumerate(detector.split)}
    where = " AND ".join(f"({part})" for part in (to_sql(stream.plan.condition), *_told_by(detector)))
    rows, seen = np.arange(cells.size), np.array(cells["seen_us"])
    asked = pa.table({"row": rows, "start_us": seen, "end_us": seen + 1, "id": np.array(cells["id"])})
    on = {"id": literal.identifier(ID_CODE)}
    witnesses = join(asked, on=on, columns=columns | keys, where=where, per_row_limit=1)
    held = witnesses.column("row").to_numpy()
    start = np.array(cells["bucket_us"])[held]
    wanted = pa.table(
        {
            "row": held,
            "start_us": start,
            "end_us": start + (span_us or stream.plan.span_us),
            **{name: witnesses.column(name) for name in keys},
        }
    ).filter(pa.array(filled[held]))
    found = join(wanted, on=keys, columns=columns, where=where, per_row_limit=EVENTS_SHOWN)
    return _by_row(witnesses), _by_row(found)


def _windows(cell: np.void) -> tuple[Window, ...]:
    return tuple(
        Window(
            hours=width / HOUR_US,
            actual=float(cell[f"{name}_seen"]),
            typical=float(cell[f"{name}_mean"]),
            variance=float(cell[f"{name}_var"]),
            probability=float(cell[f"{name}_p"]),
        )
        for name, width in WINDOWS
        if cell[f"{name}_var"] > 0.0
    )


def _impact(tally: Tally) -> float:
    """How much of the surprise is the windows', from -5 to 5."""
    own = -math.log10(min(tally.bucket_probability / tally.share, 1.0))
    windows = -math.log10(min([window.probability / SHARE for window in tally.windows] + [1.0]))
    return round(5.0 * (windows - own) / max(windows, own), 2) if max(windows, own) > 0.0 else -5.0


def _told_by(detector: DetectorPlan) -> list[str]:
    """SQL conditions on events beside the job's: those that have a value, and stand for any event at all."""
    metric = [f"isfinite({number_sql(detector.metric)})"] if detector.metric else []
    return [*metric, *([f"{number_sql(detector.weight)} > 0"] if detector.weight else [])]


def _by_row(table: pa.Table) -> dict[int, pa.Table]:
    rows = table.column("row").to_numpy()
    held, starts = np.unique(rows, return_index=True)
    ends = np.append(starts, rows.size)[1:]
    return {int(row): table.slice(a, b - a) for row, a, b in zip(held, starts, ends, strict=True)}


def _fields(stream: JobStream, detector: DetectorPlan) -> list[str]:
    return sorted({"host.name", *stream.plan.job.influencers, *detector.fields})


class Told(NamedTuple):
    """What a record says of its value."""

    typical: float
    actual: float
    explanation: Explanation
    impact: float | None = None
    """How much of the surprise is that of longer windows, from -5 to 5."""


class Draft:
    """One finding of a series in a bucket, on its way to a record."""

    def __init__(
        self,
        stream: JobStream,
        detector: DetectorPlan,
        fresh: Findings,
        row: int,
        witness: pa.Table,
        events: pa.Table | None,
    ) -> None:
        self.stream, self.detector = stream, detector
        self.fresh, self.row = fresh, row
        self.found, self.cell = fresh.found[row], fresh.parts[0][row]
        self.events = witness if events is None else events
        self.total = 0 if events is None else int(events.column("total")[0].as_py())
        self.first = {name: self.events.column(name)[0].as_py() for name in self.events.column_names}

    def record_of(self, later: Rate, told: Told) -> Record:
        """The record; ``later`` is the expected number a week by the latest fit."""
        job, detector, cell = self.stream.plan.job, self.detector.detector, self.cell
        initial = float(self.found["expected"])
        kind, entity = self._entity()
        return Record(
            id=self._id(),
            job_id=job.job_id,
            detector_index=self.detector.index,
            timestamp=iso(int(cell["bucket_us"])),
            bucket_span=self.stream.plan.span_us // 1_000_000,
            function=detector.function,
            field_name=detector.field_name,
            by_field_name=detector.by_field_name,
            by_field_value=self.text(detector.by_field_name),
            over_field_name=detector.over_field_name,
            over_field_value=self.text(detector.over_field_name),
            partition_field_name=detector.partition_field_name,
            partition_field_value=self.text(detector.partition_field_name),
            typical=(told.typical,),
            actual=(told.actual,),
            probability=float(self.found["p"]),
            multi_bucket_impact=told.impact,
            record_score=score(later.expected),
            initial_record_score=score(initial),
            influencers=influencers(self.events, job.influencers),
            time=iso(int(self.found["time_us"])),
            expected_per_week=later.expected,
            expected_per_week_low=later.low,
            expected_per_week_high=later.high,
            initial_expected_per_week=initial,
            learning=bool(self.found["learning"]),
            revised=bool(self.found["revised"]),
            maturity=MATURITY[self.found["maturity"]],
            entity_type=kind,
            entity_id=entity,
            explanation=told.explanation,
            event_ids=tuple(dict.fromkeys(self.events.column(ID).to_pylist())),
            event_count=self.total,
        )

    def _id(self) -> str:
        """Series and bucket name the record, whichever events come first."""
        cell = self.cell
        text = f"{self.stream.plan.job.job_id}|{self.detector.index}|{cell['key']}|{cell['bucket_us']}"
        return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()

    def text(self, name: str | None) -> str | None:
        """Value of a field in the first event."""
        value = self.first.get(name) if name else None
        return None if value is None else str(value)

    def _entity(self) -> tuple[str, str]:
        """Whom it is about: the series' own host, user or address; else the one host of all events shown."""
        name = self.detector.entity
        if name:
            return noun(name), self.text(name) or ""
        hosts = set(self.events.column("host.name").to_pylist()) if self.total <= EVENTS_SHOWN else set()
        only = hosts.pop() if len(hosts) == 1 else None
        return ("host", str(only)) if only else ("fleet", "fleet")

    def series(self) -> list[tuple[str, str]]:
        """Fields and values that make the series, the member of a population first."""
        over = self.detector.detector.over_field_name
        names = sorted(self.detector.split, key=lambda name: name != over)
        return [(name, self.text(name) or "none") for name in names]


class CountDraft(Draft):
    """A finding of a count."""

    def record(self, later: Rate, bounds: Sequence[float], group: str) -> Record:
        """The record; ``later`` is the expected number a week by the latest fit."""
        tally = self._tally(bounds, group)
        explanation = Explanation(sentence=self._sentence(tally), tally=tally)
        typical, actual = tally.typical * tally.unit, float(tally.actual * tally.unit)
        return self.record_of(later, Told(typical, actual, explanation, _impact(tally)))

    def _tally(self, bounds: Sequence[float], group: str) -> Tally:
        cell, counting = self.cell, self.detector.counting
        assert counting is not None  # noqa: S101 only counts come here
        high, beyond = int(cell["side"]) == HIGH, int(self.detector.skips_empty)
        return Tally(
            detector_index=self.detector.index,
            entity_field=self.detector.entity,
            entity=self.text(self.detector.entity) or "",
            counted=self._counted(),
            side="high" if high else "low",
            both=counting.side == BOTH,
            empty=not self.detector.skips_empty,
            actual=int(cell["count"]),
            typical=bounds[2] + beyond,
            lower=int(bounds[0]) + beyond,
            upper=int(bounds[1]) + beyond,
            mean=float(cell["mean"]),
            shape=float(cell["shape"]),
            events=float(cell["events"]),
            buckets=float(cell["exposure"]),
            buckets_seen=int(cell["buckets"]),
            dispersion=float(cell["dispersion"]),
            prior_shape=float(cell["prior_shape"]),
            prior_buckets=float(cell["prior_exposure"]),
            season=float(cell["season"]),
            fleet=float(_fleet(cell[None])[0]),
            peer_group=group,
            peers=int(cell["peers"]),
            peers_mean=float(cell["peer_mean"]),
            probability=float(cell["p"]),
            bucket_probability=float(cell["own_p"]),
            share=float(cell["share"]),
            drift=bool(cell["drift"]),
            windows=_windows(cell) if cell["share"] < 1.0 else (),
            population=self.detector.detector.over_field_name is not None,
            unit=unit_of(self.detector),
            parts=self._parts(),
        )

    def _parts(self) -> tuple[LawPart, ...]:
        cell = self.fresh.parts[0][self.row : self.row + 1]
        if cell.dtype != MEMBER_CELL:
            return ()
        weights, law = telling_parts(cell, int(cell["count"][0]) - 1, _fleet(cell), int(cell["side"][0]))
        parts = zip(weights.tolist(), law.mean.tolist(), law.shape.tolist(), strict=True)
        return tuple(LawPart(weight=weight, mean=mean, shape=shape) for weight, mean, shape in parts)

    def _counted(self) -> str:
        if self.detector.texts:
            return f"bytes of different {self.detector.value}"
        return f"different {self.detector.value}" if self.detector.value else self.stream.plan.job.counted

    def _sentence(self, tally: Tally) -> str:
        return count_sentence(tally, self.series(), self.stream.plan.span_us, iso(int(self.cell["seen_us"])))
