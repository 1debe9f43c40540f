"""What a person says a case was, and what that changes in the ranking of the others at once."""

from __future__ import annotations

import time

import msgspec

from rarebit.app.cases import regroup
from rarebit.app.home import Home
from rarebit.app.run import DEFAULT_BUDGET
from rarebit.app.show import case
from rarebit.case.evidence import Signal
from rarebit.case.trust import behaviour_of
from rarebit.core.errors import ConflictError, InputError
from rarebit.core.result import Case
from rarebit.core.verdict import VERDICTS, Behaviour, Judgement, Verdicts

LONGEST_NOTE = 2000
_LEAST_CHANGE = 0.005


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """A case that counts more or less than before."""

    id: str
    entity: str
    points_before: float
    points: float
    rank_before: int
    rank: int
    state: str
    same: bool
    """Whether it shows a behaviour that was judged now; else only its detector was."""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """A case as it stands after a verdict, and the others that changed with it."""

    case: Case
    shifts: tuple[Shift, ...]


class Touched(msgspec.Struct, frozen=True, kw_only=True):
    """A case in which evidence counts more or less after a verdict on another."""

    id: str
    entity: str
    points: float
    """What verdicts add to its points, or take."""


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict that stands, and the cases that show a behaviour it was given on."""

    judgement: Judgement
    entity: str
    touched: tuple[Touched, ...]


def judge(
    home: Home,
    case_id: str,
    *,
    state: str,
    verdict: str | None,
    actor: str,
    standing: str | None = None,
    note: str = "",
) -> Case:
    """Close or reopen a case, or give a verdict on it; kept beside every later run, and audited.

    Raises
    ------
    InputError
        If there is no such verdict, or the note is too long.
    ConflictError
        If the case is no longer as the person saw it: ``standing`` is what :func:`standing_of` gave then.
    """
    if verdict is not None and verdict not in VERDICTS:
        raise InputError(f"{verdict!r} is no verdict", hint=f"One of {', '.join(VERDICTS)}")
    if len(note) > LONGEST_NOTE:
        raise InputError(f"a note of more than {LONGEST_NOTE:,} characters")
    with home.store.transaction():
        held = case(home, case_id)
        if standing is not None and standing != standing_of(held):
            raise ConflictError(
                f"somebody else has judged this case meanwhile: it is {standing_of(held)}", hint="Look again."
            )
        if verdict is None:
            home.store.judgements.delete(held.id)
        else:
            told = Judgement(
                case_id=held.id, verdict=verdict, actor=actor, at_us=time.time_ns() // 1000, note=note,
                behaviours=_behaviours(home, held),
            )  # fmt: skip
            home.store.judgements.put(told)
        return home.store.judge_case(held.id, state=state, verdict=verdict, actor=actor, note=note)


def settle(
    home: Home,
    case_id: str,
    *,
    state: str,
    verdict: str | None,
    actor: str,
    standing: str | None = None,
    note: str = "",
) -> Given:
    """As :func:`judge`, and rank all cases anew by what is known now.

    Raises
    ------
    InputError, ConflictError
        See :func:`judge`.
    """
    with home.store.transaction():
        judged = judge(home, case_id, state=state, verdict=verdict, actor=actor, standing=standing, note=note)
        shifts = rank_anew(home)
    return Given(case=home.store.get_case(judged.id), shifts=tuple(each for each in shifts if each.id != judged.id))


def give_verdict(
    home: Home, case_id: str, verdict: str, *, actor: str, standing: str | None = None, note: str = ""
) -> Given:
    """Say what a case was; anything but ``unsure`` closes it. The same behaviour counts more or less from now on.

    Raises
    ------
    InputError, ConflictError
        See :func:`judge`.
    """
    state = "open" if verdict == "unsure" else "closed"
    return settle(home, case_id, state=state, verdict=verdict, actor=actor, standing=standing, note=note)


def rank_anew(home: Home) -> tuple[Shift, ...]:
    """Rank all cases by what people have said meanwhile, within the budget of the last run; what changed, by rank."""
    with home.store.transaction():
        before = {held.id: held for held in home.store.list_cases()}
        regroup(home, float((home.store.last_run() or {}).get("budget_per_day", DEFAULT_BUDGET)), news=False)
        after = home.store.list_cases()
    return tuple(
        Shift(
            id=now.id, entity=now.entity.name, points_before=held.points, points=now.points, rank_before=held.rank,
            rank=now.rank, state=now.state, same=_judged_parts(now) != _judged_parts(held),
        )
        for now in after
        if (held := before.get(now.id)) is not None and abs(now.points - held.points) >= _LEAST_CHANGE
    )  # fmt: skip


def effects(home: Home) -> list[Effect]:
    """Verdicts that stand, the newest first, each with the other cases that show one of its behaviours."""
    judgements = home.store.judgements.list()
    if not judgements:
        return []
    cases = home.store.list_cases()
    parts = [(held, part) for held in cases for part in held.parts if part.trusted and part.trusted.same != Verdicts()]
    records = home.store.records_by_id(list({part.record_id for _, part in parts if part.record_id}))
    signals = msgspec.convert(msgspec.to_builtins(list(records.values())), list[Signal])
    behaviour = {signal.id: behaviour_of(signal) for signal in signals}
    names = {held.id: held.entity.name for held in cases}
    found = []
    for judgement in reversed(judgements):
        points: dict[str, float] = {}
        for held, part in parts:
            if held.id != judgement.case_id and behaviour.get(part.record_id) in judgement.behaviours:
                points[held.id] = points.get(held.id, 0.0) + part.points
        most = sorted(points.items(), key=lambda each: (-abs(each[1]), each[0]))
        touched = tuple(Touched(id=name, entity=names[name], points=gained) for name, gained in most)
        found.append(Effect(judgement=judgement, entity=names.get(judgement.case_id, ""), touched=touched))
    return found


def _judged_parts(held: Case) -> list[tuple[str, Verdicts]]:
    judged = ((part.record_id, part.trusted.same) for part in held.parts if part.trusted is not None)
    return [(name, same) for name, same in judged if same != Verdicts()]


def shift_text(shifts: tuple[Shift, ...]) -> str:
    """What a verdict changed among the other cases, in one line."""
    same = [each for each in shifts if each.same]
    rest = f"{len(shifts) - len(same)} of the same detectors moved a little" if len(same) < len(shifts) else ""
    if not same:
        return f"no other case shows the same behaviour{f'; {rest}' if rest else ''}"
    most = max(same, key=lambda each: abs(each.points - each.points_before))
    told = (
        f"{len(same)} other {'case shows' if len(same) == 1 else 'cases show'} the same behaviour: {most.entity} went "
        f"from {most.points_before:.2f} to {most.points:.2f} points, rank {most.rank_before} to {most.rank}"
    )
    return f"{told}; {rest}" if rest else told


def standing_of(case: Case) -> str:
    """State and verdict in words."""
    return f"{case.state}, verdict {case.verdict or 'none'}"


def _behaviours(home: Home, held: Case) -> tuple[Behaviour, ...]:
    """What the case's points came from; of one that has none any more, its reasons."""
    ids = [part.record_id for part in held.parts if part.record_id] or [reason.id for reason in held.reasons]
    records = home.store.records_by_id(list(dict.fromkeys(ids)))
    signals = msgspec.convert(msgspec.to_builtins(list(records.values())), list[Signal])
    found = {behaviour_of(signal) for signal in signals}
    return tuple(sorted(found, key=lambda each: (each.job_id, each.detector_index, each.thing)))
