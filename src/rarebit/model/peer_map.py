"""Peer groups of entities by their codes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rarebit.maths.hashing import hash_text

Ints = NDArray[np.int64]


class PeerMap:
    """Which group each entity is in, as far as it is named.

    Parameters
    ----------
    peer_of : mapping
        Entity code to name of its group.
    """

    def __init__(self, peer_of: Mapping[int, str]) -> None:
        self.keys = np.array(sorted(peer_of), np.int64)
        """Entity codes, rising."""
        self.codes = np.array([hash_text(peer_of[int(key)]) for key in self.keys], np.int64)
        """Code of the name of each one's group."""

    def groups_of(self, entities: Ints, otherwise: Ints) -> Ints:
        """Code of each row's group (int64[n]): by the map, else as given; 0 is none.

        Parameters
        ----------
        entities : int64[n] or int64[0]
            Codes of entities; empty where rows are about nobody.
        otherwise : int64[n]
            Codes of the groups of those not named.
        """
        if not self.keys.size or not entities.size:
            return otherwise
        at = np.minimum(np.searchsorted(self.keys, entities), self.keys.size - 1)
        return np.where(self.keys[at] == entities, self.codes[at], otherwise)


def numbers_of(codes: Ints, known: Ints) -> Ints:
    """Number of each peer group (int64[n]) among those known, by its code; 0, which is none, where it is unknown."""
    order = np.argsort(known, kind="stable")
    at = order[np.minimum(np.searchsorted(known, codes, sorter=order), known.size - 1)]
    return np.where(known[at] == codes, at, 0)
