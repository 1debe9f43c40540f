"""How odd a rhythm is on a site: as regular as this, to a destination as little known, and as new.

Other series of the site are what it is compared with, so pollers and updaters that all hosts have are what is usual,
without a list of their names. Three parts are multiplied: that of series as regular; among those, that of series to
destinations that no more hosts contact; and among those again, to destinations first contacted as lately. The last
two are drawn to the parts among all series, as if from :data:`WORTH` more. The product of three such parts that have
nothing to do with each other is smaller than ``q`` with probability ``q · (1 + L + L² / 2)``, ``L = -ln q``: Fisher's
law. Where they have, the calibration learns it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rarebit.model.beacon_kernel import dominated
from rarebit.model.tables import Table

WORTH: Final = 30.0
"""Series that the parts among all series are worth."""
ODDS: Final = np.dtype(
    [(name, "i8") for name in ("others", "as_regular", "as_rare", "as_new", "regular_rare", "regular_new")]
    + [("p", "f8")]
)
"""How many other series there are, and are as regular, rare or new, and as regular and rare, as regular and new."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def odds_of(strength: Floats, hosts: Ints, age: Ints) -> Table:
    """Odds (ODDS[n]) of every series of a site beside all others.

    Parameters
    ----------
    strength : float64[n]
        Of their rhythms.
    hosts : int64[n]
        Hosts that contact the destination.
    age : int64[n]
        Time since its first contact.
    """
    odds = np.zeros(strength.size, ODDS)
    rank_of_hosts, rank_of_age = _ranks(hosts), _ranks(age)
    odds["others"] = strength.size - 1
    ordered = np.sort(strength)
    odds["as_regular"] = strength.size - np.searchsorted(ordered, strength, side="left") - 1
    odds["as_rare"] = np.searchsorted(np.sort(hosts), hosts, side="right") - 1
    odds["as_new"] = np.searchsorted(np.sort(age), age, side="right") - 1
    odds["regular_rare"] = dominated(strength, rank_of_hosts, int(rank_of_hosts.max(initial=1))) - 1
    odds["regular_new"] = dominated(strength, rank_of_age, int(rank_of_age.max(initial=1))) - 1
    odds["p"] = probability(odds)
    return odds


def probability(odds: Table) -> Floats:
    """Probability (float64[n]) by the counts alone."""
    whole = odds["others"] + 1.0
    among = odds["as_regular"] + WORTH
    rare = (odds["regular_rare"] + WORTH * (odds["as_rare"] + 1.0) / whole) / among
    new = (odds["regular_new"] + WORTH * (odds["as_new"] + 1.0) / whole) / among
    product = (odds["as_regular"] + 1.0) / whole * rare * new
    depth = -np.log(product)
    found: Floats = np.minimum(product * (1.0 + depth + depth * depth / 2.0), 1.0)
    return found


def _ranks(values: Ints) -> Ints:
    ranks: Ints = np.unique(values, return_inverse=True)[1].astype(np.int64) + 1
    return ranks
