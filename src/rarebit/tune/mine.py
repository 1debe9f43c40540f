"""Benign clusters among findings: what they share, as patterns of at most three attributes, each cover once.

Frequent sets of attributes are grown level by level (Apriori) over bit sets of findings. Of the sets that the same
findings meet, the longest are kept (closed sets, but for the limit of three), in the order of what is hardest to forge.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rarebit.tune.attributes import GROUPS, HOURS, JOB, RULE, Attributes
from rarebit.tune.guards import is_service, weakness

LONGEST: Final = 3
LEAST: Final = 10
SHARE: Final = 0.02
"""A pattern is met by at least so many findings, and by so large a share of them."""
ENTITIES: Final = 3
DAYS: Final = 3
"""It spans so many hosts or accounts, or is of one service account; and so many days."""
DIMENSIONS: Final = 2
"""It asks for so many things that are independent: one of them an intruder can copy."""
MOST: Final = 20
"""The most patterns proposed at once."""
BREADTH: Final = 0.1
"""Each attribute fewer than three must hide so much more to be preferred."""
WIDTH: Final = 3.0
"""Findings that a pattern must hide more for each ``e``-fold of all events that meet it, in thousandths."""
_ITEMS: Final = 400
_DIMENSION: Final = {
    "process.name": "program",
    "process.executable": "program",
    "process.parent.name": "parent",
    "process.parent.executable": "parent",
    "process.code_signature.subject_name": "signer",
    "user.name": "account",
    "destination.domain": "destination",
    "destination.ip": "destination",
    "dns.question.name": "destination",
    "service.name": "service",
    "source.ip": "source",
    "host.name": "host",
}
_HARDEST: Final = {
    name: at
    for at, name in enumerate(
        ("process.code_signature.subject_name", "process.executable", "process.parent.executable",
         "process.parent.name", "user.name", "process.name", "service.name", "destination.domain", "destination.ip",
         "dns.question.name", "source.ip", GROUPS["host.name"], GROUPS["user.name"], JOB, RULE, HOURS, "host.name")
    )
}  # fmt: skip
"""What is hardest to forge first."""

Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]
Item = tuple[str, str]


@dataclass(frozen=True, eq=False)
class Findings:
    """Findings as columns."""

    attributes: Sequence[Attributes]
    entity: Ints
    """Number of the host or account each is about."""
    day: Ints

    def __len__(self) -> int:
        return len(self.attributes)

    def meeting(self, pattern: Attributes) -> Flags:
        """Which of them meet a pattern."""
        asked = pattern.items()
        return np.array([asked <= found.items() for found in self.attributes], np.bool_)


@dataclass(frozen=True, eq=False)
class Cluster:
    """A pattern, and the findings that meet it."""

    pattern: dict[str, str]
    rows: Flags


def clusters(found: Findings) -> list[list[Cluster]]:
    """Patterns that may be hidden by: for each cover those that are as narrow, the hardest to forge first."""
    groups = {a["user.name"]: a["user.group"] for a in found.attributes if "user.name" in a and "user.group" in a}
    made = []
    for cover, sets in _covers(found).items():
        longest = max(map(len, sets))
        patterns = [dict(items) for items in sorted(sets, key=_forged) if len(items) == longest]
        rows = _rows(cover, len(found))
        fitting = [Cluster(each, rows) for each in patterns if _fits(each, rows, found, groups)]
        if fitting:
            made.append(fitting)
    return made


def choose(
    found: list[list[Cluster]], *, allowed: Callable[[Attributes], bool], width: Callable[[Attributes], float]
) -> Iterator[Cluster]:
    """Patterns by what each hides beyond those before it, the most first (greedy cover).

    Parameters
    ----------
    found : list of list of Cluster
        See :func:`clusters`.
    allowed : callable
        Whether a pattern hides no attack.
    width : callable
        Share of all events that meet a pattern.
    """
    left: dict[int, list[Cluster]] = dict(enumerate(found))
    covered: Flags | None = None
    known: dict[int, tuple[Cluster, float]] = {}
    for _ in range(MOST):
        best: tuple[float, int] | None = None
        for at, gain in sorted(
            ((at, _gain(each[0], covered)) for at, each in left.items()), key=lambda x: (-x[1], x[0])
        ):
            if gain < LEAST or (best is not None and gain <= best[0]):
                break
            if at not in known:
                fitting = next((each for each in left[at] if allowed(each.pattern)), None)
                if fitting is None:
                    del left[at]
                    continue
                known[at] = fitting, WIDTH * math.log1p(1000.0 * width(fitting.pattern))
            worth = gain - known[at][1]
            if worth > 0.0 and (best is None or worth > best[0]):
                best = worth, at
        if best is None:
            return
        cluster = known[best[1]][0]
        covered = cluster.rows if covered is None else covered | cluster.rows
        del left[best[1]]
        yield cluster


def _gain(cluster: Cluster, covered: Flags | None) -> float:
    new = cluster.rows if covered is None else cluster.rows & ~covered
    return float(new.sum()) * (1.0 - BREADTH * (LONGEST - len(cluster.pattern)))


def _fits(pattern: dict[str, str], rows: Flags, found: Findings, groups: dict[str, str]) -> bool:
    if len({_DIMENSION[name] for name in pattern if name in _DIMENSION}) < DIMENSIONS or weakness(pattern, groups):
        return False
    account = pattern.get("user.name", "")
    named = bool(account) and is_service(account, groups.get(account, ""))
    enough = named or np.unique(found.entity[rows]).size >= ENTITIES
    return bool(enough) and np.unique(found.day[rows]).size >= DAYS


def _covers(found: Findings) -> dict[int, list[tuple[Item, ...]]]:
    """Frequent sets of attributes by the findings that meet them, as a bit set."""
    least = max(LEAST, math.ceil(SHARE * len(found)))
    single = _single(found, least)
    covers: dict[int, list[tuple[Item, ...]]] = defaultdict(list)
    level: list[tuple[tuple[Item, ...], int]] = [((item,), bits) for item, bits in single.items()]
    pairs: set[tuple[Item, Item]] = set()
    for length in range(1, LONGEST + 1):
        for items, bits in level:
            covers[bits].append(items)
        if length == LONGEST:
            break
        grown: list[tuple[tuple[Item, ...], int]] = []
        for items, bits in level:
            for item, own in single.items():
                if item <= items[-1] or any(_alike(item[0], name) for name, _ in items):
                    continue
                if length > 1 and any((one, item) not in pairs for one in items):
                    continue
                both = bits & own
                if both.bit_count() >= least:
                    grown.append(((*items, item), both))
        if length == 1:
            pairs = {(items[0], items[1]) for items, _ in grown}
        level = grown
    return covers


def _alike(name: str, other: str) -> bool:
    """Whether two fields tell of the same thing: a program by its name and by its path."""
    return _DIMENSION.get(name, name) == _DIMENSION.get(other, other)


def _single(found: Findings, least: int) -> dict[Item, int]:
    """Frequent attributes, and the findings that have each."""
    counts = Counter(item for each in found.attributes for item in each.items() if item[0] in _HARDEST)
    common = sorted(item for item, count in counts.most_common(_ITEMS) if count >= least)
    number = {item: at for at, item in enumerate(common)}
    flags = np.zeros((len(common), len(found)), np.bool_)
    for row, each in enumerate(found.attributes):
        flags[[number[item] for item in each.items() if item in number], row] = True
    return {item: int.from_bytes(np.packbits(flags[at]).tobytes(), "big") for item, at in number.items()}


def _rows(cover: int, size: int) -> Flags:
    length = -(-size // 8)
    packed = np.frombuffer(cover.to_bytes(length, "big"), np.uint8)
    return np.unpackbits(packed)[:size].astype(np.bool_)


def _forged(items: tuple[Item, ...]) -> tuple[int, ...]:
    return tuple(sorted(_HARDEST[name] for name, _ in items))
