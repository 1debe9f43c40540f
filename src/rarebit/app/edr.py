"""Alerts of sensors: gathered from new events, ranked by how seldom they are here, and told of."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
import pyarrow as pa

from rarebit.alert.edr import FIELDS, alerts_of_events, key_sql, merged, ranked
from rarebit.alert.edr_rank import rank
from rarebit.app.home import Home
from rarebit.app.progress import Progress, silent
from rarebit.core.edr import Rarity
from rarebit.core.fields import ID, TIME
from rarebit.core.time import DAY_US, HOUR_US, iso, parse_time
from rarebit.lake.traits import HOST, trait_of
from rarebit.maths.hashing import hash_text
from rarebit.maths.tail import score_of
from rarebit.query import literal
from rarebit.query.columns import text_sql

READER: Final = "rarebit:sensor-alerts"
"""Name under which the position of the gathering in the lake is kept."""
KEPT_US: Final = 42 * DAY_US
MOST: Final = 200_000
"""Alerts of sensors kept, the newest."""
ANEW_US: Final = 7 * DAY_US
"""Alerts of the last days are ranked anew when late ones come; older ones keep their rank."""
ON_HOSTS: Final = (
    "endgame", "endpoint", "crowdstrike", "m365_defender", "microsoft_defender_endpoint", "sentinel_one",
    "sentinel_one_cloud_funnel", "wazuh", "carbon_black_edr", "cb_defense",
)  # fmt: skip
"""Modules of sensors that run on the hosts they tell of: hearing of a host by one means that it is watched."""
_MODULE: Final = ("event.module",)


class EdrSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What sensors told of in a run."""

    alerts: int
    """Told of for the first time."""
    again: int
    """Told of before, sent again or in another state."""
    events: int
    kept: int
    """Of this run and earlier ones."""
    dropped: int
    """Older than six weeks, or beyond the most that are kept; their events stay in the lake."""
    hosts: int
    """Hosts that a sensor was ever heard of."""


class _Slim(msgspec.Struct, frozen=True):
    """What ranking reads of an alert."""

    id: str
    timestamp: str
    rule_id: str
    entity_id: str
    event_count: int
    edr: _SlimEdr


class _SlimEdr(msgspec.Struct, frozen=True):
    rarity: Rarity | None = None


class _Where(msgspec.Struct, frozen=True):
    """What the coverage reads of an alert."""

    timestamp: str
    last: str
    edr: _WhereEdr


class _WhereEdr(msgspec.Struct, frozen=True):
    product: str
    host: str


