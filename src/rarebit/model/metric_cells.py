"""Series and cells of the metric model: what is kept of each, and all that a probability was made of."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rarebit.maths.metric import Beliefs, Moments, Student, predict
from rarebit.model.tables import Table, by_key

SERIES: Final = np.dtype(
    [
        ("key", "i8"),
        ("first_us", "i8"),
        ("last_us", "i8"),
        ("last_id", "i8"),
        ("buckets", "i8"),
        ("stamp", "i8"),
        ("entity", "i8"),
        ("scopes", "i8"),
        ("seen", "f8"),
        ("weight", "f8"),
        ("mean", "f8"),
        ("squares", "f8"),
        ("exposure", "f8"),
        ("absent", "f8"),
        ("absences", "f8"),
        ("group", "i4"),
        ("quiet", "i4"),
    ]
)
"""One series: when and by which event it was first and last seen, buckets with a value, the bucket it was last learnt
in, its entity, the scopes it was last in, decayed moments of its values, and in how many buckets it was absent and in
how many its like would have been."""

CELL: Final = np.dtype(
    [
        ("group", "i4"),
        ("side", "i4"),
        ("statistic", "i4"),
        ("peers", "i4"),
        ("peers_beyond", "i4"),
        ("is_signed", "i4"),
        ("key", "i8"),
        ("bucket_us", "i8"),
        ("time_us", "i8"),
        ("id", "i8"),
        ("seen_us", "i8"),
        ("first_us", "i8"),
        ("buckets", "i8"),
        ("hidden", "i8"),
        *(
            (name, "f8")
            for name in (
                "events", "value", "p", "law_p", "tail_p", "absence", "location", "scale", "freedom",
                "seen", "weight", "mean", "squares", "prior_mean", "prior_worth", "prior_shape", "prior_variance",
                "season", "fleet", "offset", "noise",
                "rank_of", "rank_start", "rank_share", "rank_shape", "rank_scale", "typical", "lower", "upper",
            )
        ),
    ]
)  # fmt: skip
"""One series in one bucket, with all that its probability was made of; see :class:`rarebit.core.result.Gauge`."""

MOST_FREEDOM: Final = 30.0
"""However long a series is known, its values are not held to be quite normal: real ones are not."""

Floats = NDArray[np.float64]


def moments_of(rows: Table) -> Moments:
    """Moments of series or cells."""
    return Moments(*(np.ascontiguousarray(rows[name]) for name in Moments._fields))


def beliefs_of(cells: Table) -> Beliefs:
    """What the like of each cell's series told."""
    return Beliefs(*(np.ascontiguousarray(cells[f"prior_{name}"]) for name in Beliefs._fields))


def law_of(cells: Table) -> Student:
    """Law of each cell's value, with season and number of events, without the fleet."""
    law = predict(moments_of(cells), beliefs_of(cells), noise=np.ascontiguousarray(cells["noise"]))
    freedom = np.minimum(law.freedom, MOST_FREEDOM)
    return law._replace(location=law.location + cells["season"] + cells["offset"], freedom=freedom)


def forward(values: Floats, *, signed: bool) -> Floats:
    """The scale on which values are judged: their logarithm, one added, unless some are negative."""
    return values if signed else np.log1p(values)


def backward(y: Floats, *, signed: bool) -> Floats:
    """The inverse of :func:`forward`; not below 0 where no value is."""
    return y if signed else np.expm1(np.clip(y, 0.0, 700.0))


def with_new(series: Table, fresh: Table, stamp: int) -> Table:
    """The series (by key) and those of open rows met for the first time in the bucket of this number."""
    made = np.zeros(fresh.size, SERIES)
    made["stamp"] = stamp
    for name in ("key", "first_us", "entity"):
        made[name] = fresh[name]
    return by_key(series, made)
