"""The life of a case: when it is told of, when told of again, when a closed one comes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from rarebit.case.evidence import Floats
from rarebit.case.fuse import Fused
from rarebit.case.stages import NOWHERE, tactic_name
from rarebit.core.case_part import Notice
from rarebit.core.result import Case
from rarebit.core.time import HOUR_US, iso, parse_time

RISE: Final = 10.0
"""A score that rises by so much is told of again."""

Scores = Callable[[Floats], Floats]
"""Score (0 to 100) of cases of so many points (float64[n])."""


def notices_of(item: Fused, scores: Scores, threshold: float, held: Sequence[Notice] = ()) -> tuple[Notice, ...]:
    """Moments at which an open case deserves a look: its opening, a rise of ten points, a new tactic.

    They follow from the order of its findings, hour by hour, not from when somebody ran the program. What was told
    stays.

    Parameters
    ----------
    item : Fused
        The case.
    scores : callable
        Its points to scores.
    threshold : float
        Score at which it is opened.
    held : sequence of Notice
        What was told of it before.
    """
    drafts, lead = item.drafts, item.lead
    part = slice(drafts.start[lead], drafts.start[lead + 1])
    rows = drafts.rows[part]
    extra = item.total - float(drafts.total[lead])
    score = np.round(scores(drafts.so_far[part] + extra), 2)
    times, places = drafts.evidence.time_us[rows], drafts.evidence.tactic[rows]
    looks = np.flatnonzero(np.diff(times // HOUR_US, append=-1))  # at the end of each hour that has any
    line = min(threshold, float(score[looks].max()))
    opens = int(looks[np.argmax(score[looks] >= line)])
    told = list(held) or [_notice(int(times[opens]), float(score[opens]), places[: opens + 1], "opened")]
    reached = parse_time(told[-1].time)
    for at in looks.tolist():
        if times[at] > reached:
            text = _change(told[-1], float(score[at]), _names(places[: at + 1]))
            if text:
                told.append(_notice(int(times[at]), float(score[at]), places[: at + 1], text))
    return tuple(told)


def changed_by(notices: Sequence[Notice], held: Case | None) -> str:
    """What is to be told of a case in this run: the notices that it did not have before."""
    if held is None or not held.notices:
        return notices[0].text if notices else ""
    known = held.notices
    return "; ".join(dict.fromkeys(notice.text for notice in notices[len(known) :]))


def comes_back(notices: Sequence[Notice], held: Case | None) -> bool:
    """Whether a case that a person closed has changed materially since."""
    return held is not None and held.state == "closed" and bool(held.notices) and len(notices) > len(held.notices)


def _change(last: Notice, score: float, tactics: tuple[str, ...]) -> str:
    fresh = [name for name in tactics if name not in last.tactics]
    found = [f"new tactic {name}" for name in fresh]
    if score - last.score >= RISE:
        found.append(f"score rose from {last.score:.0f} to {score:.0f}")
    return ", ".join(found)


def _notice(time_us: int, score: float, places: np.ndarray, text: str) -> Notice:
    return Notice(time=iso(time_us), score=score, tactics=_names(places), text=text)


def _names(places: np.ndarray) -> tuple[str, ...]:
    return tuple(tactic_name(place) for place in sorted(set(places.tolist()) - {NOWHERE}))
