"""What a case says: who, what, why with its numbers, when, and the queries that bring up its events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from rarebit.case.evidence import FLEET, Guides, Signal
from rarebit.case.fuse import Fused
from rarebit.case.parts import chosen, own_parts
from rarebit.case.queries import queries_of
from rarebit.case.stages import tactic_name
from rarebit.core.case_part import CasePart, Notice
from rarebit.core.result import Case, CaseEntity, Reason, Record, TimelineEntry
from rarebit.core.time import HOUR_US, iso
from rarebit.detect.beacon_sentence import beacon_brief
from rarebit.detect.hours_sentence import hours_brief
from rarebit.detect.metric_sentence import gauge_brief
from rarebit.detect.places_sentence import journey_brief
from rarebit.maths.tail import score_of

SHOWN: Final = 8
"""The most reasons of a case."""
_NAMED: Final = 3


def leading_of(item: Fused) -> list[Signal]:
    """What a case is about, each thing once: what its points come from, then the rest by rarity; joined ones last."""
    evidence = item.drafts.evidence
    own = [row for row, _ in chosen(item.drafts, item.lead)]
    rest = sorted(
        item.drafts.telling(item.lead).tolist(),
        key=lambda row: (evidence.signals[row].expected_per_week, evidence.time_us[row], evidence.signals[row].id),
    )
    others = [row for draft in item.joined for row, _ in chosen(item.drafts, draft)]
    found: dict[tuple[str, str], Signal] = {}
    for row in [*own, *rest, *others]:
        signal = evidence.signals[row]
        found.setdefault((signal.entity_id, signal.thing.lower()), signal)
    return list(found.values())


def record_ids_of(item: Fused) -> list[str]:
    """Ids of all records of a case: those of its own entity, then those of joined ones."""
    drafts = item.drafts
    rows = np.concatenate([drafts.all_rows(item.lead), *(drafts.best(draft) for draft in item.joined)])
    return [drafts.evidence.signals[row].id for row in rows]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a case stands: fields of :class:`~rarebit.core.result.Case` that are not made of its findings."""

    rank: int
    state: str
    notices: tuple[Notice, ...] = ()
    verdict: str | None = None
    changed: str = ""
    budget: float = 0.0


def case_of(
    item: Fused, records: Mapping[str, Record], standing: Standing, *, guides: Guides, context: Mapping[str, str]
) -> Case:
    """The case of a fused draft, of its records by id.

    ``guides`` gives tactics and techniques by job id, ``context`` what the inventory says of its entity.
    """
    drafts = item.drafts
    leading = leading_of(item)
    ids = [name for name in record_ids_of(item) if name in records]
    kind, host = drafts.evidence.names[drafts.entity[item.lead]]
    names = (drafts.evidence.names[drafts.entity[draft]] for draft in item.joined)
    joined = tuple(CaseEntity(type=what, id=name, name=name) for what, name in dict.fromkeys(names))
    parts = item.parts
    updated = max(int(drafts.last_us[draft]) for draft in (item.lead, *item.joined))
    return Case(
        id=item.id,
        **msgspec.structs.asdict(standing),
        score=score_now(item.expected),
        expected_per_week=item.expected,
        points=round(sum(part.points for part in parts), 2),
        entity=CaseEntity(type=kind, id=host, name=host),
        opened_at=iso(item.opened_us),
        updated_at=iso(updated),
        tactics=_tactics(item),
        techniques=_merged(guides.get(signal.job_id, ((), ()))[1] for signal in leading),
        sentence=_sentence(host, leading, joined, context),
        reasons=tuple(_reason(records[signal.id]) for signal in leading if signal.id in records)[:SHOWN],
        parts=parts,
        joined_parts=_joined_parts(item),
        joined=joined,
        timeline=_timeline([records[name] for name in ids], host),
        queries=queries_of(
            kind,
            [host, *(entity.id for entity in joined if entity.type == kind)],
            [records[signal.id] for signal in leading if signal.id in records][:SHOWN],
            (min(int(drafts.begin_us[draft]) for draft in (item.lead, *item.joined)), updated + HOUR_US),
        ),
        record_ids=tuple(ids),
        event_count=sum(records[name].event_count for name in ids),
        context=dict(context),
    )


