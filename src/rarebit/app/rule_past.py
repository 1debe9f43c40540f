"""A rule over the past: what it would have told of, by the code that runs it."""

from __future__ import annotations

from collections import Counter

import msgspec

from rarebit.alert.grouping import alerts_from
from rarebit.alert.rules import alerts_of
from rarebit.app.home import Home
from rarebit.app.indicator_rules import indicator_alerts
from rarebit.app.jobs import get_job
from rarebit.app.memory import remember
from rarebit.app.progress import Progress, silent
from rarebit.app.rule_run import Span, blind_fields, collect, learning_end, prepare
from rarebit.core.result import Alert
from rarebit.core.rule import Rule
from rarebit.core.time import DAY_US, day_of, iso, parse_time


class PastDay(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule would have told of on one day."""

    day: str
    alerts: int
    ongoing: int
    """Of these, those whose group was told of the window before, too."""
    events: int
    """Events in them."""


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule would have told of."""

    rule_id: str
    start: str | None
    end: str | None
    """The time that was looked at."""
    events_held: int
    """Events that the lake holds, of all time."""
    alerts: tuple[Alert, ...]
    days: tuple[PastDay, ...]
    """Every day of the time, those without an alert too."""
    entities: tuple[tuple[str, int], ...]
    """Entities with most alerts."""
    blind: tuple[str, ...] = ()
    """Fields it needs that no event has."""
    learning_until: str = ""
    """New-terms rules: nothing is told before."""

    @property
    def a_day(self) -> float:
        """Alerts a day, over all days looked at."""
        return len(self.alerts) / max(len(self.days), 1)


_MOST_ENTITIES = 10


def rule_past(
    home: Home, rule: Rule, *, start_us: int | None = None, end_us: int | None = None, progress: Progress = silent
) -> Past:
    """Run a rule over what the lake holds, keeping nothing but what the first-seen memory learns.

    Windows that begin before ``start_us`` are looked at from there on, except those of thresholds, which are whole.
    """
    summary = home.lake.summary()
    first = start_us if start_us is not None else summary.first_us
    last = end_us if end_us is not None else (None if summary.last_us is None else summary.last_us + 1)
    learnt = 0
    if rule.kind == "anomaly":
        alerts = _of_records(home, rule, start_us, end_us)
    elif rule.kind == "indicator":
        alerts = indicator_alerts(home, rule, start_us=start_us, end_us=end_us)
    else:
        if rule.new_terms is not None:
            prepare(home, [rule])
            remember(home, progress=progress)
            learnt = learning_end(home, rule)
        span = Span(start_us=start_us, end_us=end_us)
        collected = collect(home, [rule], span, {rule.id: learnt}, progress=progress)
        alerts = sorted(alerts_from(collected, [rule], {}), key=lambda alert: (alert.timestamp, alert.id))
    blind = () if alerts else blind_fields(home, [rule]).get(rule.id, ())
    counted = Counter(alert.entity_id for alert in alerts if alert.entity_id)
    return Past(
        rule_id=rule.id,
        start=None if first is None else iso(first),
        end=None if last is None else iso(last),
        events_held=summary.events,
        alerts=tuple(alerts),
        days=_days(alerts, first, last),
        entities=tuple(sorted(counted.items(), key=lambda each: (-each[1], each[0]))[:_MOST_ENTITIES]),
        blind=blind,
        learning_until=iso(learnt) if learnt else "",
    )


def _of_records(home: Home, rule: Rule, start_us: int | None, end_us: int | None) -> list[Alert]:
    job = get_job(home, rule.job)
    records = home.store.list_records(
        job_id=job.job_id, min_score=rule.score, start_us=start_us, end_us=end_us, sort="time"
    )
    return alerts_of(job, records, from_score=rule.score)


def _days(alerts: list[Alert], first: int | None, last: int | None) -> tuple[PastDay, ...]:
    if first is None or last is None or last <= first:
        return ()
    by_day: dict[str, list[Alert]] = {day_of(at): [] for at in range(first - first % DAY_US, last, DAY_US)}
    for alert in alerts:
        by_day.setdefault(day_of(parse_time(alert.timestamp)), []).append(alert)
    return tuple(
        PastDay(
            day=day,
            alerts=len(own),
            ongoing=sum(alert.state == "ongoing" for alert in own),
            events=sum(alert.event_count or 1 for alert in own),
        )
        for day, own in sorted(by_day.items())
    )
