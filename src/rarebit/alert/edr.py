"""Events of sensors' alerts put together into alerts: sent again is one, and so are alike ones of an hour.

What the product gave an id is one alert, whatever states it was sent in. Sensors that give none, such as Suricata and
Wazuh, tell of each event: those of one rule, host, user, process and hash in one hour are one. Neither the cuts of
batches nor the order of files change which alerts there are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec
import pyarrow as pa

from rarebit.alert.grouping import EVENTS_SHOWN
from rarebit.core.edr import PREFIX, Rarity, SensorAlert, SensorState
from rarebit.core.errors import InputError
from rarebit.core.rate import rate
from rarebit.core.result import Alert
from rarebit.core.time import HOUR_US, iso, parse_time

WINDOW: Final = "1h"
STATES: Final = (
    "rarebit.alert.state", "crowdstrike.alert.status", "sentinel_one.threat.incident.status",
    "m365_defender.alert.status", "microsoft.defender_endpoint.status", "microsoft.defender_atp.status",
)  # fmt: skip
"""Fields in which products, or what ships their alerts, tell of the state."""
FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "product": ("event.module", "event.provider", "event.dataset"),
    "rule": ("rule.name",),
    "rule_id": ("rule.id",),
    "severity": ("rule.severity",),
    "number": ("event.severity",),
    "host": ("host.name",),
    "user": ("user.name",),
    "process": ("process.name", "file.name"),
    "sha256": ("process.hash.sha256", "file.hash.sha256"),
    "type": ("event.type",),
    "metadata": ("endgame.metadata.type",),
    "alert_id": ("rarebit.alert.id",),
    "state": STATES,
    "changed": ("rarebit.alert.changed", "event.ingested"),
    "tactics": ("threat.tactic.name",),
    "techniques": ("threat.technique.id",),
}
"""Columns that :func:`alerts_of_events` needs beside ``time`` (µs) and ``event`` (the id), and where each is found."""

_ELASTIC: Final = ((74, "critical"), (48, "high"), (22, "medium"), (1, "low"))
"""Elastic's risk numbers: 21, 47, 73 and 99 are the highest of each word."""
_LONGEST: Final = 200
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def key_sql(texts: Mapping[str, str], time: str) -> str:
    """SQL for the id of the alert of an event.

    Parameters
    ----------
    texts : mapping
        SQL for the text of each of :data:`FIELDS`.
    time : str
        SQL for the time in µs.
    """
    own = ", ".join(f"coalesce({texts[name]}, '')" for name in ("host", "user", "process", "sha256"))
    alike = f"concat_ws(chr(31), '', {own}, CAST({time} // {HOUR_US} AS VARCHAR))"
    parts = f"coalesce({texts['product']}, ''), coalesce({texts['rule']}, ''), coalesce({texts['alert_id']}, {alike})"
    return f"substr(md5(concat_ws(chr(31), {parts})), 1, 20)"


def alerts_of_events(table: pa.Table) -> Iterator[Alert]:
    """Alerts of events, one for each ``key``, not yet ranked.

    Parameters
    ----------
    table : Table
        ``key``, ``time`` (int64), ``event`` and the columns of :data:`FIELDS`, in order of time.
    """
    names = [name for name in table.column_names if name not in ("key", "time")]
    wanted = [("time", "min"), ("time", "max"), ("time", "count"), *((name, "first") for name in names)]
    wanted += [(name, "list") for name in ("event", "time", "state", "changed")]
    grouped = table.group_by("key", use_threads=False).aggregate(wanted)
    for batch in grouped.to_batches(max_chunksize=4096):
        yield from map(_alert, batch.to_pylist())


def _alert(row: dict[str, Any]) -> Alert:
    text: Callable[[str], str] = lambda name: str(row[f"{name}_first"] or "")  # noqa: E731
    product, rule = text("product") or "unknown", text("rule") or "unnamed rule"
    told = SensorAlert(
        product=product,
        alert_id=text("alert_id"),
        severity=text("severity") or _severity(product, row["number_first"]),
        prevented=_prevented(text("type"), text("metadata")),
        host=text("host"),
        user=text("user"),
        process=text("process"),
        sha256=text("sha256").lower(),
        states=_states(zip(row["time_list"], row["state_list"], row["changed_list"], strict=True)),
    )
    kind, entity = ("host", told.host) if told.host else ("user", told.user) if told.user else ("", "")
    made = Alert(
        id=row["key"],
        rule_id=(PREFIX + product + ":" + (text("rule_id") or rule))[:_LONGEST],
        record_id="",
        timestamp=iso(row["time_min"]),
        score=0.0,
        expected_per_week=None,
        entity_type=kind,
        entity_id=entity,
        sentence="",
        tactics=_listed(text("tactics")),
        techniques=_listed(text("techniques")),
        event_ids=tuple(dict.fromkeys(row["event_list"]))[:EVENTS_SHOWN],
        rule_name=rule,
        severity=told.severity,
        event_count=row["time_count"],
        last=iso(row["time_max"]),
        window="" if told.alert_id else WINDOW,
        edr=told,
    )
    return msgspec.structs.replace(made, sentence=sentence(made))


