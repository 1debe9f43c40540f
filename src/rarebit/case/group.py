"""A first grouping: the records of one host that lie close in time are one case.

What is about no host, user or address, but a number of the fleet as a whole, is a case of the fleet.

Evidence of a case is the sum over distinct behaviours of the log-likelihood ratio of its records (alternative
Beta(a, 1), floored at 0, capped), each further one counting less: many sights of one installation must not outweigh
one strong finding. The expected number of cases a week at least as strong comes from the site's own history of
host-days, by the same tail fit that records use.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from rarebit.core.result import Case, CaseEntity, Reason, Record, TimelineEntry
from rarebit.core.time import DAY_US, iso, parse_time
from rarebit.detect.metric_sentence import gauge_brief
from rarebit.maths.tail import score_of
from rarebit.model.calibrate import TailCalibrator

GAP_US: Final = DAY_US
"""A silence this long between records ends a case."""
LONGEST_US: Final = 7 * DAY_US
SHAPE: Final = 0.3
"""``a`` of the Beta(a, 1) alternative."""
CAP: Final = 8.0
RECORDS_FROM: Final = 100.0
"""Records expected more often than this a week are no evidence."""
FLEET: Final = "fleet"
"""Entity type of a case that is about no host, user or address."""
_SHOWN: Final = 8
_FIELDS: Final = {"user": "user.name", "source address": "source.ip"}
"""Field of an entity that is no host."""


class Draft:
    """Records of one host in one stretch of time, and the id of the case they were told of under, if any."""

    def __init__(self, host: str, records: list[Record], known_as: str = "") -> None:
        self.host = host
        self._known_as = known_as
        self.records = sorted(records, key=lambda record: (record.time, record.id))
        self.evidence, self.leading = _evidence(self.records)
        self.opened_us = parse_time(self.records[0].time)
        self.updated_us = parse_time(self.records[-1].time)

    @property
    def id(self) -> str:
        """The same stretch has the same id, however often it is looked at."""
        if self._known_as:
            return self._known_as
        text = f"{self.host}|{self.records[0].id}"
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def drafts_of(records: Iterable[Record], told: Mapping[str, str] | None = None) -> list[Draft]:
    """Stretches of records by host; records of learning time and those taken in by rollouts are left out.

    Parameters
    ----------
    records : iterable of Record
        In any order.
    told : mapping, optional
        Record id to the id of the case it was told of under: it stays there, and new ones near it join it.
    """
    by_entity: dict[tuple[bool, str], list[Record]] = {}
    for record in records:
        if record.entity_id and not record.learning and not record.rollout and record.expected_per_week <= RECORDS_FROM:
            by_entity.setdefault((record.entity_type == FLEET, record.entity_id), []).append(record)
    return [
        Draft(entity, part, case_id)
        for (_, entity), found in sorted(by_entity.items())
        for part, case_id in _stretches(found, told or {})
    ]


def _stretches(records: list[Record], told: Mapping[str, str]) -> Iterable[tuple[list[Record], str]]:
    part: list[Record] = []
    begin = last = 0
    case_id = ""
    for record in sorted(records, key=lambda item: (item.time, item.id)):
        at, own = parse_time(record.time), told.get(record.id, "")
        far = at - last > GAP_US or at - begin > LONGEST_US
        if part and (own != case_id if own and case_id else far):
            yield part, case_id
            part, case_id = [], ""
        if not part:
            begin = at
        part.append(record)
        last, case_id = at, case_id or own
    if part:
        yield part, case_id


def _evidence(records: Sequence[Record]) -> tuple[float, list[Record]]:
    best: dict[str, Record] = {}
    for record in records:
        key = _thing(record).lower()
        if key not in best or record.expected_per_week < best[key].expected_per_week:
            best[key] = record
    leading = sorted(best.values(), key=lambda record: (record.expected_per_week, record.time, record.id))
    p = np.clip(np.array([record.expected_per_week for record in leading]) / RECORDS_FROM, 1e-12, 1.0)
    terms = np.clip(np.log(SHAPE) - (1.0 - SHAPE) * np.log(p), 0.0, CAP)
    telling = leading[: max(1, int(np.count_nonzero(terms > 0.0)))]
    return float(np.sum(np.sort(terms)[::-1] / np.arange(1, terms.size + 1))), telling


def rank(drafts: Sequence[Draft]) -> list[tuple[Draft, float]]:
    """Drafts with their expected number a week, the most surprising first."""
    if not drafts:
        return []
    ordered = sorted(drafts, key=lambda draft: (draft.opened_us, draft.id))
    tail = TailCalibrator(cold_days=1.0)
    p = np.exp(-np.array([draft.evidence for draft in ordered]))
    tail.learn(p, np.array([draft.opened_us for draft in ordered], np.int64))
    expected = tail.final(p)
    pairs = zip(ordered, expected.tolist(), strict=True)
    return sorted(pairs, key=lambda pair: (pair[1], -pair[0].evidence, pair[0].opened_us, pair[0].id))


def within_budget(ranked: Sequence[tuple[Draft, float]], per_day: float) -> list[bool]:
    """Which of the ranked drafts are opened, the most surprising first.

    In every week (of UTC days since 1970) at most ``7 · per_day`` are, on one day at most three times ``per_day``:
    a quiet day leaves room for a loud one. Parts of a case are cut off, but one always has room. None is opened that
    is expected more often than the budget.
    """
    a_week, a_day = (max(1, math.floor(factor * per_day + 1e-9)) for factor in (7.0, 3.0))
    weeks: dict[int, int] = {}
    days: dict[int, int] = {}
    chosen = []
    for draft, expected in ranked:
        day = draft.opened_us // DAY_US
        room = weeks.get(day // 7, 0) < a_week and days.get(day, 0) < a_day
        open_it = room and expected <= 7.0 * per_day
        weeks[day // 7] = weeks.get(day // 7, 0) + open_it
        days[day] = days.get(day, 0) + open_it
        chosen.append(open_it)
    return chosen


def case_of(
    draft: Draft,
    *,
    rank: int,
    expected: float,
    opened: bool,
    attack: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]],
    context: Mapping[str, str],
) -> Case:
    """The case of a draft; ``attack`` gives tactics and techniques by job id."""
    leading = draft.leading
    jobs = [attack.get(record.job_id, ((), ())) for record in leading]
    return Case(
        id=draft.id,
        rank=rank,
        score=round(float(np.asarray(score_of(np.array([expected]))).ravel()[0]), 2),
        expected_per_week=expected,
        state="open" if opened else "below",
        entity=CaseEntity(type=draft.records[0].entity_type or "host", id=draft.host, name=draft.host),
        opened_at=iso(draft.opened_us),
        updated_at=iso(draft.updated_us),
        tactics=_merged(tactics for tactics, _ in jobs),
        techniques=_merged(techniques for _, techniques in jobs),
        sentence=_sentence(draft, context),
        reasons=tuple(_reason(record) for record in leading[:_SHOWN]),
        timeline=tuple({(entry.time, entry.text): entry for entry in map(_entry, reversed(draft.records))}.values())[
            ::-1
        ],
        queries=_queries(draft),
        record_ids=tuple(record.id for record in draft.records),
        event_count=sum(record.event_count for record in draft.records),
        context=dict(context),
    )


def _merged(parts: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for part in parts for name in part))


def _thing(record: Record) -> str:
    """What a record is about besides its entity: a value, or a number of events."""
    tally, gauge = record.explanation.tally, record.explanation.gauge
    if gauge is not None:
        what = f"a {gauge.side} {gauge.measured}"
    elif tally is not None:
        what = f"{'few' if tally.side == 'low' else 'many'} {tally.counted}"
    else:
        return record.by_field_value or record.id
    return what + (f" with {record.by_field_value}" if record.by_field_value else "")


def _sentence(draft: Draft, context: Mapping[str, str]) -> str:
    values = list(dict.fromkeys(_thing(record) for record in draft.leading))
    listed = ", ".join(values[:3]) + (f" and {len(values) - 3} more" if len(values) > 3 else "")  # noqa: PLR2004
    if draft.records[0].entity_type == FLEET:
        return f"The whole fleet showed {listed}{_among(draft)}"
    role = f" ({context['role'].replace('_', ' ')})" if context.get("role") else ""
    things = "1 thing that is" if len(values) == 1 else f"{len(values)} things that are"
    return f"{draft.host}{role} showed {things} rare here: {listed}"


def _among(draft: Draft) -> str:
    """Whom the first events of the leading record name: where to begin, not who did most."""
    named = [each for each in draft.leading[0].influencers if each.influencer_field_values]
    listed = "; ".join(
        f"{each.influencer_field_name} {', '.join(each.influencer_field_values[:3])}"
        + (f" and {len(each.influencer_field_values) - 3} more" if len(each.influencer_field_values) > 3 else "")  # noqa: PLR2004
        for each in named
    )
    return f"; among the first events: {listed}" if listed else ""


def _reason(record: Record) -> Reason:
    return Reason(
        sentence=record.explanation.sentence,
        id=record.id,
        kind="record",
        score=record.record_score,
        expected_per_week=record.expected_per_week,
        event_ids=record.event_ids,
    )


def _entry(record: Record) -> TimelineEntry:
    tally, gauge = record.explanation.tally, record.explanation.gauge
    if gauge is not None:
        text = gauge_brief(gauge, record.field_name or "")
    elif tally is not None:
        text = f"{tally.actual:,} {tally.counted} ({tally.typical:.3g} usual)"
    else:
        level = record.explanation.levels[0]
        known = level.level.replace("_", " ").replace("entity", level.entity_field.partition(".")[0])
        text = f"{record.by_field_name} {record.by_field_value} ({known})"
    return TimelineEntry(time=record.time, text=text, event_id=record.event_ids[0], record_id=record.id)


def _queries(draft: Draft) -> dict[str, str]:
    """Queries that bring up the events of the case elsewhere."""
    host, start, end = draft.host, iso(draft.opened_us), iso(draft.updated_us + 3_600_000_000)
    pairs = list(dict.fromkeys(pair for record in draft.leading[:_SHOWN] for pair in _pairs(record)))
    kql = " or ".join(f"{name}: {_quoted(value)}" for name, value in pairs)
    esql = " OR ".join(f"{name} == {_quoted(value)}" for name, value in pairs)
    spl = " OR ".join(f"'{name}'={_quoted(value)}" for name, value in pairs)
    sql = " OR ".join(f'"{name}" = {_sql(value)}' for name, value in pairs)
    lead = draft.records[0]
    if lead.entity_type == FLEET:
        return _fleet_queries(kql, esql, spl, sql, start, end)
    own = lead.explanation.tally.entity_field if lead.explanation.tally else ""
    whom = own or _FIELDS.get(lead.entity_type, "host.name")
    return {
        "kql": f'{whom}: {_quoted(host)} and @timestamp >= "{start}" and @timestamp < "{end}" and ({kql})',
        "esql": f'FROM logs-* | WHERE {whom} == {_quoted(host)} AND @timestamp >= "{start}" '
        f'AND @timestamp < "{end}" AND ({esql}) | SORT @timestamp',
        "spl": f"search index=* {whom}={_quoted(host)} earliest={_quoted(start)} latest={_quoted(end)} ({spl})"
        " | sort _time",
        "sql": f'SELECT * FROM events WHERE "{whom}" = {_sql(host)} AND "@timestamp" >= TIMESTAMPTZ \'{start}\' '
        f'AND "@timestamp" < TIMESTAMPTZ \'{end}\' AND ({sql}) ORDER BY "@timestamp"',
    }


def _fleet_queries(kql: str, esql: str, spl: str, sql: str, start: str, end: str) -> dict[str, str]:
    """The same of no host: the time, and the values that the records name, if any."""
    return {
        "kql": f'@timestamp >= "{start}" and @timestamp < "{end}"' + (f" and ({kql})" if kql else ""),
        "esql": f'FROM logs-* | WHERE @timestamp >= "{start}" AND @timestamp < "{end}"'
        + (f" AND ({esql})" if esql else "")
        + " | SORT @timestamp",
        "spl": f"search index=* earliest={_quoted(start)} latest={_quoted(end)}"
        + (f" ({spl})" if spl else "")
        + " | sort _time",
        "sql": f"SELECT * FROM events WHERE \"@timestamp\" >= TIMESTAMPTZ '{start}' "
        f"AND \"@timestamp\" < TIMESTAMPTZ '{end}'" + (f" AND ({sql})" if sql else "") + ' ORDER BY "@timestamp"',
    }


def _pairs(record: Record) -> list[tuple[str, str]]:
    """Fields and values that bring up the record's events; those of a count or metric are all that its series has."""
    of_series = record.explanation.tally or record.explanation.gauge
    named = (
        (record.by_field_name, record.by_field_value),
        (record.partition_field_name, record.partition_field_value) if of_series else (None, None),
    )
    found = [(name, value) for name, value in named if name and value]
    if record.entity_type == FLEET:
        return found
    return found[:1] or [("host.name", record.entity_id)]


def _quoted(value: str | None) -> str:
    text = (value or "").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _sql(value: str | None) -> str:
    return "'" + (value or "").replace("'", "''") + "'"