def score_now(expected: float) -> float:
    """Score (0 to 100) of an expected number a week."""
    return round(float(np.asarray(score_of(np.array([expected]))).ravel()[0]), 2)


def _joined_parts(item: Fused) -> tuple[CasePart, ...]:
    names = (item.drafts.evidence.names[item.drafts.entity[draft]][1] for draft in item.joined)
    return tuple(
        msgspec.structs.replace(part, entity=name)
        for name, draft in zip(names, item.joined, strict=True)
        for part in own_parts(item.drafts, draft)
    )


def _tactics(item: Fused) -> tuple[str, ...]:
    evidence = item.drafts.evidence
    rows = [row for draft in (item.lead, *item.joined) for row, _ in chosen(item.drafts, draft)]
    places = sorted({int(evidence.tactic[row]) for row in rows})
    return tuple(name for name in map(tactic_name, places) if name)


def _sentence(host: str, leading: Sequence[Signal], joined: Sequence[CaseEntity], context: Mapping[str, str]) -> str:
    values = list(dict.fromkeys(signal.thing for signal in leading if signal.entity_id == host))
    listed = ", ".join(values[:_NAMED]) + (f" and {len(values) - _NAMED} more" if len(values) > _NAMED else "")
    if leading[0].entity_type == FLEET:
        return f"The whole fleet showed {listed}{_among(leading[0])}"
    role = f" ({context['role'].replace('_', ' ')})" if context.get("role") else ""
    things = "1 thing that is" if len(values) == 1 else f"{len(values)} things that are"
    others = ", ".join(entity.name for entity in joined[:_NAMED])
    more = f" and {len(joined) - _NAMED} more" if len(joined) > _NAMED else ""
    beside = f"; joined with {others}{more}" if joined else ""
    return f"{host}{role} showed {things} rare here: {listed}{beside}"


def _among(signal: Signal) -> str:
    """Whom the first events of the leading record name: where to begin, not who did most."""
    listed = "; ".join(
        f"{each.influencer_field_name} {', '.join(each.influencer_field_values[:_NAMED])}"
        + (f" and {beyond} more" if (beyond := len(each.influencer_field_values) - _NAMED) > 0 else "")
        for each in signal.influencers
        if each.influencer_field_values
    )
    return f"; among the first events: {listed}" if listed else ""


def _timeline(records: Sequence[Record], host: str) -> tuple[TimelineEntry, ...]:
    """Each thing once, when it was first seen; other entities are named."""
    entries: dict[tuple[str, str], TimelineEntry] = {}
    for record in sorted(records, key=lambda record: (record.time, record.id)):
        entry = _entry(record, "" if record.entity_id == host else f"{record.entity_id}: ")
        entries.setdefault((entry.time, entry.text), entry)
    return tuple(entries.values())


def _merged(parts: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for part in parts for name in part))


def _reason(record: Record) -> Reason:
    return Reason(
        sentence=record.explanation.sentence,
        id=record.id,
        kind="record",
        score=record.record_score,
        expected_per_week=record.expected_per_week,
        event_ids=record.event_ids,
    )


def _entry(record: Record, whom: str) -> TimelineEntry:
    tally, gauge, levels = record.explanation.tally, record.explanation.gauge, record.explanation.levels
    if record.explanation.rhythm is not None:
        text = hours_brief(record.explanation.rhythm)
    elif record.explanation.journey is not None:
        text = journey_brief(record.explanation.journey)
    elif record.explanation.beacon is not None:
        text = beacon_brief(record.explanation.beacon)
    elif gauge is not None:
        text = gauge_brief(gauge, record.field_name or "")
    elif tally is not None:
        text = f"{tally.actual * tally.unit:,} {tally.counted} ({tally.typical * tally.unit:.3g} usual)"
    elif levels:
        known = levels[0].level.replace("_", " ").replace("entity", levels[0].entity_field.partition(".")[0])
        text = f"{record.by_field_name} {record.by_field_value} ({known})"
    else:
        text = record.explanation.sentence
    first = next(iter(record.event_ids), "")
    return TimelineEntry(time=record.time, text=whom + text, event_id=first, record_id=record.id)