class Sensed(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a host is watched by a sensor."""

    host: str
    sensors: tuple[str, ...]
    first: str | None
    last: str | None
    """When a sensor was last heard of it; None if never."""


def gather(home: Home, version: int, *, progress: Progress = silent) -> EdrSummary | None:
    """Take in what sensors told of since the last run; None where none ever did.

    Alerts, their ranks and the position are kept together or not at all.
    """
    position = home.store.get_position(READER)
    since = position.lake_version if position else None
    if version < 0 or (since is not None and since >= version):
        return standing(home) if home.store.sensors.count() else None
    events = _events(home, since, version, progress)
    with home.store.transaction():
        new = list(alerts_of_events(events))
        known = {alert.id: alert for alert in home.store.get_alerts([alert.id for alert in new])}
        home.store.put_alerts([merged(known[alert.id], alert) if alert.id in known else alert for alert in new])
        last = home.lake.summary().last_us or 0
        _rank(home, {alert.id for alert in new})
        newest = max((parse_time(alert.last) for alert in new), default=0)
        watermark = max(position.watermark_us if position else 0, min(newest, last))
        dropped = home.store.sensors.drop(before_us=watermark - KEPT_US, most=MOST)
        home.store.put_position(READER, version, watermark, "")
    if not home.store.sensors.count():
        return None
    _remember_modules(home)
    found = standing(home)
    return msgspec.structs.replace(
        found, alerts=len(new) - len(known), again=len(known), events=events.num_rows, dropped=dropped
    )


def standing(home: Home) -> EdrSummary:
    """What is kept of sensors, of a run that brought nothing new."""
    hosts = sum(each.last is not None for each in coverage(home))
    return EdrSummary(alerts=0, again=0, events=0, kept=home.store.sensors.count(), dropped=0, hosts=hosts)


def _events(home: Home, since: int | None, version: int, progress: Progress) -> pa.Table:
    found = {name: f"coalesce({', '.join(map(text_sql, fields))})" for name, fields in FIELDS.items()}
    time = f"epoch_us({literal.identifier(TIME)})"
    columns = {"key": key_sql(found, time), "time": time, "event": literal.identifier(ID), **found}
    where = f"{literal.identifier('event.kind')} = 'alert'"
    tables = []
    for table in home.lake.scan(columns=columns, where=where, since_version=since, until_version=version):
        tables.append(table)
        progress("gathering alerts", len(tables), len(tables))
    empty = pa.table({name: pa.array([], pa.int64() if name == "time" else pa.string()) for name in columns})
    return pa.concat_tables(tables) if tables else empty


def _rank(home: Home, changed: set[str]) -> None:
    """Rank what has changed, and what late alerts of the days before it may have moved."""
    if not changed:
        return
    slim = home.store.sensors.between(_Slim, 0, 1 << 62)
    times = np.array([parse_time(each.timestamp) for each in slim], np.int64)
    fresh = np.array([each.id in changed or each.edr.rarity is None for each in slim])
    moved = times >= max(int(times[fresh].min()), int(times[-1]) - ANEW_US)
    rows = np.flatnonzero(fresh | moved).tolist()
    codes = [[hash_text(getattr(each, name).lower()) for each in slim] for name in ("rule_id", "entity_id")]
    found = rank(
        times // HOUR_US, np.array(codes[0], np.int64), np.array(codes[1], np.int64),
        np.array([each.event_count for each in slim], np.int64),
    )  # fmt: skip
    expected, scores = found.expected, np.asarray(score_of(found.expected))
    alerts = {alert.id: alert for alert in home.store.get_alerts([slim[at].id for at in rows])}
    home.store.put_alerts(
        [ranked(alerts[slim[at].id], found.rarity(at), float(expected[at]), round(float(scores[at]), 2)) for at in rows]
    )


def _remember_modules(home: Home) -> None:
    """Have the first-seen memory tell which host was heard of by which module."""
    if trait_of(_MODULE)[0].fields not in {trait.fields for trait in home.first_seen.traits}:
        home.first_seen.remember(_MODULE)


def coverage(home: Home) -> list[Sensed]:
    """Which hosts are watched: every host ever heard of, and by which sensors that run on hosts and send alerts here.

    A sensor that never sent an alert is left out: nobody knows whether its alerts would come here.
    """
    memory = home.first_seen
    told = [each for each in home.store.sensors.between(_Where, 0, 1 << 62) if each.edr.product in ON_HOSTS]
    names = memory.matching(HOST, "*") if memory.report().version >= 0 else []
    found: dict[str, list[tuple[str, int, int]]] = {name: [] for name in names}
    if _MODULE in {trait.fields for trait in memory.traits} and names:
        for module in sorted({each.edr.product for each in told}):
            table = memory.where(_MODULE[0], module)
            spans = (table.column(name).cast(pa.int64()).to_pylist() for name in ("first", "last"))
            for host, first, last in zip(table.column("host").to_pylist(), *spans, strict=True):
                if host:
                    found.setdefault(host, []).append((module, first, last))
    for each in told:
        if each.edr.host:
            span = (parse_time(each.timestamp), parse_time(each.last))
            found.setdefault(each.edr.host, []).append((each.edr.product, *span))
    return [_sensed(host, rows) for host, rows in sorted(found.items())]


def _sensed(host: str, rows: list[tuple[str, int, int]]) -> Sensed:
    return Sensed(
        host=host,
        sensors=tuple(sorted({name for name, _, _ in rows})),
        first=iso(min(first for _, first, _ in rows)) if rows else None,
        last=iso(max(last for _, _, last in rows)) if rows else None,
    )
