"""How far a job has learnt: its entities by how well they are known, and whether its probabilities can be believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np

from rarebit.detect.stream import JobStream
from rarebit.model.maturity import LEARNING, MATURE, NAMES, USABLE, maturity

ENOUGH: Final = 30
"""Values above the threshold from which on the shape of a tail says something."""
WRONG_BY: Final = 5.0
"""Factor from which on a job's own probabilities are called wrong."""


class Gauge(msgspec.Struct, frozen=True, kw_only=True):
    """The health of a job's probabilities. The scores allow for what is wrong with them; a better model would not."""

    state: str
    """``good``, ``heavy`` (p-values too small), ``cautious`` (too large) or ``too early`` to say."""
    shape: float
    """ξ of the tail of -log p: about 0 where probabilities are right, above 0.2 where rare things come in swarms."""
    too_small: float
    """By how much the job's own probabilities are, where one record a week is expected; below 1: too large."""
    words: str


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Entities (or series) of a job by how well they are known, and the health of its probabilities."""

    learning: int
    usable: int
    mature: int
    gauge: Gauge


def gauge(health: Mapping[str, Any]) -> Gauge:
    """Health of a tail fit, of :meth:`rarebit.model.calibrate.TailCalibrator.health`."""
    factor, shape = float(health["too_small"]), round(float(health["xi"]), 3)
    if health["cold"] or health["exceedances"] < ENOUGH:
        state, words = "too early", "too few days or findings to tell whether its probabilities are right"
    elif factor >= WRONG_BY:
        state = "heavy"
        words = f"the model's own probabilities are too small by {_times(factor)}; scores allow for it"
    elif factor <= 1.0 / WRONG_BY:
        state = "cautious"
        words = f"the model's own probabilities are too large by {_times(1.0 / factor)}; scores allow for it"
    else:
        state, words = "good", f"the model's own probabilities are right within {WRONG_BY:g} times"
    return Gauge(state=state, shape=shape, too_small=float(f"{factor:.3g}"), words=words)


def _times(factor: float) -> str:
    return f"{factor:.0f} times" if factor < 1e4 else "more than 10,000 times"  # noqa: PLR2004


def standing(stream: JobStream) -> Standing:
    """Standing of a job: entities of its widest detector, and the worst gauge of its detectors."""
    counts = [_counts(stream, index) for index in range(len(stream.groups))]
    widest = max(counts, key=sum)
    gauges = [gauge(health) for health in stream.health()["calibration"]]
    return Standing(
        learning=widest[LEARNING],
        usable=widest[USABLE],
        mature=widest[MATURE],
        gauge=max(gauges, key=lambda each: (each.state == "heavy", each.state != "too early", each.too_small)),
    )


def marks(stream: JobStream) -> dict[str, str | int | float]:
    """What a status needs to know without the memory: rows, entities by state, health of the probabilities."""
    stands = msgspec.to_builtins(standing(stream))
    return {"rows": stream.rows, **stands.pop("gauge"), **{f"entities_{name}": n for name, n in stands.items()}}


def _counts(stream: JobStream, index: int) -> list[int]:
    known = stream.known(index)
    return [int(n) for n in np.bincount(maturity(known["hours"], known["observations"]), minlength=len(NAMES))]


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """How well one entity is known to a job."""

    state: str
    """``learning``, ``usable`` or ``mature``."""
    hours: float
    """Active hours."""
    observations: int


def known_as(stream: JobStream, code: int) -> Known | None:
    """How well a job knows an entity by its code; None where it never met it."""
    for index in range(len(stream.groups)):
        known = stream.known(index)
        rows = known[known["entity"] == code]
        if rows.size:
            state = NAMES[int(maturity(rows["hours"], rows["observations"])[0])]
            return Known(state=state, hours=float(rows["hours"][0]), observations=int(rows["observations"][0]))
    return None
