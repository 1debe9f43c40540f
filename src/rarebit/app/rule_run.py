"""Running rules: one scan of new events for all of them, alerts and positions committed together."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa

from rarebit.alert.condition import OVER_EVENTS
from rarebit.alert.grouping import HOST, USER, Collected, alert_id, alerts_from, hits_of
from rarebit.alert.recount import reached_sql, recount_sql, recounted
from rarebit.alert.rules import alerts_of
from rarebit.app.home import Home
from rarebit.app.indicator_rules import indicator_alerts
from rarebit.app.jobs import get_job
from rarebit.app.progress import Progress, silent
from rarebit.app.rules import condition_of, list_rules
from rarebit.app.sight import present
from rarebit.core.fields import ID, ID_CODE, TIME
from rarebit.core.result import Alert
from rarebit.core.rule import Rule
from rarebit.core.time import DAY_US, parse_span
from rarebit.lake.traits import trait_of
from rarebit.query import literal
from rarebit.query.columns import text_sql
from rarebit.query.sql import to_sql
from rarebit.query.tree import fields_of

MOST_ALERTS = 1_000
"""Alerts of one rule kept of one run, the earliest; the others are counted."""
_ANOMALY_US = 28 * DAY_US


class RuleOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule did in a run."""

    rule_id: str
    name: str
    state: str
    events: int
    """Events it hit; of thresholds those of the groups that reached it."""
    alerts: int
    """Told of for the first time; of shadow rules, what would have been."""
    grown: int
    """Told of before, and there are more events now."""
    ongoing: int
    """Of the alerts, those whose group was told of the window before, too."""
    beyond: int = 0
    """Alerts beyond the most of one run, which are not kept."""
    blind: tuple[str, ...] = ()
    """Fields it needs that no event has."""
    waiting: str = ""
    """Why it could not be run."""


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Which events to look at."""

    since_version: int | None = None
    until_version: int | None = None
    start_us: int | None = None
    end_us: int | None = None


def position_id(rule: Rule) -> str:
    """Under which name the position of a rule is kept."""
    return f"alert-rule:{rule.id}"


def prepare(home: Home, rules: Sequence[Rule] | None = None) -> None:
    """Have the first-seen memory remember what new-terms rules ask of it; the next update takes it in."""
    wanted = [rule for rule in (list_rules(home) if rules is None else rules) if rule.state != "off" or rules]
    known = {trait.fields for trait in home.first_seen.traits}
    for rule in wanted:
        if rule.new_terms is not None and trait_of(rule.new_terms.fields)[0].fields not in known:
            home.first_seen.remember(rule.new_terms.fields)


def run_rules(home: Home, version: int, *, remembered: bool, progress: Progress = silent) -> tuple[RuleOutcome, ...]:
    """Run every rule that is not off over the events that it has not seen.

    Where the first-seen memory was not brought up to date (``remembered``), new-terms rules wait.

    Returns
    -------
    tuple of RuleOutcome
        By rule.
    """
    rules = [rule for rule in list_rules(home) if rule.state != "off"]
    if not rules or version < 0:
        return ()
    waits = [rule for rule in rules if rule.kind == "new_terms" and not remembered]
    over_events = [rule for rule in rules if rule.kind in OVER_EVENTS and rule not in waits]
    places: dict[int | None, list[Rule]] = {}
    for rule in over_events:
        position = home.store.get_position(position_id(rule))
        places.setdefault(position.lake_version if position else None, []).append(rule)
    outcomes = [_of_records(home, rule) for rule in rules if rule.kind == "anomaly"]
    outcomes += [_of_matches(home, rule) for rule in rules if rule.kind == "indicator"]
    outcomes += [
        msgspec.structs.replace(_nothing(rule), waiting="the first-seen memory was left out") for rule in waits
    ]
    for since, together in sorted(places.items(), key=lambda place: -1 if place[0] is None else place[0]):
        if since is not None and since >= version:
            outcomes += [_nothing(rule) for rule in together]
            continue
        learnt = {rule.id: learning_end(home, rule) for rule in together}
        span = Span(since_version=since, until_version=version)
        collected = collect(home, together, span, learnt, progress=progress)
        blind = blind_fields(home, [r for r in together if not collected.of(r)]) if since is None else {}
        with home.store.transaction():
            for rule in together:
                outcomes.append(_keep(home, rule, collected, blind.get(rule.id, ())))
                home.store.put_position(position_id(rule), version, learnt[rule.id], "")
    return tuple(sorted(outcomes, key=lambda outcome: outcome.rule_id))


def learning_end(home: Home, rule: Rule) -> int:
    """Until when nothing of a new-terms rule is told; once set it only moves back."""
    if rule.new_terms is None:
        return 0
    position = home.store.get_position(position_id(rule))
    end = (home.lake.summary().first_us or 0) + parse_span(rule.new_terms.learn)
    return end if position is None else min(end, position.watermark_us)


def blind_fields(home: Home, rules: Sequence[Rule]) -> dict[str, tuple[str, ...]]:
    """Fields that each rule needs and that no event has, of the rules that miss any."""
    needed = {
        rule.id: sorted(fields_of(condition_of(home, rule)) - {TIME}) for rule in rules if rule.kind in OVER_EVENTS
    }
    there = present(home, sorted({name for names in needed.values() for name in names}))
    missing = {rule_id: tuple(name for name in names if not there[name]) for rule_id, names in needed.items()}
    return {rule_id: names for rule_id, names in missing.items() if names}


def collect(
    home: Home, rules: Sequence[Rule], span: Span, learnt: dict[str, int], *, progress: Progress = silent
) -> Collected:
    """What rules hit among events, in one scan."""
    conditions = [to_sql(condition_of(home, rule)) for rule in rules]
    fields = sorted({HOST, USER, *(name for rule in rules for name in rule.group_fields)})
    columns = {"time": f"epoch_us({literal.identifier(TIME)})", "code": literal.identifier(ID_CODE)}
    columns |= {"event": literal.identifier(ID), **{f"field:{name}": text_sql(name) for name in fields}}
    columns |= {f"rule:{at}": text for at, text in enumerate(conditions)}
    where = " OR ".join(f"({text})" for text in dict.fromkeys(conditions))
    collected, touched = Collected(), {rule.id: set[int]() for rule in rules if rule.kind == "threshold"}
    summary = home.lake.summary()
    first, last = summary.first_us or 0, summary.last_us or 0
    for table in home.lake.scan(columns=columns, where=where, **msgspec.structs.asdict(span)):
        times = table.column("time").to_numpy()
        for at, rule in enumerate(rules):
            rows = np.flatnonzero(table.column(f"rule:{at}").to_numpy())
            if rule.kind == "threshold":
                touched[rule.id].update(np.unique(times[rows] // parse_span(rule.suppress.window)).tolist())
            elif rows.size:
                own = table.take(pa.array(rows))
                collected.add(hits_of(rule, _new(home, rule, own, learnt[rule.id])))
        if table.num_rows:
            progress("alerting", int(times[-1]) - first, last - first)
    for at, rule in enumerate(rules):
        if touched.get(rule.id):
            asked = home.lake.sql(reached_sql(rule, conditions[at], sorted(touched[rule.id])))
            if reached := asked.column("w").to_pylist():
                collected.add(recounted(rule, home.lake.sql(recount_sql(rule, conditions[at], reached))))
    return collected


def _new(home: Home, rule: Rule, table: pa.Table, learnt_us: int) -> pa.Table:
    """Of a new-terms rule the events that show something new, else all."""
    if rule.new_terms is None:
        return table
    fields = rule.new_terms.fields
    rows = pa.table(
        {TIME: table.column("time").cast(pa.timestamp("us", tz="UTC"))}
        | {name: table.column(f"field:{name}") for name in fields}
    )
    days = -(-parse_span(rule.new_terms.history) // DAY_US) if rule.new_terms.history else None
    new = home.first_seen.new_since(fields, rows, history_days=days)
    return table.filter(pa.array(new & (table.column("time").to_numpy() >= learnt_us)))


def _keep(home: Home, rule: Rule, collected: Collected, blind: tuple[str, ...]) -> RuleOutcome:
    known = {alert.id: alert for alert in home.store.get_alerts(_asked(rule, collected))}
    made = sorted(alerts_from(collected, [rule], known), key=lambda alert: (alert.timestamp, alert.id))
    fresh = [alert for alert in made if alert.id not in known]
    grown = [alert for alert in made if alert.id in known and alert != known[alert.id]]
    kept = fresh[:MOST_ALERTS]
    if rule.state == "on":
        home.store.put_alerts([*kept, *grown])
    return RuleOutcome(
        rule_id=rule.id,
        name=rule.name,
        state=rule.state,
        events=sum(hits.count for hits in collected.of(rule)),
        alerts=len(kept),
        grown=len(grown),
        ongoing=sum(alert.state == "ongoing" for alert in kept),
        beyond=len(fresh) - len(kept),
        blind=blind,
    )


def _asked(rule: Rule, collected: Collected) -> list[str]:
    """Ids of the alerts that may have been told of: these, and those of the window before."""
    own = collected.of(rule)
    return sorted({*(hits.id for hits in own), *(alert_id(rule, hits.values, hits.window - 1) for hits in own)})


def _of_records(home: Home, rule: Rule) -> RuleOutcome:
    """Records of the last weeks at or above the rule's score; what was told of before stays and is not repeated."""
    job = get_job(home, rule.job)
    last = home.lake.summary().last_us or 0
    records = home.store.list_records(job_id=job.job_id, min_score=rule.score, start_us=last - _ANOMALY_US)
    made = [_renamed(rule, alert) for alert in alerts_of(job, records, from_score=rule.score)]
    known = {alert.id for alert in home.store.get_alerts([alert.id for alert in made])}
    if rule.state == "on":
        home.store.put_alerts(made)
    fresh = [alert for alert in made if alert.id not in known]
    return msgspec.structs.replace(_nothing(rule), events=len(made), alerts=len(fresh))


