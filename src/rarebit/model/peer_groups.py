"""Peer groups learnt from habits: clusters of entities, as many as foretell the next days better than fewer do.

Habits are tokens (a program, a kind of logon) and the days on which an entity showed them. Their TF-IDF (days times
rarity among entities) is reduced by a truncated singular value decomposition and cut by spherical k-means. How many
groups there are is decided on later days, which the clusters have not seen, by the law that the rare model's levels
stand for: what an entity has done leans on what its group has, that on what the fleet has. Groups that do not surely
foretell better apart than together are one group.

Membership is hard. A soft one (the predictive of three groups) would cost the kernels three look-ups an observation,
and what an analyst reads ("on 0 of 212 peers") must be one set of hosts.

Nothing depends on names or on the order of entities: callers give entities in the order of :func:`canonical_order`, and
the one source of chance has a fixed seed.
"""

from __future__ import annotations

from copy import copy
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.linalg import svds

from rarebit.maths.hashing import pair_codes

RANK: Final = 20
"""Directions kept of the habits' space."""
GRID: Final = (2, 3, 4, 6, 8, 12, 16, 24, 40)
MIN_SIZE: Final = 15
_STRENGTH: Final = 1.0
"""Concentration of every level of the law."""
_TIE: Final = 0.1
"""Share of the best gain over a single group that a smaller number of groups may lack and still be as good."""
_SURE: Final = 3.0
"""Standard errors by which two groups must foretell better apart than together."""
_SEED: Final = 20
_STARTS: Final = 6
_ROUNDS: Final = 60
_SAME: Final = 0.5
"""Share of the members of either group that must be in both for one to go on the other."""
_NEIGHBOURS: Final = 4
_DENSE: Final = 64

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Habits(NamedTuple):
    """Which entity showed which token on which days, each pair once."""

    entity: Ints
    token: Ints
    days: Ints
    """Bit d is day d of the window, at most 62 of them."""
    entities: int
    tokens: int

    def within(self, mask: int) -> Habits:
        """The same, only of the days of a mask."""
        days = self.days & mask
        kept = days != 0
        return Habits(self.entity[kept], self.token[kept], days[kept], self.entities, self.tokens)

    def of(self, members: Ints) -> Habits:
        """Those of some entities, which are numbered anew in the order given."""
        places = np.full(self.entities, -1, np.int64)
        places[members] = np.arange(members.size)
        kept = places[self.entity] >= 0
        return Habits(places[self.entity[kept]], self.token[kept], self.days[kept], members.size, self.tokens)

    def of_tokens(self, wanted: NDArray[np.bool_]) -> Habits:
        """Those of some tokens, whose numbers stay."""
        kept = wanted[self.token]
        return Habits(self.entity[kept], self.token[kept], self.days[kept], self.entities, self.tokens)

    @property
    def counts(self) -> Floats:
        """Number of days of each (float64[m])."""
        return np.bitwise_count(self.days).astype(np.float64)

    @property
    def span(self) -> Ints:
        """Days from the first to the last of each, both counted."""
        first = np.bitwise_count((self.days & -self.days) - 1).astype(np.int64)
        last = np.floor(np.log2(self.days.astype(np.float64))).astype(np.int64)
        span: Ints = last - first + 1
        return span


def canonical_order(habits: Habits, token_codes: Ints) -> Ints:
    """An order of entities (int64[n]) by what they do alone; those equal in everything may stand either way."""
    marks = pair_codes(token_codes[habits.token], habits.days).view(np.uint64)
    sums = np.zeros(habits.entities, np.uint64)
    np.add.at(sums, habits.entity, marks)
    return np.asarray(np.argsort(sums, kind="stable"), np.int64)


def features(habits: Habits, weights: Floats, more: Floats) -> Floats:
    """Entities as points of the unit sphere (float64[n, r]); an entity without habits is the zero point.

    Parameters
    ----------
    habits : Habits
        Of the days to learn from.
    weights : float64[tokens]
        What a token counts.
    more : float64[n, m]
        Further coordinates, small beside 1.
    """
    holders = np.bincount(habits.token, minlength=habits.tokens)
    # What one entity alone does makes it like no other; what all do, neither.
    shared = holders[habits.token] >= 2  # noqa: PLR2004
    rows, columns = habits.entity[shared], habits.token[shared]
    active = np.maximum(np.bincount(habits.entity, habits.counts, habits.entities), 1.0)
    idf = np.log((1.0 + habits.entities) / (1.0 + holders)) + 0.1
    cells = np.sqrt(habits.counts[shared] / active[rows]) * (idf * weights)[columns]
    used, columns = np.unique(columns, return_inverse=True)
    matrix = csr_array((cells, (rows, columns)), shape=(habits.entities, max(1, used.size)))
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return np.hstack([_unit(_reduced(matrix / np.maximum(lengths, 1e-12)[:, None])), more])


