"""Rules of kind ``indicator``: which matches with indicators are told of, alone or beside what else an entity did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rarebit.alert.grouping import alert_id
from rarebit.app.home import Home
from rarebit.core.indicator import Match
from rarebit.core.names import host_key
from rarebit.core.result import Alert, Record
from rarebit.core.rule import Rule
from rarebit.core.time import DAY_US, iso, parse_span, parse_time

_PER_CENT = 100.0
Moments = Mapping[str, Sequence[tuple[int, str]]]
"""By entity: time and id of its records."""


def indicator_alerts(home: Home, rule: Rule, *, start_us: int | None = None, end_us: int | None = None) -> list[Alert]:
    """What a rule tells of matches whose last event lies in a span of time, by time.

    One match (an indicator, a field, an entity, a day) is one alert, whose id depends on nothing else.
    """
    asked = rule.indicator
    assert asked is not None  # noqa: S101 checked when the rule was read
    near_us = parse_span(asked.near)
    found = [match for match in home.store.matches.list(start_us=start_us) if _meets(rule, match)]
    if end_us is not None:
        found = [match for match in found if parse_time(match.last) < end_us]
    begin = min((parse_time(match.first) for match in found), default=0) - near_us
    beside = _moments(home, rule, begin) if found and not asked.alone else {}
    told = [(match, company) for match in found if (company := _company(rule, match, beside, near_us)) is not None]
    days = {_thing(match): match for match, _ in told}
    made = [_alert(rule, match, company, ongoing=_day_before(match) in days) for match, company in told]
    return sorted(made, key=lambda alert: (alert.timestamp, alert.id))


def _meets(rule: Rule, match: Match) -> bool:
    asked = rule.indicator
    assert asked is not None  # noqa: S101 checked when the rule was read
    return (
        match.outcome in asked.outcomes
        and match.confidence >= asked.confidence
        and (not asked.kinds or match.kind in asked.kinds)
        and (not asked.sources or not set(asked.sources).isdisjoint(match.sources))
    )


def _moments(home: Home, rule: Rule, start_us: int) -> Moments:
    """Records of every entity that can stand beside a match: neither learning nor of a rollout, and odd enough."""
    records: Iterable[Record] = home.store.list_records(min_score=rule.score, start_us=start_us)
    found: dict[str, list[tuple[int, str]]] = {}
    for record in records:
        if not record.learning and not record.rollout:
            found.setdefault(_name(record.entity_id), []).append((parse_time(record.time), record.id))
    return found


def _company(rule: Rule, match: Match, beside: Moments, near_us: int) -> int | None:
    """How many records of the entity stand beside a match; None where it is not to be told of."""
    asked = rule.indicator
    assert asked is not None  # noqa: S101 checked when the rule was read
    first, last = parse_time(match.first) - near_us, parse_time(match.last) + near_us
    held = sum(first <= at <= last for at, _ in beside.get(_name(match.entity_id), ()))
    return held if held or asked.alone or match.alert else None


def _name(entity: str) -> str:
    return host_key(entity)


def _thing(match: Match) -> tuple[str, ...]:
    return match.kind, match.value, match.field, match.entity_id, match.day


def _day_before(match: Match) -> tuple[str, ...]:
    day = iso(parse_time(match.day) - DAY_US)[:10]
    return match.kind, match.value, match.field, match.entity_id, day


def _alert(rule: Rule, match: Match, company: int, *, ongoing: bool) -> Alert:
    events = {"hit": match.hits, "inbound": match.inbound, "attempt": match.attempts}[match.outcome]
    return Alert(
        id=alert_id(rule, (match.id,), 0),
        rule_id=rule.id,
        record_id="",
        timestamp=match.first,
        score=round(rule.alert_score * match.confidence / _PER_CENT, 2),
        expected_per_week=None,
        entity_type=match.entity_type,
        entity_id=match.entity_id,
        sentence=sentence(rule, match, events, company),
        tactics=rule.guide.tactics,
        techniques=rule.guide.techniques,
        event_ids=match.event_ids,
        rule_name=rule.name,
        severity=rule.severity,
        state="ongoing" if ongoing else "new",
        group={match.field: match.seen, "threat.indicator.name": match.value},
        event_count=events,
        last=match.last,
        window="1d",
    )


def sentence(rule: Rule, match: Match, events: int, company: int) -> str:
    """``Known bad: destination.ip 198.51.100.7 in 3 events on ws01, by list l (confidence 50); beside 2 records``."""
    what = {"hit": "events", "inbound": "events from outside", "attempt": "refused or failed events"}[match.outcome]
    below = f" ({match.kind} {match.value})" if match.seen != match.value else ""
    labels = f": {', '.join(match.labels[:3])}" if match.labels else ""
    lists = f"by {'list' if len(match.sources) == 1 else 'lists'} {', '.join(match.sources)}{labels}"
    beside = f"; beside {company:,} record{'' if company == 1 else 's'} of it" if company else ""
    known = f"; well known by {', '.join(match.known)}" if match.known else ""
    return (
        f"{rule.name}: {match.field} {match.seen}{below} in {events:,} {what} on {match.entity_id}, {lists} "
        f"(confidence {match.confidence:.0f}){known}{beside}"
    )
