"""What every record is made with: the events behind it, and what can be said of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from rarebit.core.fields import CODED
from rarebit.core.influencer import Influencer
from rarebit.core.result import Record
from rarebit.detect.influence import carried
from rarebit.maths.tail import score_of
from rarebit.query import literal
from rarebit.query.columns import text_sql

EVENTS_SHOWN: Final = 20
"""The most event ids a record carries; ``event_count`` counts them all."""

Join = Callable[..., pa.Table]


@dataclass(frozen=True)
class Materialised:
    """Records of one run, and ids of earlier records that a rollout has now taken in."""

    records: list[Record]
    renewed: frozenset[str]
    """Ids of records told of before, made anew because there is more to tell."""
    absorbed: dict[str, str]
    """Record id to the id of the record that stands for the rollout."""


def key_sql(name: str) -> str:
    """SQL by which events of one entity or value are told from others: its code, or its text."""
    return literal.identifier(CODED[name]) if name in CODED else text_sql(name)


def influencers(events: pa.Table, names: Iterable[str]) -> tuple[Influencer, ...]:
    """Values of the fields among the events, those that have any."""
    found = (carried(name, events.column(name).to_pylist()) for name in names)
    return tuple(each for each in found if each is not None)


def score(expected: float) -> float:
    """Score (0 to 100) of an expected number a week."""
    return round(float(np.asarray(score_of(np.array([expected]))).ravel()[0]), 2)
