"""Findings as columns, each with what it is worth as evidence about its own entity.

A finding's p is the chance that its entity, at its own talk rate, gives one at least as extreme within the window.
Under the alternative p follows Beta(a, 1), so its worth in nats is ``ln a - (1 - a) ln p``, at least 0, at most 8.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from rarebit.case.stages import tactic_of
from rarebit.core.influencer import Influencer
from rarebit.core.time import DAY_US, WEEK_US
from rarebit.core.verdict import Trusted
from rarebit.model.talk import Talk, talk_rates

SHAPE: Final = 0.3
"""``a`` of the Beta(a, 1) alternative."""
CAP: Final = 8.0
FEWEST: Final = 100
"""A fleet of fewer entities is judged as if it had so many: a handful say too little about what is usual."""
FLEET: Final = "fleet"
"""Entity type of what is about no host, user or address, but a number of the fleet as a whole."""
WINDOWS_US: Final = (DAY_US, WEEK_US)
"""A day for what is quick, a week for what is slow."""
_TAKEN_BACK: Final = 100.0
"""Expected so often a week, a record that late events have revised is none any more."""
_HOUR_US: Final = 3_600_000_000

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Guides = Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
"""Tactics and techniques by job id."""
Key = TypeVar("Key")


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What a record of a count is about."""

    counted: str
    side: str


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What a record of a metric is about."""

    measured: str
    side: str


class Timed(msgspec.Struct, frozen=True, kw_only=True):
    """What a record of an hour is about."""

    hour: int


class Beating(msgspec.Struct, frozen=True, kw_only=True):
    """What a record of a beacon is about."""

    period: float


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """What a record of a place is about."""

    distance_km: float


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """What a record of a change of peer group is about."""

    after: str


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """Of a record's explanation, the part that names what it is about."""

    tally: Counted | None = None
    gauge: Measured | None = None
    rhythm: Timed | None = None
    beacon: Beating | None = None
    journey: Placed | None = None
    change: Moved | None = None


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """Of a record, what fusion reads."""

    id: str
    job_id: str
    detector_index: int
    time: str
    expected_per_week: float
    explanation: Basis
    by_field_name: str | None = None
    by_field_value: str | None = None
    learning: bool = False
    revised: bool = False
    rollout: str = ""
    influencers: tuple[Influencer, ...] = ()
    entity_type: str = ""
    entity_id: str = ""

    @property
    def thing(self) -> str:
        """What it is about besides its entity: a value, a number of events, or what they come to."""
        tally, gauge = self.explanation.tally, self.explanation.gauge
        if self.explanation.rhythm is not None:
            what = "an unusual hour"
        elif self.explanation.journey is not None:
            what = "an unusual place"
        elif self.explanation.beacon is not None:
            what = "a rhythm of contacts"
        elif gauge is not None:
            what = f"a {gauge.side} {gauge.measured}"
        elif tally is not None:
            what = f"{'few' if tally.side == 'low' else 'many'} {tally.counted}"
        elif self.explanation.change is not None:
            return "another peer group"
        else:
            return self.by_field_value or self.id
        return what + (f" with {self.by_field_value}" if self.by_field_value else "")

    @property
    def family(self) -> str:
        """The kind of observation: of programs, of accounts, a count, a metric, of hours, places, of doing alike."""
        tally, gauge = self.explanation.tally, self.explanation.gauge
        if self.explanation.rhythm is not None:
            return "hours"
        if self.explanation.journey is not None:
            return "places"
        if self.explanation.beacon is not None:
            return "beacons"
        if gauge is not None:
            return gauge.measured
        if self.explanation.change is not None:
            return "peer group"
        return f"count of {tally.counted}" if tally else (self.by_field_name or "").partition(".")[0]


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Findings of all entities, by entity, then time."""

    signals: tuple[Signal, ...]
    names: tuple[tuple[str, str], ...]
    """Type and name of each entity."""
    time_us: Ints
    entity: Ints
    stream: Ints
    tactic: Ints
    family: Ints
    thing: Ints
    talk: Talk
    points: tuple[Floats, ...]
    """For each of :data:`WINDOWS_US`; 0 where the same was found before on that day, or better within the hour."""
    trusted: tuple[Trusted | None, ...]
    """By what people said of cases with the same, how many times each counts; once where None."""

    def __len__(self) -> int:
        return len(self.signals)


def usable(signal: Signal) -> bool:
    """Whether a record can be evidence: not of learning time, not taken in by a rollout or back, and of somebody."""
    taken = bool(signal.rollout) or (signal.revised and signal.expected_per_week >= _TAKEN_BACK)
    return bool(signal.entity_id) and not signal.learning and not taken


def evidence_of(
    signals: Sequence[Signal],
    *,
    tactics: Guides,
    members: Mapping[str, int],
    since_us: int | None = None,
    trust: Callable[[Signal], Trusted | None] | None = None,
    hidden: Container[str] = (),
) -> Evidence:
    """Columns of the records that can be evidence.

    Parameters
    ----------
    signals : sequence of Signal
        In any order.
    tactics : mapping
        Tactics and techniques by job id.
    members : mapping
        How many entities of a type are watched; at least those that gave a record are.
    since_us : int, optional
        When records began; the first of them if not given.
    trust : callable, optional
        What verdicts say of a finding; nothing if not given.
    hidden : container of str, optional
        Ids of findings that are suppressed: they count nothing, and are counted in talk rates all the same.
    """
    ordered = sorted(filter(usable, signals), key=lambda s: (s.entity_type, s.entity_id, s.time, s.id))
    names, entity = _numbered([(s.entity_type or "host", s.entity_id) for s in ordered])
    streams, stream = _numbered([(s.entity_type or "host", s.job_id, s.detector_index) for s in ordered])
    times = np.array([s.time.removesuffix("Z") for s in ordered], "datetime64[us]").astype(np.int64)
    of_type = {kind: sum(name[0] == kind for name in names) for kind in {name[0] for name in names}}
    watched = np.array([max(members.get(key[0], 0), of_type[key[0]], FEWEST) for key in streams], np.int64)
    expected = np.array([s.expected_per_week for s in ordered], np.float64)
    tactic = [tactic_of(s.by_field_name, s.by_field_value, tactics.get(s.job_id, ((), ()))[0]) for s in ordered]
    _, family = _numbered([s.family for s in ordered])
    _, thing = _numbered([s.thing.lower() for s in ordered])
    place = np.array(tactic, np.int64)
    trusted = tuple(trust(s) if trust else None for s in ordered)
    counted = np.array([part.trust if part else 1.0 for part in trusted], np.float64)
    counted[[signal.id in hidden for signal in ordered]] = 0.0
    talk, points = weigh(
        times, entity, stream, place, family, thing, expected, watched=watched,
        since_us=since_us if since_us is not None else int(times.min(initial=2**62)), trust=counted,
    )  # fmt: skip
    return Evidence(tuple(ordered), tuple(names), times, entity, stream, place, family, thing, talk, points, trusted)


def weigh(
    time_us: Ints,
    entity: Ints,
    stream: Ints,
    tactic: Ints,
    family: Ints,
    thing: Ints,
    expected: Floats,
    *,
    watched: Ints,
    since_us: int,
    trust: Floats | None = None,
) -> tuple[Talk, tuple[Floats, ...]]:
    """Talk rates and points of findings given as columns.

    Parameters
    ----------
    time_us, entity, stream, tactic, family, thing : int64[n]
        Rows by entity, then time; streams are numbered from 0.
    expected : float64[n]
        Findings a week at least as extreme that the stream gives in the whole fleet; positive.
    watched : int64[streams]
        Entities that each stream watches.
    since_us : int
        When findings began.
    trust : float64[n], optional
        How many times each counts; it changes no talk rate.

    Returns
    -------
    talk : Talk
        Of every row.
    points : tuple of float64[n]
        For each of :data:`WINDOWS_US`.
    """
    usual = expected / watched[stream] if time_us.size else np.empty(0)
    first = _best(expected, time_us, (entity, stream, thing, time_us // DAY_US))
    known = talk_rates(time_us[first], entity[first], stream[first], usual[first], members=watched, since_us=since_us)
    talk = Talk(*(_spread(part, first, time_us.size) for part in known))
    counted = np.where(first, 1.0 if trust is None else trust, 0.0)
    day = counted * worth(chance(talk.rate, DAY_US))
    telling = np.flatnonzero(day > 0.0)
    best = np.zeros(time_us.size, bool)
    keys = tuple(part[telling] for part in (entity, time_us // _HOUR_US, tactic, family))
    best[telling[_best(-day[telling], time_us[telling], keys)]] = True
    return talk, tuple(np.where(best, counted * worth(chance(talk.rate, span)), 0.0) for span in WINDOWS_US)


def chance(rate: Floats, span_us: int) -> Floats:
    """Chance of one or more within a window (float64[n]), given so many a week."""
    return -np.expm1(-rate * (span_us / WEEK_US))


def worth(p: Floats) -> Floats:
    """Evidence in nats (float64[n], 0 to 8) of chances."""
    with np.errstate(divide="ignore"):
        found: Floats = np.clip(np.log(SHAPE) - (1.0 - SHAPE) * np.log(p), 0.0, CAP)
    return found


def _best(value: Floats, time_us: Ints, keys: tuple[Ints, ...]) -> NDArray[np.bool_]:
    """Marks one row of each key: of the smallest value, the earliest."""
    marked = np.zeros(value.size, bool)
    if value.size:
        order = np.lexsort((time_us, value, *keys))
        changed = np.zeros(value.size, bool)
        changed[0] = True
        for key in keys:
            changed[1:] |= np.diff(key[order]) != 0
        marked[order[changed]] = True
    return marked


def _spread(part: NDArray[Any], rows: NDArray[np.bool_], size: int) -> NDArray[Any]:
    whole = np.ones(size, part.dtype)
    whole[rows] = part
    return whole


def _numbered(values: Sequence[Key]) -> tuple[list[Key], Ints]:
    """Distinct values in the order they come, and the number of each (int64[n])."""
    numbers: dict[Key, int] = {}
    codes = np.array([numbers.setdefault(value, len(numbers)) for value in values], np.int64)
    return list(numbers), codes
