"""Suppressions: previewed on the past, made, listed, and taken back."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from rarebit.app.attacks import bank, confirmed
from rarebit.app.clock import fleet_clock
from rarebit.app.findings import Finding, complete, finding_of, findings
from rarebit.app.hide import hidden_by
from rarebit.app.home import Home
from rarebit.app.run import require_events
from rarebit.app.verdicts import Shift, rank_anew
from rarebit.core.errors import ConflictError, InputError
from rarebit.core.result import Case
from rarebit.core.suppression import Hits, Pattern, Suppression
from rarebit.core.time import DAY_US, WEEK_US, iso, parse_span, parse_time
from rarebit.tune.attributes import JOB, SIGNER, in_words, may_meet, meets, normal
from rarebit.tune.guards import hits_of, weakness
from rarebit.tune.measure import weekly_range

LOOK_BACK_US: Final = 30 * DAY_US
HELD_US: Final = WEEK_US
"""A case joins what an entity shows within a week."""
HIGH: Final = 50.0
"""Score from which a finding is expected at most once a week."""
_FROM_RECORD: Final = (
    "process.executable",
    "process.parent.name",
    SIGNER,
    "user.name",
    "destination.domain",
    "destination.ip",
)
_LONGEST_REASON: Final = 2000
_EXAMPLES: Final = 3


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What a pattern would have hidden in the last 30 days."""

    where: Pattern
    findings: int
    high: int
    """With a score of 50 or more."""
    weeks: float
    weekly: float
    weekly_low: float
    weekly_high: float
    """95 % of Poisson's law."""
    days: int
    entities: int
    first: str
    last: str
    replays_hidden: int
    """Events of replayed attacks that it would hide, had any account on any host done them."""
    replays: int
    confirmed: tuple[str, ...]
    """Cases called true that it would take findings from."""
    weak: str
    """Why it is too weak to hide anything by; empty if it is not."""
    shifts: tuple[Shift, ...]
    """Cases that would change."""
    examples: tuple[str, ...]


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A suppression, how it stands, and what it has hidden."""

    suppression: Suppression
    state: str
    """``stands``, ``expired``, ``removed`` or ``ended`` (far more findings than before)."""
    hits: Hits


def pattern_of(home: Home, where: Sequence[str], record_id: str | None) -> Pattern:
    """The pattern that is meant: ``field=value``, or ``field`` alone with the record's value.

    Without any, that of the record: program, parent, signer, account and destination, as far as it has them; where no
    program is known, account, host, its group and the job.

    Raises
    ------
    InputError
        If nothing is said, or the record has no such field.
    """
    given = dict(part.partition("=")[::2] for part in where if "=" in part)
    named = [part for part in where if "=" not in part]
    if not record_id and (named or not given):
        raise InputError("say what findings share", hint="Give --where FIELD=VALUE, or --record ID")
    if any(not name.strip() or not value.strip() for name, value in given.items()):
        raise InputError("a field or value is empty", hint="Write --where user.name=svc-backup")
    if record_id:
        known = finding_of(home, record_id).attributes
        missing = [name for name in named if name not in known]
        if missing:
            raise InputError(f"the record has no {missing[0]}", hint=f"It has {', '.join(sorted(known))}")
        record = home.store.get_record(record_id)
        usual = [name for name in (record.by_field_name, *_FROM_RECORD) if name and name in known]
        if "process.executable" not in usual and "process.name" not in usual:
            usual += [name for name in ("host.name", "host.group", JOB) if name in known]
        if "process.executable" in usual and "process.name" in usual:
            usual.remove("process.name")
        given |= {name: known[name] for name in named or ([] if given else usual)}
    return normal({name.strip(): value.strip() for name, value in given.items()})


def preview(home: Home, where: Pattern) -> Effect:
    """What a pattern would hide, by what was found in the last 30 days; nothing is changed."""
    require_events(home)
    start, clock = _span(home)
    found = _met(findings(home, start), home, where)
    return _effect(home, where, found, (start, clock))


def add(
    home: Home, where: Pattern, *, reason: str, owner: str, expires: str = "90d", broad: bool = False,
    actor: str = "",
) -> tuple[Suppression, Effect]:  # fmt: skip
    """Hide what meets a pattern, from now on and in the past, until it expires.

    ``owner`` is whom to ask about it, ``actor`` who makes it if that is somebody else.

    Raises
    ------
    InputError
        If there is no reason; if it would hide findings of a case called true; or if it is weak, or would hide replayed
        attacks, and ``broad`` does not say that this is meant.
    """
    if not reason.strip() or len(reason) > _LONGEST_REASON:
        raise InputError("say why, in up to 2,000 characters", hint="Give --reason")
    if any(each.suppression.where == where for each in listed(home) if each.state == "stands"):
        raise ConflictError("there is such a suppression already", hint="See rarebit suppress list")
    now = time.time_ns() // 1000
    effect = preview(home, where)
    _check(effect, broad=broad)
    text = f"{in_words(where)}|{now}"
    new = Suppression(
        id=hashlib.blake2b(text.encode(), digest_size=8).hexdigest(),
        where=where,
        reason=reason.strip(),
        owner=owner,
        created_us=now,
        expires_us=now + parse_span(expires),
        from_us=_span(home)[1],
        weekly=effect.weekly,
        weeks=effect.weeks,
    )
    with home.store.transaction():
        home.store.suppressions.put(new)
        home.store.add_audit(actor or owner, "suppress", f"suppression {new.id}", "", msgspec.json.encode(new).decode())
        rank_anew(home)
    return new, effect


def remove(home: Home, suppression_id: str, *, actor: str) -> tuple[Suppression, tuple[Shift, ...]]:
    """Take a suppression back: what it hid is seen again at once.

    Raises
    ------
    NotFoundError, InputError
        If there is none, or it was taken back before.
    """
    with home.store.transaction():
        held = home.store.suppressions.get(suppression_id)
        if not held.stands:
            raise InputError(f"the suppression {held.id} was taken back {iso(held.removed_us)}")
        gone = msgspec.structs.replace(held, removed_us=time.time_ns() // 1000, removed_by=actor)
        home.store.suppressions.put(gone)
        home.store.add_audit(actor, "suppress remove", f"suppression {held.id}", in_words(held.where), "")
        return gone, rank_anew(home)


def listed(home: Home, *, every: bool = False) -> list[Listed]:
    """Suppressions that stand, or all that ever were, with what each has hidden."""
    hits, now = home.store.suppressions.hits(), time.time_ns() // 1000
    found = [
        Listed(suppression=each, state=_state(each, now), hits=hits.get(each.id, Hits()))
        for each in home.store.suppressions.list()
    ]
    return [each for each in found if every or each.suppression.stands]


def hidden_of(home: Home, case: Case) -> dict[str, tuple[Suppression, int]]:
    """Suppressions that hide findings of a case, by id, each with how many.

    Those in the case, and those of its entities that it may have had: what gives no points any more may have left it.
    """
    by = hidden_by(home)
    if not by:
        return {}
    start, end = parse_time(case.opened_at) - HELD_US, parse_time(case.updated_at) + HELD_US
    names = set(case.record_ids)
    for entity in (case.entity, *case.joined):
        names |= {each.id for each in home.store.list_records(entity_id=entity.id, start_us=start, end_us=end)}
        names |= {each.id for each in home.store.list_alerts(entity_id=entity.id, start_us=start, end_us=end)}
    found: dict[str, tuple[Suppression, int]] = {}
    for name in sorted(names & by.keys()):
        held = by[name]
        found[held.id] = (held, found.get(held.id, (held, 0))[1] + 1)
    return found


def _state(each: Suppression, now: int) -> str:
    if each.removed_us:
        return "ended" if each.ended else "removed"
    return "expired" if each.expires_us <= now else "stands"


def _span(home: Home) -> tuple[int, int]:
    """The last 30 days of event time, or since the first finding that counts."""
    clock = fleet_clock(home) or 0
    found = (each.time_us for each in findings(home, clock - LOOK_BACK_US) if each.counts)
    return max(min(found, default=clock), clock - LOOK_BACK_US), clock


def _met(found: Sequence[Finding], home: Home, where: Pattern) -> list[Finding]:
    maybe = [each for each in found if each.counts and may_meet(each.attributes, where)]
    complete(home, [each for each in maybe if not meets(each.attributes, where)])
    return [each for each in maybe if meets(each.attributes, where)]


def _effect(home: Home, where: Pattern, found: list[Finding], span: tuple[int, int]) -> Effect:
    weeks = max(span[1] - span[0], DAY_US) / WEEK_US
    low, high = weekly_range(len(found), weeks)
    return Effect(
        where=where,
        findings=len(found),
        high=sum(each.score >= HIGH for each in found),
        weeks=weeks,
        weekly=len(found) / weeks,
        weekly_low=low,
        weekly_high=high,
        days=len({each.time_us // DAY_US for each in found}),
        entities=len({each.entity for each in found}),
        first=iso(found[0].time_us) if found else "",
        last=iso(found[-1].time_us) if found else "",
        replays_hidden=hits_of(where, bank()),
        replays=len(bank()),
        confirmed=tuple(sorted(set(confirmed(home, found).values()))),
        weak=weakness(where, _groups(found)),
        shifts=_tried(home, where),
        examples=tuple(each.sentence for each in sorted(found, key=lambda each: -each.score)[:_EXAMPLES]),
    )


def _groups(found: Sequence[Finding]) -> Mapping[str, str]:
    """Peer group by account."""
    pairs = ((each.attributes.get("user.name"), each.attributes.get("user.group")) for each in found)
    return {user: group for user, group in pairs if user and group}


def _tried(home: Home, where: Pattern) -> tuple[Shift, ...]:
    """Which cases would change: it is done, looked at, and rolled back."""
    clock = fleet_clock(home) or 0
    trial = Suppression(
        id="trial", where=where, reason="", owner="", created_us=0, expires_us=clock + WEEK_US, from_us=clock + WEEK_US,
        weekly=0.0, weeks=0.0,
    )  # fmt: skip
    with home.store.trial():
        home.store.suppressions.put(trial)
        return rank_anew(home)


def _check(effect: Effect, *, broad: bool) -> None:
    if effect.confirmed:
        raise InputError(
            f"it would hide findings of a case called true: {effect.confirmed[0]}", hint="Ask for more: --where"
        )
    if broad:
        return
    if effect.weak:
        raise InputError(f"too broad: {effect.weak}", hint="Ask for more with --where, or say --broad if it is meant")
    if effect.replays_hidden:
        raise InputError(
            f"it would hide {effect.replays_hidden} of {effect.replays} events of replayed attacks",
            hint="Ask for more with --where, or say --broad if it is meant",
        )