def _reduced(matrix: csr_array) -> Floats:
    rank = min(RANK, min(matrix.shape) - 1)
    if min(matrix.shape) <= _DENSE or rank < 1:
        left, values, _ = np.linalg.svd(matrix.toarray(), full_matrices=False)
        return np.asarray((left * values)[:, :RANK])
    left, values, _ = svds(matrix.tocsr(), k=rank, v0=np.ones(min(matrix.shape)), solver="arpack")
    return np.asarray(left * values)


def _unit(points: Floats) -> Floats:
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    return np.asarray(points / np.maximum(lengths, 1e-12))


def cluster(points: Floats, k: int) -> Ints:
    """Spherical k-means (int64[n], labels from 0 without gaps): the best of several starts."""
    best, most = np.zeros(points.shape[0], np.int64), -np.inf
    rng = np.random.default_rng(_SEED)
    for _ in range(_STARTS):
        labels, closeness = _k_means(points, _seeds(points, k, rng))
        if closeness > most:
            best, most = labels, closeness
    return np.unique(best, return_inverse=True)[1].astype(np.int64)


def _seeds(points: Floats, k: int, rng: np.random.Generator) -> Floats:
    """Centres far from each other: each next one by chance, the likelier the further from those before."""
    chosen = [int(rng.integers(points.shape[0]))]
    far = np.maximum(1.0 - points @ points[chosen[0]], 0.0)
    for _ in range(1, k):
        total = np.cumsum(far)
        if total[-1] <= 0.0:
            break
        at = int(np.searchsorted(total, rng.random() * total[-1], side="right"))
        chosen.append(min(at, points.shape[0] - 1))
        far = np.minimum(far, np.maximum(1.0 - points @ points[chosen[-1]], 0.0))
    return points[chosen]


def _k_means(points: Floats, centres: Floats) -> tuple[Ints, float]:
    labels = np.full(points.shape[0], -1, np.int64)
    for _ in range(_ROUNDS):
        near = points @ centres.T
        moved = np.argmax(near, axis=1)
        if np.array_equal(moved, labels):
            break
        labels = moved
        centres = centres_of(points, labels, centres.shape[0])
    return labels, float(near.max(axis=1).sum())


def centres_of(points: Floats, labels: Ints, k: int) -> Floats:
    """Directions of groups (float64[k, r]), zero for an empty one."""
    member = csr_array((np.ones(labels.size), (labels, np.arange(labels.size))), shape=(k, labels.size))
    return _unit(np.asarray(member @ points))


def absorb_small(points: Floats, labels: Ints, min_size: int) -> Ints:
    """Members of groups smaller than ``min_size`` join the nearest of the others (int64[n], without gaps)."""
    while True:
        sizes = np.bincount(labels)
        small = int(np.argmin(sizes))
        if sizes.size == 1 or sizes[small] >= min_size:
            return labels
        near = points @ centres_of(points, labels, sizes.size).T
        near[:, small] = -np.inf
        rows = labels == small
        labels = labels.copy()
        labels[rows] = np.argmax(near[rows], axis=1)
        labels = np.unique(labels, return_inverse=True)[1].astype(np.int64)


class Foretelling:
    """How well groups foretell later days, by a Pitman-Yor law of three levels: entity, group, fleet.

    An entity's days lean on how many of its group have a token, these on how many of the fleet have it; at each level
    what is new takes its share by the discount of that level (singletons over singletons and twice the pairs).

    Parameters
    ----------
    before, after : Habits
        Of the days learnt from and of the days to be foretold, of the same entities and tokens.
    """

    def __init__(self, before: Habits, after: Habits) -> None:
        self._before, self._after = before, after
        self._worth = after.counts
        own, held = before.counts, np.bincount(before.token, minlength=before.tokens)
        new, strength = _discount(held), held.sum() + _STRENGTH
        rest = (_STRENGTH + new * np.count_nonzero(held)) / max(before.tokens, 1)
        # A token nobody ever had is as likely under all groups; it stays in, so that the sum is a likelihood.
        self._fleet = (np.maximum(held - new, 0.0) + rest) / strength
        discount = _discount(own)
        totals = np.bincount(before.entity, own, before.entities)
        kinds = np.bincount(before.entity, minlength=before.entities)
        at = _places(before, after)
        mine = np.append(np.maximum(own - discount, 0.0), 0.0)[at]
        of = after.entity
        self._own = mine / (totals[of] + _STRENGTH)
        self._rest = (_STRENGTH + discount * kinds[of]) / (totals[of] + _STRENGTH)

    def log_likelihood(self, labels: Ints) -> Floats:
        """Of each entity's later days (float64[n], nats), if groups are these."""
        before, after = self._before, self._after
        k = int(labels.max(initial=0)) + 1
        keys = labels[before.entity] * before.tokens + before.token
        held = np.bincount(keys, minlength=k * before.tokens).reshape(k, before.tokens)
        total, kinds, ones, twos = (part.sum(axis=1) for part in (held, held > 0, held == 1, held == 2))  # noqa: PLR2004
        discount = (ones + 0.5) / (ones + 2.0 * twos + 1.0)
        of = labels[after.entity]
        rest = (_STRENGTH + (discount * kinds)[of]) * self._fleet[after.token]
        group = (np.maximum(held[of, after.token] - discount[of], 0.0) + rest) / (total[of] + _STRENGTH)
        told = self._worth * np.log(self._own + self._rest * group)
        return np.bincount(after.entity, told, before.entities).astype(np.float64)

    def of(self, members: Ints) -> Foretelling:
        """The same law over some entities, with the fleet and the discounts it has."""
        part = copy(self)
        inside = np.zeros(self._before.entities, np.bool_)
        inside[members] = True
        rows = inside[self._after.entity]
        part._before, part._after = self._before.of(members), self._after.of(members)  # noqa: SLF001
        part._worth, part._own, part._rest = self._worth[rows], self._own[rows], self._rest[rows]  # noqa: SLF001
        return part


