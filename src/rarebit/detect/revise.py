"""Findings that late events changed: what was found of the same series and bucket before gives way to them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rarebit.detect.findings import Findings
from rarebit.maths.hashing import pair_codes
from rarebit.model.tables import Table


def give_way(
    revised: Table, pending: list[Table], fresh: list[Findings], *, most_expected: float
) -> tuple[list[Table], list[Findings]]:
    """Take out of earlier findings those that are found again, and note in the new ones what became of the old.

    Parameters
    ----------
    revised : FOUND[n]
        The new findings; ``revised`` and ``settled`` are set: whether a record was made of the old one before now,
        and whether the calibration has learnt it.
    pending, fresh : list
        Findings of the last days, and those not yet handed out.
    most_expected : float
        No record is made of a finding expected more often than this a week.
    """
    names = _names(revised)
    order = np.argsort(names, kind="stable")
    revised["revised"] = 0
    kept = []
    for found in pending:
        own, at = _matched(found, names, order)
        if own.any():
            recorded = found["expected"][own] <= most_expected
            revised["revised"][at[recorded]] = 1
            revised["settled"][at] = found["settled"][own]
            found = found[~own]  # noqa: PLW2901 what is left of it
        kept.append(found)
    waiting = []
    for piece in fresh:
        own, at = _matched(piece.found, names, order)
        if own.any():
            revised["revised"][at] = piece.found["revised"][own]
            piece = piece.take(~own)  # noqa: PLW2901 what is left of it
        waiting.append(piece)
    return kept, waiting


def _matched(
    found: Table, names: NDArray[np.int64], order: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which findings are among the names, and at which places the names of those are."""
    own = _names(found)
    at = order[np.minimum(np.searchsorted(names, own, sorter=order), names.size - 1)]
    same = names[at] == own
    return same, at[same]


def _names(found: Table) -> NDArray[np.int64]:
    names: NDArray[np.int64] = pair_codes(
        np.ascontiguousarray(found["value"]), np.ascontiguousarray(found["window_us"])
    )
    return names
