"""How much evidence of a behaviour counts after what people said of cases that showed it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from rarebit.case.evidence import Signal
from rarebit.core.verdict import WORTHLESS, Behaviour, Judgement, Trusted, Verdicts

LEAST: Final = 0.25
"""Evidence counts at least so many times: whoever can do what was once called benign is not unseen."""
MOST: Final = 1.5
_OF_ALL: Final = 10.0
"""A detector's share of true verdicts is taken to be that of all cases, as if from so many verdicts;"""
_OF_DETECTOR: Final = 2.0
"""and a behaviour's to be that of its detector."""


class Trust:
    """Weights of behaviours by the verdicts of cases; without any, each is 1.

    A case's own verdict weighs no finding of its own, so that it changes the others, not itself.

    Parameters
    ----------
    judgements : iterable of Judgement
        One a case; ``unsure`` says nothing.
    told : mapping, optional
        Record id to the id of the case it was told of under.
    """

    def __init__(self, judgements: Iterable[Judgement] = (), told: Mapping[str, str] | None = None) -> None:
        self._counts: Counter[tuple[object, bool]] = Counter()
        self._of_case: dict[str, list[tuple[object, bool]]] = {}
        self._told = told or {}
        self._known: dict[tuple[Behaviour, str], Trusted] = {}
        for judgement in judgements:
            if judgement.verdict == "true" or judgement.verdict in WORTHLESS:
                counted = [(key, judgement.verdict == "true") for key in _keys(judgement)]
                self._of_case[judgement.case_id] = counted
                self._counts.update(counted)

    def __call__(self, signal: Signal) -> Trusted | None:
        """What verdicts say of a finding's behaviour; None where there is no verdict at all."""
        if not self._of_case:
            return None
        behaviour, own = behaviour_of(signal), self._told.get(signal.id, "")
        key = behaviour, own if own in self._of_case else ""
        if key not in self._known:
            self._known[key] = self.of(behaviour, without=key[1])
        return self._known[key]

    def of(self, behaviour: Behaviour, *, without: str = "") -> Trusted:
        """What the verdicts, but for that of one case, say of a behaviour, with the numbers it follows from."""
        left_out = self._of_case.get(without, [])
        whole, detector, same = (self._verdicts(key, left_out) for key in (None, _detector(behaviour), behaviour))
        share = _mean(whole, 0.5, 2.0)
        here = _mean(same, _mean(detector, share, _OF_ALL), _OF_DETECTOR)
        return Trusted(same=same, detector=detector, all=whole, trust=min(max(here / share, LEAST), MOST))

    def _verdicts(self, key: object, left_out: list[tuple[object, bool]]) -> Verdicts:
        true, not_true = (self._counts[key, way] - left_out.count((key, way)) for way in (True, False))
        return Verdicts(true=true, not_true=not_true)


def behaviour_of(signal: Signal) -> Behaviour:
    """The behaviour that a finding shows."""
    return Behaviour(job_id=signal.job_id, detector_index=signal.detector_index, thing=signal.thing.lower())


def _keys(judgement: Judgement) -> set[object]:
    """What a verdict counts for, once each."""
    return {None, *judgement.behaviours, *map(_detector, judgement.behaviours)}


def _detector(behaviour: Behaviour) -> tuple[str, int]:
    return behaviour.job_id, behaviour.detector_index


def _mean(verdicts: Verdicts, before: float, worth: float) -> float:
    """Mean of a Beta law that was ``before`` by so many verdicts, after these."""
    return (worth * before + verdicts.true) / (worth + verdicts.true + verdicts.not_true)
