"""Indicators met by events: values are looked up once each, and only events that show one are looked at.

Each file of the lake gives the different values of each field that indicators can stand in; their codes are searched
among those of the indicators. Where one is found, the events that show it are counted in a second pass.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, Protocol

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rarebit.core.indicator import FIELDS, Kind, Match, Worth
from rarebit.core.names import host_key, user_key
from rarebit.core.time import DAY_US, iso, parse_time
from rarebit.intel.event_sql import EVENT_IDS, distinct_sql, presence_sql, sightings_sql
from rarebit.intel.index import Index
from rarebit.intel.values import normal

HALF_LIFE_DAYS: Final[dict[Kind, float]] = {
    Kind.IP: 30.0, Kind.CIDR: 60.0, Kind.DOMAIN: 90.0, Kind.URL: 60.0,
    Kind.EMAIL: 180.0, Kind.FILE_NAME: 180.0, Kind.FILE_PATH: 180.0, Kind.REGISTRY: 180.0, Kind.JA3: 180.0,
    Kind.JA3S: 180.0,
}  # fmt: skip
"""After so long without being in its list, an indicator is worth half; hashes keep their worth."""
LEAST_CONFIDENCE: Final = 5.0
"""What has decayed below this is no longer matched."""
KNOWN_FACTOR: Final = 0.5
MOST_VALUES: Final = 50_000
"""Values of one field looked for in events at once; more are left out, and counted."""
Progress = Callable[[int, int], None]


class Files(Protocol):
    """The lake, as far as it is needed here."""

    def each_file(
        self, queries: Sequence[str], *, since_version: int, until_version: int
    ) -> Iterator[tuple[int, int, str, list[pa.Table]]]:
        """Results of SELECTs over ``events``, for each file by itself."""
        ...


@dataclass(frozen=True)
class Rule:
    """The indicators that one value meets, and what is known of it."""

    rows: tuple[int, ...]
    """Of the table; never empty."""
    known: tuple[str, ...]
    """Lists of well-known values that name it."""


@dataclass(frozen=True)
class Found:
    """What a search gives."""

    matches: list[Match]
    values: int
    """Different values that were looked up."""
    vetoed: int
    """Of those, values that an indicator names and a list of false positives, too."""
    left_out: int
    """Values beyond :data:`MOST_VALUES`, not looked for in events."""


class Matcher:
    """Finds indicators in what the lake has committed.

    Parameters
    ----------
    table : Table
        The library's.
    alerting : container of str
        Names of lists whose matches alert by themselves.
    """

    def __init__(self, table: pa.Table, alerting: Iterable[str] = ()) -> None:
        self._index = Index(table)
        self._alerting = frozenset(alerting)
        names = ("worth", "source", "label", "tlp", "confidence", "valid_from_us", "valid_until_us", "last_seen_us")
        self._columns: dict[str, Any] = {name: table.column(name) for name in (*names, "value", "kind")}
        self._bad = _is(table, Worth.BAD)
        self._benign = _is(table, Worth.BENIGN)

    def rules(self, field: str, values: pa.Array) -> tuple[dict[str, list[tuple[Kind, Rule]]], int]:
        """For each value that an indicator names: by kind, what it meets; and how many values are false positives.

        Parameters
        ----------
        field : str
            Where the values stand; decides which kinds of indicators are asked.
        values : Array
            Texts as events have them.
        """
        found: dict[str, list[tuple[Kind, Rule]]] = {}
        vetoed = 0
        for group in _groups(field, self._index.kinds):
            texts = normal(group[0], values)
            pairs = [self._index.find(kind, texts) for kind in group]
            places = np.concatenate([pair[0] for pair in pairs])
            rows = np.concatenate([pair[1] for pair in pairs])
            named = np.isin(places, places[self._bad[rows]])
            order = np.argsort(places[named], kind="stable")
            places, rows = places[named][order], rows[named][order]
            starts = np.flatnonzero(np.diff(places, prepend=-1))
            for place, of_place in zip(places[starts].tolist(), np.split(rows, starts[1:]), strict=False):
                rule, veto = self._judge(of_place.tolist())
                vetoed += veto
                if rule is not None:
                    kind = Kind(self._columns["kind"][rule.rows[0]].as_py())
                    found.setdefault(values[place].as_py(), []).append((kind, rule))
        return found, vetoed

    def _judge(self, rows: list[int]) -> tuple[Rule | None, bool]:
        """What a value meets, without those that a list of false positives names; whether that took all of it."""
        bad = [row for row in rows if self._bad[row]]
        benign = [row for row in rows if self._benign[row]]
        known = [row for row in rows if not self._bad[row] and not self._benign[row]]
        # A name above an indicator's says little of it: a harmless site may lend its name to somebody else's page.
        kept = [row for row in bad if not any(self._covers(each, row) for each in benign)]
        beside = [*known, *benign]
        names = sorted({self._columns["label"][row].as_py() or self._columns["source"][row].as_py() for row in beside})
        return (Rule(tuple(kept), tuple(names)), False) if kept else (None, True)

    def _covers(self, benign: int, bad: int) -> bool:
        if self._columns["kind"][bad].as_py() != Kind.DOMAIN:
            return True
        return len(self._columns["value"][benign].as_py()) >= len(self._columns["value"][bad].as_py())

    def search(self, lake: Files, *, since_version: int, until_version: int, progress: Progress | None = None) -> Found:
        """Matches of events committed after one version of the lake and up to another.

        A match is one indicator in one field on one entity on one day; its counts add up over several searches.
        """
        span = {"since_version": since_version, "until_version": until_version}
        fields = self._fields(lake, span)
        wanted: dict[str, dict[str, list[tuple[Kind, Rule]]]] = {}
        days: dict[str, set[str]] = defaultdict(set)
        values = vetoed = left_out = 0
        for done, whole, day, tables in lake.each_file([distinct_sql(name) for name in fields], **span):
            for field, table in zip(fields, tables, strict=True):
                values += table.num_rows
                found, veto = self.rules(field, table.column("value").combine_chunks())
                vetoed += veto
                held = wanted.setdefault(field, {})
                for value, rules in found.items():
                    if len(held) >= MOST_VALUES and value not in held:
                        left_out += 1
                        continue
                    held[value] = rules
                    days[field].add(day)
            if progress is not None:
                progress(done, whole)
        matches: dict[str, Match] = {}
        asked = [field for field in fields if wanted.get(field)]
        if asked:
            queries = [sightings_sql(field, self._spans(wanted[field])) for field in asked]
            for _, _, day, tables in lake.each_file(queries, **span):
                for field, table in zip(asked, tables, strict=True):
                    if day in days[field]:
                        self._add(matches, field, day, table.to_pylist(), wanted[field])
        return Found([matches[name] for name in sorted(matches)], values, vetoed, left_out)

    def _fields(self, lake: Files, span: Mapping[str, int]) -> list[str]:
        """Fields that events have and indicators can stand in."""
        named = list(
            dict.fromkeys(name for kind, names in FIELDS.items() if kind in self._index.kinds for name in names)
        )
        present: set[str] = set()
        if named:
            for _, _, _, (table,) in lake.each_file([presence_sql(named)], **span):
                present |= {named[at] for at, column in enumerate(table.columns) if column[0].as_py()}
        return [name for name in named if name in present]

    def _spans(self, wanted: Mapping[str, list[tuple[Kind, Rule]]]) -> Iterator[tuple[str, int, int]]:
        """From when until when any of a value's indicators holds."""
        starts, ends = self._columns["valid_from_us"], self._columns["valid_until_us"]
        for value, rules in wanted.items():
            rows = [row for _, rule in rules for row in rule.rows]
            yield value, min(starts[row].as_py() for row in rows), max(ends[row].as_py() for row in rows)

    def _add(
        self,
        matches: dict[str, Match],
        field: str,
        day: str,
        groups: list[dict[str, Any]],
        wanted: Mapping[str, list[tuple[Kind, Rule]]],
    ) -> None:
        for group in groups:
            for kind, rule in wanted[group["seen"]]:
                made = self._match(kind, rule, field, day, group)
                if made is not None:
                    held = matches.get(made.id)
                    matches[made.id] = joined(held, made) if held else made

    def _match(self, kind: Kind, rule: Rule, field: str, day: str, group: Mapping[str, Any]) -> Match | None:
        first, last = int(group["first_us"]), int(group["last_us"])
        rows = self.holding(rule, first, last)
        if not rows:
            return None
        confidence = max(self._worth(kind, row, first) for row in rows) * (KNOWN_FACTOR if rule.known else 1.0)
        if confidence < LEAST_CONFIDENCE:
            return None
        value, sources, labels = self.told(rows)
        entity_type, entity_id = _entity(group)
        name = f"{kind}\x1f{value}\x1f{field}\x1f{entity_type}\x1f{entity_id}\x1f{day}"
        return Match(
            id=blake2b(name.encode("utf-8", "surrogatepass"), digest_size=10).hexdigest(),
            kind=kind,
            value=value,
            seen=group["seen"],
            field=field,
            entity_type=entity_type,
            entity_id=entity_id,
            day=day,
            first=iso(first),
            last=iso(last),
            hits=group["hits"],
            inbound=group["inbound"],
            attempts=group["attempts"],
            event_ids=tuple(group["ids"]),
            sources=sources,
            labels=labels,
            tlp=max((self._columns["tlp"][row].as_py() for row in rows), key=_strictness),
            confidence=round(confidence, 1),
            half_life_days=HALF_LIFE_DAYS.get(kind, 0.0),
            known=rule.known,
            alert=any(source in self._alerting for source in sources),
        )

    def holding(self, rule: Rule, first_us: int, last_us: int) -> list[int]:
        """Rows of the table that a value meets and that were valid at some time between its first and last event."""
        starts, ends = self._columns["valid_from_us"], self._columns["valid_until_us"]
        return [row for row in rule.rows if last_us >= starts[row].as_py() and first_us < ends[row].as_py()]

    def told(self, rows: Sequence[int]) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        """Value, lists and labels of rows of the table that one value meets."""
        sources, labels = ({self._columns[name][row].as_py() for row in rows} for name in ("source", "label"))
        return self._columns["value"][rows[0]].as_py(), tuple(sorted(sources)), tuple(sorted(labels - {""}))

    def _worth(self, kind: Kind, row: int, at_us: int) -> float:
        """Confidence at a time, after decay since the list last had it."""
        given = float(self._columns["confidence"][row].as_py())
        age = max(at_us - self._columns["last_seen_us"][row].as_py(), 0) / DAY_US
        half_life = HALF_LIFE_DAYS.get(kind)
        return given * 2.0 ** (-age / half_life) if half_life else given


