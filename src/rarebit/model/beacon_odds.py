"""How odd a rhythm is on a site: as regular as this, to a destination as little known, and as new.

Other series of the site are what it is compared with, so pollers and updaters that all hosts have are what is usual,
without a list of their names. Three parts are multiplied: that of series as regular; among those at least half as
regular, that of series to destinations that no more hosts contact; and among the same, to destinations first
contacted as lately. The last two are drawn to the parts among all series, as if from :data:`WORTH` more.

The product is judged twice. Beside those of all other series: that is valid however the three depend on each other,
and never less than one in their number. And by Fisher's law: the product of three parts that have nothing to do with
each other is smaller than ``q`` with probability ``q · (1 + L + L² / 2)``, ``L = -ln q``; that tells how far beyond
all others the oddest is. The lesser counts, twice.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rarebit.model.beacon_kernel import counted
from rarebit.model.tables import Table

WORTH: Final = 30.0
"""Series that the parts among all series are worth."""
ODDS: Final = np.dtype(
    [(name, "i8") for name in (
        "others", "as_regular", "as_rare", "as_new", "regular", "regular_rare", "regular_new", "as_odd",
    )] + [("product", "f8"), ("p", "f8")]
)  # fmt: skip
"""How many other series there are, and are as regular, rare or new; at least half as regular, and of those as rare, or
as new; and how many have as small a product of the three parts."""

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
        How long ago it was first contacted, in classes.
    """
    odds = np.zeros(strength.size, ODDS)
    rank_of_hosts, rank_of_age = _ranks(hosts), _ranks(age)
    odds["others"] = strength.size - 1
    ordered = np.sort(strength)
    odds["as_regular"] = strength.size - np.searchsorted(ordered, strength, side="left") - 1
    odds["as_rare"] = np.searchsorted(np.sort(hosts), hosts, side="right") - 1
    odds["as_new"] = np.searchsorted(np.sort(age), age, side="right") - 1
    half = strength / 2.0
    odds["regular"] = strength.size - np.searchsorted(ordered, half, side="left") - 1
    odds["regular_rare"] = counted(strength, half, rank_of_hosts, int(rank_of_hosts.max(initial=1))) - 1
    odds["regular_new"] = counted(strength, half, rank_of_age, int(rank_of_age.max(initial=1))) - 1
    odds["product"] = product(odds)
    odds["as_odd"] = np.searchsorted(np.sort(odds["product"]), odds["product"], side="right") - 1
    odds["p"] = probability(odds)
    return odds


def product(odds: Table) -> Floats:
    """Product of the three parts (float64[n])."""
    whole = odds["others"] + 1.0
    among = odds["regular"] + WORTH
    rare = (odds["regular_rare"] + WORTH * (odds["as_rare"] + 1.0) / whole) / among
    new = (odds["regular_new"] + WORTH * (odds["as_new"] + 1.0) / whole) / among
    found: Floats = (odds["as_regular"] + 1.0) / whole * rare * new
    return found


def probability(odds: Table) -> Floats:
    """Probability (float64[n]) by the counts and the product."""
    depth = -np.log(odds["product"])
    alone = odds["product"] * (1.0 + depth + depth * depth / 2.0)
    found: Floats = np.minimum(2.0 * np.minimum((odds["as_odd"] + 1.0) / (odds["others"] + 1.0), alone), 1.0)
    return found


def _ranks(values: Ints) -> Ints:
    ranks: Ints = np.unique(values, return_inverse=True)[1].astype(np.int64) + 1
    return ranks
