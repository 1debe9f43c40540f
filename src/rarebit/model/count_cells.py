"""Series and cells of the count model: what is kept of each, and the law a cell is judged by."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from rarebit.maths.count import Predicted
from rarebit.model.count_kernel import merge
from rarebit.model.drift import WINDOWS
from rarebit.model.season import hours_of, week_of
from rarebit.model.tables import Table

SERIES: Final = np.dtype(
    [
        ("key", "i8"),
        ("events", "f8"),
        ("exposure", "f8"),
        ("noise", "f8"),
        ("noise_weight", "f8"),
        ("first_us", "i8"),
        ("last_us", "i8"),
        ("last_id", "i8"),
        ("buckets", "i8"),
        ("present", "i8"),
        ("member", "i8"),
        ("entity", "i8"),
        ("scopes", "i8"),
        ("group", "i4"),
        ("quiet", "i4"),
        ("drift", "i4"),
        *((f"{name}_{part}", "f8") for name, _ in WINDOWS for part in ("seen", "mean", "var")),
    ]
)
"""One series: decayed counts and exposure, noise, when and by which event it was first and last seen, the buckets it
was judged or learnt in and those it had events in, the member of a population it belongs to, its entity, the scopes it
was last in, its windows."""

CELL: Final = np.dtype(
    [
        ("revised", "i4"),
        ("side", "i4"),
        ("group", "i4"),
        ("peers", "i4"),
        ("key", "i8"),
        ("bucket_us", "i8"),
        ("time_us", "i8"),
        ("id", "i8"),
        ("seen_us", "i8"),
        ("first_us", "i8"),
        ("buckets", "i8"),
        ("count", "i8"),
        ("p", "f8"),
        ("mean", "f8"),
        ("shape", "f8"),
        ("events", "f8"),
        ("exposure", "f8"),
        ("prior_shape", "f8"),
        ("prior_exposure", "f8"),
        ("dispersion", "f8"),
        ("season", "f8"),
        ("fleet", "f8"),
        ("peer_mean", "f8"),
        ("hidden", "i8"),
        ("drift", "i4"),
        ("share", "f8"),
        ("own_p", "f8"),
        *((f"{name}_{part}", "f8") for name, _ in WINDOWS for part in ("seen", "mean", "var", "p")),
    ]
)
"""One series in one bucket, with all that its probability was made of; ``revised`` where late events changed it,
``hidden`` the key of the rule for which it is not told of, or 0."""

_OUTLIER: Final = 6.0
"""Standard deviations."""
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Watch(Protocol):
    """What is left out of a bucket that closes."""

    def resting(self, start_us: int, entities: Ints) -> NDArray[np.bool_]:
        """Of which series of these entities the bucket is passed over (bool[n])."""

    def cells(
        self, start_us: int, entities: Ints, scopes: Ints, actual: Floats, typical: Floats, *, counted: bool
    ) -> tuple[Ints, NDArray[np.bool_]]:
        """Key of what hides each judged cell, or 0 (int64[n]); and which are not learnt (bool[n]).

        ``counted`` is false where the cells were asked for before.
        """


class Moment:
    """A bucket's place in time."""

    def __init__(self, start_us: int, span_us: int) -> None:
        self.start_us = start_us
        self.hours = hours_of(start_us, span_us)
        self.week = week_of(start_us)


def most_ordinary(law: Predicted) -> Floats:
    """The largest count that is learnt as it is (float64[n]); more is learnt as if it were this."""
    found: Floats = np.ceil(law.mean + _OUTLIER * np.sqrt(law.mean + law.mean**2 / law.shape))
    return found


def with_new(series: Table, fresh: Table) -> Table:
    """The series (by key) and those of open rows met for the first time, so far in no group."""
    made = np.zeros(fresh.size, SERIES)
    for name in ("key", "first_us", "member", "entity"):
        made[name] = fresh[name]
    made["last_us"], made["last_id"] = fresh["first_us"], fresh["first_id"]
    out = np.empty(series.size + made.size, SERIES)
    merge(series, made, out)
    return out


def noise_of(y: Floats, law: Predicted, dispersion: Floats) -> Floats:
    """Squared deviation beyond what chance and doubt of the rate explain, and its weight (float64[2, n])."""
    doubt = np.maximum((1.0 / law.shape - dispersion) / (1.0 + dispersion), 0.0)
    scale = (1.0 + law.mean / 2.0) ** 2
    beyond = ((y - law.mean) ** 2 - law.mean - doubt * law.mean**2) / scale
    return np.stack([beyond, law.mean**2 / scale])


def count_peers(cells: Table, groups: int) -> None:
    """Put to each cell the mean count of its series' peers in the bucket, without its own."""
    total = np.bincount(cells["group"], cells["count"], groups)[cells["group"]]
    cells["peers"] = np.bincount(cells["group"], minlength=groups)[cells["group"]] - 1
    cells["peer_mean"] = (total - cells["count"]) / np.maximum(cells["peers"], 1)


def show_first_events(cells: Table, rows: Table) -> None:
    """Put the first event of the bucket to each cell that has one; the others keep their series' last event."""
    seen = np.flatnonzero(cells["count"] > 0)
    if seen.size == 0:
        return
    at = np.searchsorted(rows["key"], cells["key"][seen])
    cells["id"][seen], cells["time_us"][seen] = rows["first_id"][at], rows["first_us"][at]
    cells["seen_us"][seen] = rows["first_us"][at]
