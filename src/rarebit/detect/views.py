"""Several views of one observation: the host's, its parent process's, the user's."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rarebit.maths.combine import geometric
from rarebit.model.rare_kernel import CANDIDATE
from rarebit.model.tables import Table


class View(NamedTuple):
    """What one detector says of a stretch of rows."""

    p: NDArray[np.float64]
    """Probability of every row; NaN where the row is no new observation for this detector."""
    candidates: Table
    present: NDArray[np.bool_]
    """Whether the row has the detector's entity at all."""


def together(views: list[View]) -> NDArray[np.float64]:
    """Joint probability of the first view's candidates (float64[n]).

    A view to which the thing is known, or was shown within the hour, says 1; a view whose entity is absent is left
    out. What is left is combined by the geometric mean, which lets one unsurprised view take away from another.
    """
    rows = views[0].candidates["row"]
    p = views[0].candidates["p"].copy()
    if len(views) == 1 or rows.size == 0:
        return p
    said = np.stack([p, *(np.nan_to_num(view.p[rows], nan=1.0) for view in views[1:])])
    present = np.stack([view.present[rows] for view in views])
    count = present.sum(axis=0)
    for views_present in np.unique(count):
        if views_present < 2:  # noqa: PLR2004 one view alone needs no combination
            continue
        part = count == views_present
        chosen = said[:, part].T[present[:, part].T].reshape(-1, views_present).T
        p[part] = geometric(chosen)
    return p


def beside(lead: Table, view: View) -> Table:
    """The view's own candidates for the rows of another's; a row it has no word on stays empty (``row`` -1)."""
    out = np.zeros(lead.size, CANDIDATE)
    out["row"] = -1
    if view.candidates.size:
        at = np.minimum(np.searchsorted(view.candidates["row"], lead["row"]), view.candidates.size - 1)
        same = view.candidates["row"][at] == lead["row"]
        out[same] = view.candidates[at[same]]
    return out