def _severity(product: str, number: str | None) -> str:
    if product not in ("endpoint", "endgame") or not number or not number.isdigit():
        return ""
    return next((word for least, word in _ELASTIC if int(number) >= least), "informational")


def _prevented(types: str, metadata: str) -> bool | None:
    words = types.split(",")
    if "denied" in words or metadata == "prevention":
        return True
    return False if "allowed" in words or metadata == "detection" else None


def _states(rows: Iterator[tuple[int, str | None, str | None]]) -> tuple[SensorState, ...]:
    return _in_order(SensorState(time=_when(changed, time), state=state) for time, state, changed in rows if state)


def _when(changed: str | None, time_us: int) -> str:
    """When a state began: as the product says, if that is a date at all, else the time of the alert."""
    try:
        return iso(parse_time(changed)) if changed and _DATE.match(changed) else iso(time_us)
    except InputError:
        return iso(time_us)


def _in_order(states: Iterator[SensorState]) -> tuple[SensorState, ...]:
    """States by time, each as long as it stayed the same only once."""
    kept: list[SensorState] = []
    for each in sorted(states, key=lambda each: (each.time, each.state)):
        if not kept or kept[-1].state != each.state:
            kept.append(each)
    return tuple(kept)


def _listed(text: str) -> tuple[str, ...]:
    """Texts of a JSON list, or of one text."""
    if not text.startswith("["):
        return (text,) if text else ()
    try:
        found = json.loads(text)
    except ValueError:
        return ()
    return tuple(dict.fromkeys(each for each in found if isinstance(each, str)))


def merged(before: Alert, new: Alert) -> Alert:
    """An alert that was told of before, with what has come since; which came first does not matter."""
    if before.edr is None or new.edr is None:
        return new
    early, late = sorted((before, new), key=lambda alert: (parse_time(alert.timestamp), alert.event_ids))
    ids = tuple(dict.fromkeys((*early.event_ids, *late.event_ids)))[:EVENTS_SHOWN]
    states = _in_order(iter((*before.edr.states, *new.edr.states)))
    found = msgspec.structs.replace(
        early,
        event_ids=ids,
        event_count=before.event_count + new.event_count,
        last=max(before.last, new.last, key=parse_time),
        state="grown",
        edr=msgspec.structs.replace(early.edr, states=states, rarity=before.edr.rarity),  # type: ignore[type-var]
        score=before.score,
        expected_per_week=before.expected_per_week,
    )
    return msgspec.structs.replace(found, sentence=sentence(found))


def ranked(alert: Alert, rarity: Rarity, expected: float, score: float) -> Alert:
    """The alert with its place among those of the site."""
    if alert.edr is None:
        return alert
    told = msgspec.structs.replace(alert.edr, rarity=rarity)
    found = msgspec.structs.replace(alert, edr=told, expected_per_week=expected, score=score)
    return msgspec.structs.replace(found, sentence=sentence(found))


def sentence(alert: Alert) -> str:
    """What an alert of a sensor says: the rule, where, what became of it, and how usual it is here."""
    told = alert.edr
    if told is None:
        return alert.sentence
    about = " ".join(part for part in (told.process and f"({told.process})", told.user and f"by {told.user}") if part)
    where = f" on {told.host}" if told.host else ""
    said = f"{told.product}: {alert.rule_name}{where}" + (f" {about}" if about else "")
    said += {True: ", prevented", False: ", not prevented", None: ""}[told.prevented]
    if alert.event_count > 1:
        said += f", sent {alert.event_count:,} times" if told.alert_id else f", {alert.event_count:,} within {WINDOW}"
    if told.states:
        said += f", {' → '.join(state.state for state in told.states)}"
    return said + (f"; {_rarity(told.rarity, alert)}" if told.rarity else "")


def _rarity(found: Rarity, alert: Alert) -> str:
    if not found.hosts:
        return "no alerts before it to compare with"
    days = f"in the {found.hours / 24:.0f} days before" if found.hours > 36 else f"in the {found.hours:.0f} h before"  # noqa: PLR2004
    here = "once here" if found.on_host == 1 else f"{found.on_host:,} times here" if found.on_host else "never here"
    text = f"this rule {here} and on {found.hosts_with:,} of {found.hosts:,} hosts with alerts {days}"
    if alert.event_count > 1 and alert.window and found.on_fleet:
        text += f", as many {found.as_many:,} of {found.on_fleet:,} times"
    return text + f"; alerts as rare: {rate(alert.expected_per_week or 0.0)}"
