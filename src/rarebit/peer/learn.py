"""From evidence to a grouping: kinds, groups within each, kept ids, what is in force, who changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rarebit.core.peer import Grouping, PeerChange, PeerGroup
from rarebit.core.time import DAY_US, iso, parse_time
from rarebit.model.peer_groups import (
    MIN_SIZE,
    Foretelling,
    Habits,
    centres_of,
    features,
    learn_groups,
    match_groups,
)
from rarebit.peer.evidence import Ask, Evidence, program_names
from rarebit.peer.hours import rest_shares, zones
from rarebit.peer.kinds import kinds_of
from rarebit.peer.portrait import Marks, marks_of, portrait, shares

OLD_ENOUGH_US: Final = 14 * DAY_US
"""A group found later than the first is in force once it is this old: nobody's spread makes itself usual sooner."""
_FEWEST_HABITS: Final = 3
_FEWEST_PEERS: Final = 3
"""Entities of one kind without which they are no peers of each other."""
_MANY_AT_ONCE: Final = 0.02
"""Share of the entities whose change in one week says that the groups have moved, not they."""
_LONGEST_SPAN: Final = 14
_STABLE: Final = 2
"""Groupings in a row after which leaving a group is a change."""
_STAYS: Final = 0.1
"""An entity stays in its group unless another is nearer by this much of the cosine."""
_LOGON_WEIGHT: Final = 0.5
_SIDE_WEIGHT: Final = 0.3
_NEW: Final = -1

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Facts:
    """What is known besides events."""

    roles: Mapping[str, str] = field(default_factory=dict)
    """Host to role, from the inventory."""
    sites: Mapping[str, str] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    """Entities that may join a group but not form one."""


@dataclass
class _Sorted:
    """Entities by group: labels from 0 over all kinds, -1 for those without one."""

    labels: Ints
    kinds: list[str]
    """Of each group."""
    gain: float


def learn_grouping(ask: Ask, evidence: Evidence, facts: Facts, before: Grouping | None, at_us: int) -> Grouping:
    """Groups as of a time.

    Parameters
    ----------
    ask : callable
        Answers a SELECT over the lake; for the names of a few programs.
    evidence : Evidence
        Of the weeks before.
    facts : Facts
        Of the inventory and of people.
    before : Grouping, optional
        The one a week ago, whose ids go on.
    at_us : int
        Time from which it is in force.
    """
    kinds = kinds_of(evidence, facts.roles)
    earlier, later = _split(evidence)
    steady = _habits(earlier, evidence.days)
    known = np.bincount(steady.entity, minlength=steady.entities) >= _FEWEST_HABITS
    done = _sort(
        evidence, kinds, steady, Foretelling(*(_programs(h, evidence) for h in (earlier, later))), known, facts, before
    )
    ids, goes_on, numbered = _ids(evidence, done, before)
    groups = _groups(ask, evidence, done, ids, goes_on, facts, at_us)
    members = {evidence.names[at]: ids[label] for at, label in enumerate(done.labels.tolist()) if label >= 0}
    changes, chances = _changes(ask, evidence, done, ids, members, before)
    return Grouping(
        entity_type=evidence.entity_type,
        at=iso(at_us),
        days=evidence.days,
        groups=tuple(groups),
        members=members,
        judged_by=_judged_by(groups, members, before),
        weeks={name: 1 + (before.weeks.get(name, 0) if before and before.members.get(name) == group else 0)
               for name, group in members.items()},
        ungrouped={
            evidence.names[at]: _why(evidence, steady, at, kinds[at]) for at in np.flatnonzero(done.labels < 0).tolist()
        },
        changes=tuple(changes),
        changed=(before.changed if before else 0) + len(changes),
        chances=(before.chances if before else 0) + chances,
        numbered=numbered,
        gain=round(done.gain, 4),
    )  # fmt: skip


