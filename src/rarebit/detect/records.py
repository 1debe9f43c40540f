"""From findings to records: names, counts, scores and the ids of the events behind them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa

from rarebit.core.fields import CODED, ID, ID_CODE, TIME
from rarebit.core.influencer import Influencer
from rarebit.core.result import Explanation, Level, Record
from rarebit.core.time import HOUR_US, hour_end, iso, parse_span
from rarebit.detect.beacon_records import materialise_beacons
from rarebit.detect.count_records import materialise_counts
from rarebit.detect.evidence import EVENTS_SHOWN, Join, Materialised, influencers, key_sql, score
from rarebit.detect.explain import level_name, level_sentence, noun, rollout_sentence, what_happened
from rarebit.detect.findings import Findings
from rarebit.detect.hours_records import materialise_hours
from rarebit.detect.metric_records import materialise_metrics
from rarebit.detect.places_records import materialise_places
from rarebit.detect.plan import NULL_CODE, DetectorPlan, bucket_start
from rarebit.detect.rollout import INFORMATIONAL, Spread, spreads, verdict
from rarebit.detect.stream import JobStream
from rarebit.maths.tail import Rate
from rarebit.model.maturity import NAMES as MATURITY
from rarebit.query import literal
from rarebit.query.columns import text_sql
from rarebit.query.sql import to_sql

_PROVENANCE: Final = {
    "parent": "process.parent.name",
    "trusted": "process.code_signature.trusted",
    "signed": "process.code_signature.exists",
    "user": "user.name",
}


def materialise(stream: JobStream, index: int, join: Join, group_names: Mapping[int, str]) -> Materialised:
    """Make records of what a stream has found since the last call.

    Parameters
    ----------
    stream : JobStream
        The job.
    index : int
        Which of ``stream.groups``.
    join : callable
        :meth:`rarebit.lake.Lake.join`.
    group_names : mapping
        Code of a peer group to its name.
    """
    group = stream.groups[index]
    lead = group[0]
    for told, make in (
        (lead.counting, materialise_counts),
        (lead.measuring, materialise_metrics),
        (lead.hours, materialise_hours),
        (lead.place, materialise_places),
        (lead.destination, materialise_beacons),
    ):
        if told:
            return make(stream, index, join, group_names)
    spread = spreads(stream, index) if stream.collapse else {}
    told_us = stream.told_us(index)
    earlier = stream.continued(index, [about.lead_id for about in spread.values() if about.last_us > told_us])
    fresh = Findings.join([earlier, stream.take_fresh(index)], [part.dtype for part in earlier.parts])
    if not len(fresh):
        return Materialised([], frozenset(), {})
    events = _fetch(stream, group, fresh, join)
    codes = [stream.group_codes(index, part) for part in range(len(group))]
    names = [[group_names.get(int(code), "") for code in part] for part in codes]
    later = stream.later(index, fresh.found["p"])
    records, absorbed = [], {}
    for row in range(len(fresh)):
        if row not in events:
            continue
        draft = _Draft(stream, group, fresh, row, events[row], names)
        found = fresh.found[row]
        about = spread.get((int(found["value"]), int(found["window_us"])))
        records.append(draft.record(later.at(row), about))
    for about in spread.values():
        absorbed.update(_absorbed(stream, group[0], about))
    renewed = frozenset(_record_id(stream, group[0], int(code)) for code in earlier.found["id"])
    return Materialised(records, renewed, absorbed)


def _absorbed(stream: JobStream, detector: DetectorPlan, about: Spread) -> dict[str, str]:
    lead = _record_id(stream, detector, about.lead_id)
    return {_record_id(stream, detector, other): lead for other in about.other_ids}


def _record_id(stream: JobStream, detector: DetectorPlan, id_code: int) -> str:
    text = f"{stream.plan.job.job_id}|{detector.index}|{id_code}"
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


def _fetch(stream: JobStream, group: tuple[DetectorPlan, ...], fresh: Findings, join: Join) -> dict[int, pa.Table]:
    """The events of each finding: those of its entity and value from its first on, to the end of the hour."""
    fields = [TIME, ID, *_fields(stream, group)]
    columns = {name: text_sql(name) if name not in (TIME, ID) else literal.identifier(name) for name in fields}
    columns["time"] = f"epoch_us({literal.identifier(TIME)})"
    keyed = (group[0].entity, group[0].value)
    on = {f"key{i}": key_sql(name) for i, name in enumerate(keyed)}
    wanted = _wanted(keyed, fresh, join)
    found = join(wanted, on=on, columns=columns, where=to_sql(stream.plan.condition), per_row_limit=EVENTS_SHOWN)
    places, rows = found.column("row").to_numpy(), np.arange(len(fresh))
    edges = np.searchsorted(places, rows, side="left"), np.searchsorted(places, rows, side="right")
    return {int(row): found.slice(a, b - a) for row, a, b in zip(rows, *edges, strict=True) if b > a}


def _wanted(keyed: tuple[str, str], fresh: Findings, join: Join) -> pa.Table:
    """Keys and hour of each finding; texts of fields without a code are read from its first event."""
    starts = fresh.found["time_us"]
    ends = np.array([hour_end(int(time)) for time in starts], np.int64)
    rows = np.arange(len(fresh))
    uncoded = {f"key{i}": text_sql(name) for i, name in enumerate(keyed) if name not in CODED}
    texts = {}
    if uncoded:
        first = pa.table({"row": rows, "start_us": starts, "end_us": starts + 1, "id": fresh.found["id"]})
        found = join(first, on={"id": literal.identifier(ID_CODE)}, columns=uncoded, per_row_limit=1)
        rows, texts = found.column("row").to_numpy(), {name: found.column(name) for name in uncoded}
    part = fresh.parts[0][rows]
    codes = {name: np.where(part[name] == NULL_CODE, 0, part[name]) for name in ("entity", "value")}
    keys = {f"key{i}": texts.get(f"key{i}", codes[name]) for i, name in enumerate(("entity", "value"))}
    return pa.table({"row": rows, "start_us": starts[rows], "end_us": ends[rows], **keys})


def _fields(stream: JobStream, group: tuple[DetectorPlan, ...]) -> list[str]:
    names = {*stream.plan.job.influencers, *_PROVENANCE.values(), "host.name"}
    for detector in group:
        names |= set(detector.fields)
    return sorted(names)


class _Draft:
    """One finding on its way to a record."""

    def __init__(
        self,
        stream: JobStream,
        group: tuple[DetectorPlan, ...],
        fresh: Findings,
        row: int,
        events: pa.Table,
        group_names: Sequence[Sequence[str]],
    ) -> None:
        self.stream, self.group, self.events, self.names = stream, group, events, group_names
        self.found = fresh.found[row]
        self.parts = [part[row] for part in fresh.parts]
        self.first = {name: events.column(name)[0].as_py() for name in events.column_names}

    def record(self, later: Rate, about: Spread | None) -> Record:
        """The record; ``later`` is the expected number a week by the latest fit."""
        job, lead = self.stream.plan.job, self.group[0]
        views = zip(self.group, self.parts, self.names, strict=True)
        levels = tuple(self._level(detector, part, names) for detector, part, names in views if part["row"] >= 0)
        time_us = int(self.found["time_us"])
        own_id = _record_id(self.stream, lead, int(self.found["id"]))
        rate, rollout, extra = later, "", ""
        if about is not None:
            rate, rollout, extra = self._in_rollout(later, about, own_id)
        low, high = bounds(rate)
        initial = float(self.found["expected"])
        detector = lead.detector
        return Record(
            id=own_id,
            job_id=job.job_id,
            detector_index=lead.index,
            timestamp=iso(bucket_start(time_us, self.stream.plan)),
            bucket_span=parse_span(job.bucket_span) // 1_000_000,
            function=detector.function,
            by_field_name=detector.by_field_name,
            by_field_value=self._text(detector.by_field_name),
            over_field_name=detector.over_field_name,
            over_field_value=self._text(detector.over_field_name),
            partition_field_name=detector.partition_field_name,
            partition_field_value=self._text(detector.partition_field_name),
            typical=(0.0,),
            actual=(float(self.parts[0]["events"]),),
            probability=float(self.found["p"]),
            record_score=score(rate.expected),
            initial_record_score=score(initial),
            influencers=self._influencers(),
            time=iso(time_us),
            expected_per_week=rate.expected,
            expected_per_week_low=low,
            expected_per_week_high=high,
            initial_expected_per_week=initial,
            learning=bool(self.found["learning"]),
            maturity=MATURITY[self.found["maturity"]],
            rollout=rollout,
            rollout_size=about.joined if about is not None and not rollout else 0,
            entity_type="host" if self.first.get("host.name") else noun(lead.entity),
            entity_id=self.first.get("host.name") or self._text(lead.entity) or "",
            explanation=Explanation(sentence=self._sentence(levels, extra), levels=levels),
            event_ids=tuple(dict.fromkeys(self.events.column(ID).to_pylist())),
            event_count=int(self.first["total"]),
        )

    def _in_rollout(self, later: Rate, about: Spread, own_id: str) -> tuple[Rate, str, str]:
        lead = _record_id(self.stream, self.group[0], about.lead_id)
        if own_id != lead:
            return later.become(INFORMATIONAL), lead, ""
        judged = verdict(about, parent=self._provenance("parent"), trusted=self._trusted(), expected=later.expected)
        hours = (about.last_us - about.first_us) / HOUR_US
        text = rollout_sentence(about.joined, noun(self.group[0].entity), hours)
        return later.become(judged.expected), "", f"{text} ({judged.reason})"

    def _trusted(self) -> bool | None:
        trusted = self._provenance("trusted")
        if trusted:
            return trusted == "true"
        return False if self._provenance("signed") == "false" else None

    def _provenance(self, name: str) -> str:
        return str(self.first.get(_PROVENANCE[name]) or "")

    def _text(self, name: str | None) -> str | None:
        value = self.first.get(name) if name else None
        return None if value is None else str(value)

    def _influencers(self) -> tuple[Influencer, ...]:
        return influencers(self.events, self.stream.plan.job.influencers)

    def _level(self, detector: DetectorPlan, part: np.void, names: Sequence[str]) -> Level:
        hour = int(self.found["time_us"]) // HOUR_US
        return Level(
            detector_index=detector.index,
            entity_field=detector.entity,
            entity=self._text(detector.entity) or "",
            value_field=detector.value,
            value=self._text(detector.value) or "",
            level=level_name(detector.mode, int(part["level"])),
            entity_days=(hour - int(part["first_hour"])) / 24.0,
            entity_observations=round(float(part["observations"]), 3),
            entity_novel=round(float(part["novel"]), 3),
            peer_group=names[int(part["group"])],
            peers=int(part["peers"]),
            peers_with_value=int(part["peers_with"]),
            fleet=int(part["fleet"]),
            fleet_with_value=int(part["fleet_with"]),
            rate=float(part["rate"]),
            probability=float(part["p"]),
        )

    def _sentence(self, levels: tuple[Level, ...], extra: str) -> str:
        mode = {(d.index, d.entity): d.mode for d in self.group}
        judged = [level_sentence(level, mode[level.detector_index, level.entity_field]) for level in levels]
        parent = self._provenance("parent")
        user = self._provenance("user")
        by = f" from {parent}" if parent and levels[0].value_field.startswith("process.") else ""
        by += f" as {user}" if user and "user.name" not in (levels[0].value_field, levels[0].entity_field) else ""
        text = f"{what_happened(levels[0], self.stream.plan.job.acted)}{by}: " + "; and ".join(judged)
        return f"{text}; {extra}." if extra else f"{text}."


def rescored(record: Record, rate: Rate, *, rollout: str | None = None) -> Record:
    """The record with its later value; what it was first given stays beside it."""
    low, high = bounds(rate)
    return msgspec.structs.replace(
        record,
        expected_per_week=rate.expected,
        expected_per_week_low=low,
        expected_per_week_high=high,
        record_score=score(rate.expected),
        rollout=record.rollout if rollout is None else rollout,
    )


def bounds(rate: Rate) -> tuple[float | None, float | None]:
    """Ends of the interval, or none of a number that is set and not estimated."""
    return (None, None) if rate.expected >= INFORMATIONAL else (rate.low, rate.high)