def _discount(counts: Floats | Ints) -> float:
    """Share of the counted that is taken for what is new: singletons over singletons and twice the pairs."""
    ones, twos = (float(np.count_nonzero(counts == times)) for times in (1, 2))
    return (ones + 0.5) / (ones + 2.0 * twos + 1.0)


def _places(before: Habits, after: Habits) -> Ints:
    """Row of `before` that holds each pair of `after`; one past the last where none does."""
    keys = before.entity * before.tokens + before.token
    order = np.argsort(keys)
    asked = after.entity * after.tokens + after.token
    at = np.searchsorted(keys[order], asked)
    found = np.append(order, keys.size)[at]
    same = np.append(keys, -1)[found] == asked
    return np.where(same, found, keys.size)


def learn_groups(points: Floats, law: Foretelling, *, min_size: int) -> Ints:
    """Groups of one class of entities (int64[n], labels from 0): see the module."""
    tried = [np.zeros(points.shape[0], np.int64)]
    for k in GRID:
        if k * min_size > points.shape[0]:
            break
        tried.append(absorb_small(points, cluster(points, k), min_size))
    gains = np.array([float(law.log_likelihood(labels).sum()) for labels in tried])
    gains -= gains[0]
    enough = gains >= (1.0 - _TIE) * gains.max()
    return _joined(points, law, tried[int(np.argmax(enough))])


def _joined(points: Floats, law: Foretelling, labels: Ints) -> Ints:
    """Groups that do not foretell surely better apart than together are made one, the least telling pair first."""
    apart: dict[tuple[int, ...], float] = {}
    while labels.max(initial=0) > 0:
        k = int(labels.max()) + 1
        centres = centres_of(points, labels, k)
        near = centres @ centres.T
        np.fill_diagonal(near, -np.inf)
        tries = {tuple(sorted((a, int(b)))) for a in range(k) for b in np.argsort(-near[a])[: min(_NEIGHBOURS, k - 1)]}
        sizes = np.bincount(labels)
        worst, least = (0, 0), _SURE
        for a, b in sorted(tries):
            members = np.flatnonzero((labels == a) | (labels == b))
            key = (int(members[0]), int(members[-1]), members.size, int(members.sum()), int(sizes[a]))
            if key not in apart:
                apart[key] = _sureness(law.of(members), (labels[members] == a).astype(np.int64))
            if apart[key] < least:
                worst, least = (a, b), apart[key]
        if worst == (0, 0):
            break
        labels = np.where(labels == worst[1], worst[0], labels)
        labels = np.unique(labels, return_inverse=True)[1].astype(np.int64)
    return labels


def _sureness(law: Foretelling, labels: Ints) -> float:
    """Standard errors by which two groups foretell better apart."""
    gain = law.log_likelihood(labels) - law.log_likelihood(np.zeros_like(labels))
    spread = float(gain.std()) * np.sqrt(gain.size)
    return float(gain.sum()) / spread if spread > 0.0 else 0.0


def match_groups(before: Ints, now: Ints) -> dict[int, int]:
    """Group of now to the group of before that it goes on, by the greatest overlap in all (Hungarian method).

    Parameters
    ----------
    before, now : int64[n]
        Group of the same entities; -1 for none.
    """
    both = (before >= 0) & (now >= 0)
    if not both.any():
        return {}
    overlap = np.zeros((int(now.max()) + 1, int(before.max()) + 1))
    np.add.at(overlap, (now[both], before[both]), 1.0)
    sizes = np.maximum.outer(overlap.sum(axis=1), overlap.sum(axis=0))
    rows, columns = linear_sum_assignment(-overlap)
    return {int(a): int(b) for a, b in zip(rows, columns, strict=True) if overlap[a, b] >= _SAME * sizes[a, b]}