def _of_matches(home: Home, rule: Rule) -> RuleOutcome:
    """Matches of the last weeks that the rule tells of; what was told of before stays, and grows."""
    last = home.lake.summary().last_us or 0
    made = indicator_alerts(home, rule, start_us=last - _ANOMALY_US)
    known = {alert.id: alert for alert in home.store.get_alerts([alert.id for alert in made])}
    fresh = [alert for alert in made if alert.id not in known][:MOST_ALERTS]
    grown = [
        msgspec.structs.replace(alert, state="ongoing" if alert.state == "ongoing" else "grown")
        for alert in made
        if alert.id in known and alert.event_count > known[alert.id].event_count
    ]
    if rule.state == "on":
        home.store.put_alerts([*fresh, *grown])
    return msgspec.structs.replace(
        _nothing(rule),
        events=sum(alert.event_count for alert in made),
        alerts=len(fresh),
        grown=len(grown),
        ongoing=sum(alert.state == "ongoing" for alert in fresh),
    )


def _renamed(rule: Rule, alert: Alert) -> Alert:
    return msgspec.structs.replace(
        alert, id=alert_id(rule, (alert.record_id,), 0), rule_id=rule.id, rule_name=rule.name, severity=rule.severity
    )


def _nothing(rule: Rule) -> RuleOutcome:
    return RuleOutcome(rule_id=rule.id, name=rule.name, state=rule.state, events=0, alerts=0, grown=0, ongoing=0)