def _split(evidence: Evidence) -> tuple[Habits, Habits]:
    """Days to learn from, and the latest to be foretold: a week, or half of a short history."""
    days = evidence.days
    first = days - min(7, max(1, days // 2))
    whole = evidence.habits
    return whole.within((1 << first) - 1), whole.within(((1 << days) - 1) & ~((1 << first) - 1))


def _habits(earlier: Habits, days: int) -> Habits:
    """What an entity has kept doing: seen over half of the days learnt from, at most two weeks."""
    first = days - min(7, max(1, days // 2))
    kept = earlier.span >= min(_LONGEST_SPAN, max(1, -(-first // 2)))
    return Habits(earlier.entity[kept], earlier.token[kept], earlier.days[kept], earlier.entities, earlier.tokens)


def _programs(habits: Habits, evidence: Evidence) -> Habits:
    return habits.of_tokens(evidence.programs)


def _sort(
    evidence: Evidence,
    kinds: list[str],
    steady: Habits,
    law: Foretelling,
    known: NDArray[np.bool_],
    facts: Facts,
    before: Grouping | None,
) -> _Sorted:
    labels = np.full(len(kinds), _NEW, np.int64)
    of_groups: list[str] = []
    forming = known & np.array([name not in facts.left_out for name in evidence.names], np.bool_)
    side = np.hstack([rest_shares(evidence.hours), np.log1p(evidence.visitors)[:, None] / 10.0]) * _SIDE_WEIGHT
    weights = np.where(evidence.programs, 1.0, _LOGON_WEIGHT)
    least = int(np.clip(np.count_nonzero(known) // 20, 3, MIN_SIZE))
    held = np.array([before.members.get(name, "") if before else "" for name in evidence.names])
    of_kind = np.array(kinds)
    for kind in sorted(set(kinds)):
        rows = np.flatnonzero((of_kind == kind) & known)
        if rows.size < _FEWEST_PEERS:
            continue
        points = features(steady.of(rows), weights, side[rows])
        makers = np.flatnonzero(forming[rows])
        found = np.zeros(rows.size, np.int64)
        if makers.size:
            made = learn_groups(points[makers], law.of(rows[makers]), min_size=least)
            made = made if made.max() > 0 else np.zeros(makers.size, np.int64)
            near = points @ centres_of(points[makers], made, int(made.max()) + 1).T
            found = np.argmax(near, axis=1)
            found[makers] = made
            found = _settled(found, near, held[rows])
        found = np.unique(found, return_inverse=True)[1]
        labels[rows] = found + len(of_groups)
        of_groups += [kind] * (int(found.max()) + 1)
    labels, of_groups = _ordered(labels, of_groups)
    rough = np.unique(of_kind, return_inverse=True)[1]
    fine = np.where(labels >= 0, labels, len(of_groups) + rough)
    gain = float((law.log_likelihood(fine) - law.log_likelihood(rough)).mean())
    return _Sorted(labels, of_groups, gain)


def _settled(found: Ints, near: Floats, held: NDArray[np.str_]) -> Ints:
    """Entities between two groups stay where they were."""
    names, before = np.unique(held, return_inverse=True)
    before = np.where(names[before] == "", _NEW, before)
    went_on = {old: new for new, old in match_groups(before, found).items()}
    stay = np.array([went_on.get(int(old), _NEW) for old in before], np.int64)
    rows = np.arange(found.size)
    keeps = (stay >= 0) & (near[rows, found] - near[rows, np.maximum(stay, 0)] < _STAYS)
    return np.where(keeps, stay, found)


def _ordered(labels: Ints, kinds: list[str]) -> tuple[Ints, list[str]]:
    """Groups by kind and falling size, so that their numbers follow from what is in them."""
    sizes = np.bincount(labels[labels >= 0], minlength=len(kinds))
    first = np.array([int(np.argmax(labels == group)) for group in range(len(kinds))])
    order = sorted(range(len(kinds)), key=lambda group: (kinds[group], -int(sizes[group]), int(first[group])))
    place = np.empty(len(kinds) + 1, np.int64)
    place[order], place[-1] = np.arange(len(kinds)), _NEW
    return place[labels], [kinds[group] for group in order]


def _ids(evidence: Evidence, done: _Sorted, before: Grouping | None) -> tuple[list[str], list[PeerGroup | None], int]:
    """Id of each group; the group of before that it goes on, if any; groups ever numbered."""
    goes_on: list[PeerGroup | None] = [None] * len(done.kinds)
    numbered = before.numbered if before else 0
    if before:
        places = {group.id: at for at, group in enumerate(before.groups)}
        old = np.array([places.get(before.members.get(name, ""), _NEW) for name in evidence.names], np.int64)
        for now, was in match_groups(old, done.labels).items():
            if before.groups[was].kind == done.kinds[now]:
                goes_on[now] = before.groups[was]
    ids = []
    for group in goes_on:
        numbered += group is None
        ids.append(group.id if group else f"{evidence.entity_type}-{numbered}")
    return ids, goes_on, numbered


def _groups(
    ask: Ask,
    evidence: Evidence,
    done: _Sorted,
    ids: list[str],
    goes_on: list[PeerGroup | None],
    facts: Facts,
    at_us: int,
) -> list[PeerGroup]:
    sizes = np.bincount(done.labels[done.labels >= 0], minlength=len(ids))
    share = shares(evidence, done.labels, len(ids))
    marks = [
        marks_of(at, [k for k, kind in enumerate(done.kinds) if kind == done.kinds[at]], share, sizes, evidence)
        for at in range(len(ids))
    ]
    names = program_names(ask, evidence.token_codes[_all_tokens(marks)], evidence.start_us, evidence.end_us)
    east = zones(evidence.hours)
    first = all(group is None for group in goes_on)
    made, taken = [], {group.label for group in goes_on if group}
    for at, old in enumerate(goes_on):
        members = np.flatnonzero(done.labels == at)
        seen = portrait(
            evidence, members, done.kinds[at], marks[at], names, [east[m] for m in members.tolist()], facts.sites
        )
        since_us = parse_time(old.since) if old else evidence.start_us if first else at_us
        label = old.label if old else _free(seen.label, taken)
        taken.add(label)
        made.append(
            PeerGroup(
                id=ids[at],
                entity_type=evidence.entity_type,
                label=label,
                reason=seen.reason,
                kind=done.kinds[at],
                members=int(sizes[at]),
                since=iso(since_us),
                in_force=first or bool(old and old.in_force) or at_us - since_us >= OLD_ENOUGH_US,
                hours=seen.hours,
                software=seen.software,
            )
        )
    return made


def _all_tokens(marks: list[Marks]) -> Ints:
    return np.unique(np.concatenate([np.zeros(0, np.int64), *(part for each in marks for part in each)]))


def _free(label: str, taken: set[str]) -> str:
    number, made = 1, label
    while made in taken:
        number += 1
        made = f"{label} ({number})"
    return made


def _judged_by(groups: list[PeerGroup], members: dict[str, str], before: Grouping | None) -> dict[str, str]:
    """Group in force for each entity: its own, or the one that was, while its own is too young."""
    in_force = {group.id for group in groups if group.in_force}
    held = before.judged_by if before else {}
    wanted = {name: group if group in in_force else held.get(name, "") for name, group in members.items()}
    return {**held, **{name: group for name, group in wanted.items() if group}}


def _why(evidence: Evidence, steady: Habits, at: int, kind: str) -> str:
    shown = int(np.count_nonzero(steady.entity == at))
    if shown >= _FEWEST_HABITS:
        return f"there are fewer than {_FEWEST_PEERS} of its kind ({kind})"
    days = int(np.bitwise_count(np.bitwise_or.reduce(evidence.habits.days[evidence.habits.entity == at], initial=0)))
    return f"{shown} lasting habit{'' if shown == 1 else 's'}, seen on {days} of {evidence.days} days"


def _changes(
    ask: Ask, evidence: Evidence, done: _Sorted, ids: list[str], members: dict[str, str], before: Grouping | None
) -> tuple[list[PeerChange], int]:
    """Entities that left a group in which they were for weeks for another that was there before."""
    if before is None:
        return [], 0
    going, there = set(ids), {group.id for group in before.groups}
    stable = [name for name, weeks in before.weeks.items() if weeks >= _STABLE and before.members[name] in going]
    could = [name for name in stable if name in members]
    moved = sorted(name for name in could if members[name] != before.members[name] and members[name] in there)
    if not moved or len(moved) > max(_FEWEST_PEERS, _MANY_AT_ONCE * len(could)):
        return [], len(could)
    share = shares(evidence, done.labels, len(ids))
    place = {name: at for at, name in enumerate(evidence.names)}
    tokens = {name: _turned(evidence, share, place[name], ids.index(before.members[name])) for name in moved}
    wanted = evidence.token_codes[np.unique(np.concatenate(list(tokens.values())))]
    names = program_names(ask, wanted, evidence.start_us, evidence.end_us)
    made = [
        PeerChange(
            entity=name,
            before=before.members[name],
            after=members[name],
            weeks=before.weeks[name],
            changes=before.changed,
            chances=before.chances,
            fleet=len(could),
            tokens=tuple(names[int(code)] for code in evidence.token_codes[tokens[name]] if int(code) in names),
        )
        for name in moved
    ]
    return made, len(could)


def _turned(evidence: Evidence, share: Floats, at: int, old: int) -> Ints:
    """Programs that an entity has in common with its like, but not with those it was among (at most 3)."""
    own = np.unique(evidence.habits.token[evidence.habits.entity == at])
    own = own[evidence.programs[own]]
    kin = share.max(axis=0)[own] - share[old][own]
    best = own[np.lexsort((evidence.token_codes[own], -kin))]
    turned: Ints = best[: min(3, int(np.count_nonzero(kin > 0.0)))]
    return turned