def joined(one: Match, other: Match) -> Match:
    """Two parts of one match as one."""
    first, second = sorted((one, other), key=lambda part: (part.hits == 0, parse_time(part.first), part.seen))
    return msgspec.structs.replace(
        first,
        first=min(one.first, other.first, key=parse_time),
        last=max(one.last, other.last, key=parse_time),
        hits=one.hits + other.hits,
        inbound=one.inbound + other.inbound,
        attempts=one.attempts + other.attempts,
        event_ids=tuple(dict.fromkeys((*first.event_ids, *second.event_ids)))[:EVENT_IDS],
        sources=tuple(sorted({*one.sources, *other.sources})),
        labels=tuple(sorted({*one.labels, *other.labels})),
        confidence=max(one.confidence, other.confidence),
        alert=one.alert or other.alert,
    )


def _is(table: pa.Table, worth: Worth) -> NDArray[np.bool_]:
    return np.asarray(pc.equal(table.column("worth"), worth.value).to_numpy(), np.bool_)


def _groups(field: str, kinds: frozenset[Kind]) -> list[tuple[Kind, ...]]:
    """Kinds that stand in a field; addresses and networks are judged together."""
    held = [kind for kind in kinds if field in FIELDS[kind]]
    addresses = tuple(sorted(kind for kind in held if kind in (Kind.IP, Kind.CIDR)))
    return [*([addresses] if addresses else []), *((kind,) for kind in sorted(held) if kind not in addresses)]


def _entity(group: Mapping[str, Any]) -> tuple[str, str]:
    if group["host"]:
        return "host", host_key(group["host"])
    if group["user_name"]:
        return "user", user_key(group["user_name"])
    return "address", group["peer"] or ""


_TLP: Final = ("", "clear", "white", "green", "amber", "amber+strict", "red")


def _strictness(tlp: str) -> int:
    return _TLP.index(tlp) if tlp in _TLP else 0
