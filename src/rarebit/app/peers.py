"""Peer groups of an installation: learnt at every Monday of event time, kept, shown, and given to detectors.

A grouping follows from the events before its Monday, up to two hours before it, and from the grouping a week earlier;
it is learnt when the first event of that Monday is known, before any job judges it, and never anew. So it does not
matter how the events came: what is late by less than two hours changes nothing. The habits it goes by are days old at
least, and groups found later than the first must be two weeks old before anyone is judged by them, which keeps an
intruder's spread from making itself usual; entities of a case that a person called true do not form groups at all.
Cases not judged yet play no part, for when they are opened depends on when somebody looked.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from rarebit.app.clock import fleet_clock
from rarebit.app.home import Home
from rarebit.app.progress import Progress, silent
from rarebit.core.errors import NotFoundError, StateError
from rarebit.core.fields import CODED, ID, NORMAL
from rarebit.core.influencer import Influencer
from rarebit.core.names import account_form, host_key
from rarebit.core.peer import Grouping, PeerChange, PeerGroup
from rarebit.core.result import Explanation, Record
from rarebit.core.time import DAY_US, HOUR_US, WEEK_US, parse_time
from rarebit.detect.ahead import AHEAD_US
from rarebit.detect.engine import PeerMaps
from rarebit.maths.hashing import hash_text
from rarebit.maths.tail import score_of
from rarebit.peer.evidence import FIELD_OF, LONGEST_DAYS, gather
from rarebit.peer.learn import Facts, learn_grouping
from rarebit.query.literal import identifier, string

JOB: Final = "peer_group_change"
"""Job id of the records of entities that changed their group."""
ENTITY_TYPES: Final = tuple(FIELD_OF)
_LATE_US: Final = 2 * HOUR_US
_LEAST_US: Final = 5 * DAY_US
"""History without which there is no grouping."""
_MONDAY_US: Final = 4 * DAY_US
_EVENTS: Final = 20
_ROLE_OF_USER: Final = "user"


class PeerLine(msgspec.Struct, frozen=True, kw_only=True):
    """One peer group of a listing."""

    id: str
    entity_type: str
    members: int
    label: str
    reason: str
    since: str
    in_force: bool
    learnt_at: str


class PeerPage(msgspec.Struct, frozen=True, kw_only=True):
    """One peer group with its members."""

    group: PeerGroup
    learnt_at: str
    days: int
    members: tuple[str, ...]


def learn_peers(home: Home, *, learn_until_us: int = 0, progress: Progress = silent) -> list[Grouping]:
    """Learn the groupings that are due and keep them, with a record for every entity that changed its group.

    Those of one Monday are kept together or not at all, for a Monday that has one is not due again.
    """
    made = []
    for at_us in _due(home):
        progress("grouping", at_us, at_us)
        learnt = [found for entity_type in ENTITY_TYPES if (found := _learn(home, entity_type, at_us)) is not None]
        records = [_record(home, each, change, learn_until_us) for each in learnt for change in each.changes]
        with home.store.transaction():
            for grouping in learnt:
                home.store.groupings.put(grouping)
            home.store.put_records(records)
        made += learnt
    return made


def _due(home: Home) -> list[int]:
    """Mondays that have come and have no grouping yet; a host whose clock is ahead does not bring one."""
    lake, clock = home.lake.summary(), fleet_clock(home)
    if lake.first_us is None or lake.last_us is None or clock is None:
        return []
    learnt = [parse_time(found.at) for kind in ENTITY_TYPES if (found := home.store.groupings.latest(kind))]
    earliest = max(learnt) + 1 if learnt else lake.first_us + _LEAST_US
    first = -(-(earliest - _MONDAY_US) // WEEK_US) * WEEK_US + _MONDAY_US
    return list(range(first, min(lake.last_us, clock + AHEAD_US) + 1, WEEK_US))


def _learn(home: Home, entity_type: str, at_us: int) -> Grouping | None:
    first_us = home.lake.summary().first_us or 0
    start_us = max(first_us - first_us % DAY_US, at_us - LONGEST_DAYS * DAY_US)
    evidence = gather(home.lake.sql, entity_type, start_us, at_us - _LATE_US)
    if evidence is None:
        return None
    return learn_grouping(
        home.lake.sql, evidence, _facts(home, entity_type), home.store.groupings.latest(entity_type), at_us
    )


def _facts(home: Home, entity_type: str) -> Facts:
    """What inventory and people say."""
    true = [case for case in home.store.list_cases() if case.verdict == "true"]
    named = {entity.name for case in true for entity in (case.entity, *case.joined)}
    if entity_type == _ROLE_OF_USER:
        return Facts(left_out=frozenset(map(account_form, named)))
    inventory = home.inventory()
    return Facts(roles=inventory.peer_of(), sites=inventory.peer_of("site"), left_out=frozenset(map(host_key, named)))


def regroupings(home: Home) -> list[tuple[int, PeerMaps]]:
    """Time and peer groups of every grouping, as detectors take them.

    A role of the inventory that was not divided keeps its own name, so that nobody moves; an entity that has no
    group is left where it is.
    """
    by_time: dict[int, dict[str, dict[int, str]]] = {}
    roles = home.inventory().peer_of()
    for entity_type, field in FIELD_OF.items():
        for grouping in home.store.groupings.list(entity_type):
            kinds = [group.kind for group in grouping.groups]
            undivided = {g.id: g.kind for g in grouping.groups if kinds.count(g.kind) == 1 and g.kind in roles.values()}
            maps = by_time.setdefault(parse_time(grouping.at), {})
            maps[field] = {hash_text(name): undivided.get(group, group) for name, group in grouping.judged_by.items()}
            if entity_type == "host":
                listed = {hash_text(host): role for host, role in roles.items()}
                maps[field] = listed | maps[field]
    return sorted(by_time.items())


def labels(home: Home) -> dict[int, str]:
    """Labels of learnt groups by the code of their id, those of the past too."""
    found: dict[int, str] = {}
    for entity_type in ENTITY_TYPES:
        for grouping in home.store.groupings.list(entity_type):
            found |= {hash_text(group.id): group.label for group in grouping.groups}
    return found


def list_peers(home: Home) -> list[PeerLine]:
    """The groups of the latest groupings, hosts first."""
    return [
        PeerLine(
            id=group.id,
            entity_type=group.entity_type,
            members=group.members,
            label=group.label,
            reason=group.reason,
            since=group.since,
            in_force=group.in_force,
            learnt_at=grouping.at,
        )
        for grouping in _latest(home)
        for group in grouping.groups
    ]


def ungrouped(home: Home) -> list[dict[str, str]]:
    """Entities that have no group yet, and why."""
    return [
        {"entity_type": grouping.entity_type, "entity": name, "reason": why}
        for grouping in _latest(home)
        for name, why in sorted(grouping.ungrouped.items())
    ]


def show_peer(home: Home, group_id: str) -> PeerPage:
    """One group of the latest groupings with its members.

    Raises
    ------
    NotFoundError
        If there is none of this id.
    """
    for grouping in _latest(home):
        for group in grouping.groups:
            if group.id == group_id:
                members = tuple(sorted(name for name, of in grouping.members.items() if of == group_id))
                return PeerPage(group=group, learnt_at=grouping.at, days=grouping.days, members=members)
    raise NotFoundError(f"there is no peer group {group_id!r} now", hint="List them with: rarebit peer list")


def _latest(home: Home) -> list[Grouping]:
    found = [grouping for kind in ENTITY_TYPES if (grouping := home.store.groupings.latest(kind))]
    if not found:
        raise StateError(
            "no peer groups yet: they are learnt at the first Monday after five days of events",
            hint="Run: rarebit run PATH",
        )
    return found


def _record(home: Home, grouping: Grouping, change: PeerChange, learn_until_us: int) -> Record:
    """The record of a change: as probable as changes were so far, and no rarer than there are now."""
    at_us, field = parse_time(grouping.at), FIELD_OF[grouping.entity_type]
    p = (change.changes + 0.5) / (change.chances + 1.0)
    expected = max(p * change.fleet, float(len(grouping.changes)) if len(grouping.changes) > 1 else 0.0)
    names = {group.id: group for group in grouping.groups}
    tokens = ", ".join(string(token) for token in change.tokens) or "''"
    of_entity = f"{identifier(CODED[field])} = {hash_text(change.entity)}"
    found = home.lake.events(
        where=f"{of_entity} AND {identifier(NORMAL['process.name'])} IN ({tokens})",
        columns=[ID, field, "process.name"],
        start_us=at_us - WEEK_US,
        end_us=at_us,
    )
    entity = str(found.column(field)[0]) if found.num_rows else change.entity
    return Record(
        id=hashlib.blake2b(f"{JOB}|{field}|{change.entity}|{grouping.at}".encode(), digest_size=10).hexdigest(),
        job_id=JOB,
        detector_index=0,
        timestamp=grouping.at,
        bucket_span=WEEK_US // 1_000_000,
        function="rare",
        by_field_name="process.name" if found.num_rows else None,
        by_field_value=str(found.column("process.name")[0]) if found.num_rows else None,
        partition_field_name=field,
        partition_field_value=entity,
        probability=min(1.0, p),
        record_score=float(score_of(expected)),
        initial_record_score=float(score_of(expected)),
        influencers=(Influencer(influencer_field_name=field, influencer_field_values=(entity,)),),
        time=grouping.at,
        expected_per_week=expected,
        initial_expected_per_week=expected,
        learning=at_us < learn_until_us,
        entity_type=grouping.entity_type,
        entity_id=entity,
        explanation=Explanation(sentence=_sentence(entity, change, names), change=change),
        event_ids=tuple(found.column(ID).to_pylist()[:_EVENTS]),
        event_count=found.num_rows,
    )


def _sentence(entity: str, change: PeerChange, names: dict[str, PeerGroup]) -> str:
    after, before = names[change.after], names[change.before]
    does = f" ({', '.join(change.tokens)})" if change.tokens else ""
    article = "an" if after.label[0] in "aeiou" else "a"
    return (
        f"{entity} started to look like {article} {after.label}: for {change.weeks} weeks it did as {before.members:,} "
        f"{before.label} {before.entity_type}s do, now as {after.members - 1:,} others do{does}; "
        f"{change.changes:,} such changes in {change.chances:,} {before.entity_type}-weeks before."
    )
