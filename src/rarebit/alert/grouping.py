"""Events that a rule has hit, put together into alerts.

An alert is a rule, the values its events share, and one window of time; its id is made of these. So neither the cuts
of batches, nor restarts, nor the order of files change which alerts there are or what they hold.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa

from rarebit.core.result import Alert
from rarebit.core.rule import Rule
from rarebit.core.time import iso, parse_span, parse_time

EVENTS_SHOWN: Final = 20
"""The most event ids that an alert carries, the earliest; ``event_count`` counts them all."""
HOST: Final = "host.name"
USER: Final = "user.name"
_LONGEST: Final = 120
"""Characters of a value in a sentence."""


@dataclass(slots=True)
class Hits:
    """Events of one rule, group and window."""

    rule: Rule
    values: tuple[str, ...]
    window: int
    """Number of the window since 1970."""
    count: int
    first_us: int
    last_us: int
    events: tuple[tuple[int, int, str], ...]
    """Time, code and id of the earliest."""
    host: str = ""
    user: str = ""
    """Of the earliest event."""

    @property
    def id(self) -> str:
        """Id of the alert."""
        return alert_id(self.rule, self.values, self.window)

    def add(self, other: Hits) -> None:
        """Take in others of the same alert; which come first does not matter."""
        lead = min(self, other, key=lambda hits: hits.events[0])
        self.host, self.user = lead.host, lead.user
        self.count += other.count
        self.first_us, self.last_us = min(self.first_us, other.first_us), max(self.last_us, other.last_us)
        self.events = tuple(sorted({*self.events, *other.events})[:EVENTS_SHOWN])
        if self.rule.kind == "new_terms":
            self.keep_first()

    def keep_first(self) -> None:
        """Leave only the earliest event: what was new is new once, however often it came."""
        self.events = self.events[:1]
        self.count, self.last_us = 1, self.first_us


@dataclass(slots=True)
class Collected:
    """Hits of many rules, by alert."""

    hits: dict[tuple[str, tuple[str, ...], int], Hits] = field(default_factory=dict)

    def add(self, new: Iterable[Hits]) -> None:
        """Take in hits in any order."""
        for each in new:
            key = (each.rule.id, each.values, each.window)
            if key in self.hits:
                self.hits[key].add(each)
            else:
                self.hits[key] = each

    def of(self, rule: Rule) -> list[Hits]:
        """Hits of one rule by time of their first event."""
        own = [hits for (name, _, _), hits in self.hits.items() if name == rule.id]
        return sorted(own, key=lambda hits: hits.events[0])


def alert_id(rule: Rule, values: tuple[str, ...], window: int) -> str:
    """Id of the alert of a group in a window; the same whoever looks, and whenever."""
    text = json.dumps([rule.id, list(rule.group_fields), rule.suppress.window, values, window])
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


def hits_of(rule: Rule, table: pa.Table) -> Iterator[Hits]:
    """Events of one rule by group and window.

    Parameters
    ----------
    rule : Rule
        The rule.
    table : Table
        Its events in order of time and id code: ``time`` (µs), ``code`` int64, ``event`` and, as strings, the fields
        it groups by, ``host.name`` and ``user.name``, named ``field:NAME``.
    """
    if table.num_rows == 0:
        return
    times = np.ascontiguousarray(table.column("time").to_numpy(), np.int64)
    windows = times // parse_span(rule.suppress.window)
    keys = [windows, *(_codes(table.column(f"field:{name}")) for name in rule.group_fields)]
    order = np.lexsort(keys[::-1])
    changed = np.zeros(order.size, np.bool_)
    changed[0] = True
    for key in keys:
        changed[1:] |= np.diff(key[order]) != 0
    starts = np.flatnonzero(changed)
    ends = np.append(starts[1:], order.size)
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        rows = order[start:end]
        shown = table.take(pa.array(rows[:EVENTS_SHOWN])).to_pylist()
        lead = shown[0]
        found = Hits(
            rule=rule,
            values=tuple(str(lead[f"field:{name}"] or "") for name in rule.group_fields),
            window=int(windows[rows[0]]),
            count=end - start,
            first_us=int(times[rows[0]]),
            last_us=int(times[rows[-1]]),
            events=tuple((int(row["time"]), int(row["code"]), str(row["event"])) for row in shown),
            host=str(lead[f"field:{HOST}"] or ""),
            user=str(lead[f"field:{USER}"] or ""),
        )
        if rule.kind == "new_terms":
            found.keep_first()
        yield found


def _codes(column: pa.ChunkedArray) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    return np.ascontiguousarray(encoded.indices.to_numpy(zero_copy_only=False), np.int64)


def alerts_from(collected: Collected, rules: Iterable[Rule], known: Mapping[str, Alert]) -> list[Alert]:
    """Alerts to keep: new ones, and known ones that have grown.

    Parameters
    ----------
    collected : Collected
        What was hit. Of query rules it is added to what is known; of thresholds and new terms it is all there is.
    rules : iterable of Rule
        Whose alerts to make.
    known : mapping
        Alerts that were told of before, by id; of the window before each, too.
    """
    made = []
    for rule in rules:
        own = collected.of(rule)
        here = {hits.id for hits in own}
        for hits in own:
            before = alert_id(rule, hits.values, hits.window - 1)
            ongoing = before in here or before in known
            made.append(_alert(hits, known.get(hits.id), ongoing=ongoing))
    return made


def _alert(hits: Hits, told: Alert | None, *, ongoing: bool) -> Alert:
    rule, count, last_us, first_us = hits.rule, hits.count, hits.last_us, hits.first_us
    ids = tuple(name for _, _, name in hits.events)
    if told is not None:
        last_us = max(last_us, parse_time(told.last))
        if rule.kind == "query":
            earlier = parse_time(told.timestamp) <= first_us
            count += told.event_count
            ids = tuple(dict.fromkeys((*told.event_ids, *ids) if earlier else (*ids, *told.event_ids)))[:EVENTS_SHOWN]
        if parse_time(told.timestamp) < first_us:
            first_us = parse_time(told.timestamp)
            ids = told.event_ids if rule.kind == "new_terms" else ids
    grown = told is not None and count > told.event_count
    entity_type, entity = _entity(hits)
    group = dict(zip(rule.group_fields, hits.values, strict=True))
    return Alert(
        id=hits.id,
        rule_id=rule.id,
        record_id="",
        timestamp=iso(first_us),
        score=rule.alert_score,
        expected_per_week=None,
        entity_type=told.entity_type if told is not None else entity_type,
        entity_id=told.entity_id if told is not None else entity,
        sentence=sentence(rule, group, count),
        tactics=rule.guide.tactics,
        techniques=rule.guide.techniques,
        event_ids=ids,
        rule_name=rule.name,
        severity=rule.severity,
        state="ongoing" if ongoing else "grown" if grown else told.state if told is not None else "new",
        group=group,
        event_count=count,
        last=iso(last_us),
        window=rule.suppress.window,
    )


def _entity(hits: Hits) -> tuple[str, str]:
    named = dict(zip(hits.rule.group_fields, hits.values, strict=True))
    for kind, value in (("host", named.get(HOST, "")), ("user", named.get(USER, "")), ("host", hits.host)):
        if value:
            return kind, value
    return ("user", hits.user) if hits.user else ("", "")


def sentence(rule: Rule, group: Mapping[str, str], count: int) -> str:
    """What an alert says: the rule, whom it is about, how many events."""
    about = ", ".join(f"{name} {_short(value)}" for name, value in group.items() if value)
    if rule.new_terms is not None:
        since = f"not seen for {rule.new_terms.history} before" if rule.new_terms.history else "never seen before"
        return f"{rule.name}: {about}, {since}"
    many = f"{count:,} event{'' if count == 1 else 's'}"
    if rule.threshold is not None:
        many += f" within {rule.suppress.window}, {rule.threshold.value:,} are told of"
    return f"{rule.name}: {many}" + (f", {about}" if about else "")


def _short(value: str) -> str:
    return value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"
