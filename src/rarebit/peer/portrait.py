"""A group in words: a label for one member, and what the members have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rarebit.peer.evidence import SERVED, Evidence
from rarebit.peer.hours import hours_in_words

_MOST: Final = 0.8
_MANY: Final = 0.6
_APART: Final = 0.35
"""Difference of shares that sets a group apart."""
_NAMED: Final = 2
_SHOWN: Final = 3

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Portrait(NamedTuple):
    """What is shown of a group."""

    label: str
    reason: str
    hours: str
    software: tuple[str, ...]


class Marks(NamedTuple):
    """Program tokens that tell of a group: those more of its members have than others of the kind, and the reverse."""

    having: Ints
    lacking: Ints
    common: Ints
    """What nearly all have, the rarest in the fleet first."""


def shares(evidence: Evidence, labels: Ints, groups: int) -> Floats:
    """Share of members that show each token (float64[groups, tokens]); entities of label -1 are left out."""
    habits = evidence.habits
    of = labels[habits.entity]
    kept = of >= 0
    keys = of[kept] * habits.tokens + habits.token[kept]
    held = np.bincount(keys, minlength=groups * habits.tokens).reshape(groups, habits.tokens)
    sizes = np.bincount(labels[labels >= 0], minlength=groups)
    return np.asarray(held / np.maximum(sizes, 1)[:, None])


def marks_of(group: int, alike: Sequence[int], share: Floats, sizes: Ints, evidence: Evidence) -> Marks:
    """What sets a group apart from the others of its kind."""
    own = np.where(evidence.programs, share[group], 0.0)
    others = [at for at in alike if at != group]
    holders = np.bincount(evidence.habits.token, minlength=own.size)
    if others:
        weights = sizes[others] / sizes[others].sum()
        elsewhere = np.where(evidence.programs, weights @ share[others], 0.0)
        ahead = own - elsewhere
        having = np.flatnonzero((own >= _MANY) & (ahead >= _APART))
        having = having[np.lexsort((evidence.token_codes[having], -ahead[having]))]
        lacking = np.flatnonzero((elsewhere >= _MANY) & (ahead <= -_APART))
        lacking = lacking[np.lexsort((evidence.token_codes[lacking], ahead[lacking]))]
    else:
        having = lacking = np.zeros(0, np.int64)
    common = np.flatnonzero(own >= _MOST)
    common = common[np.lexsort((evidence.token_codes[common], holders[common]))]
    return Marks(having[:_SHOWN], lacking[:_NAMED], common[:_SHOWN])


def portrait(
    evidence: Evidence,
    members: Ints,
    kind: str,
    marks: Marks,
    names: Mapping[int, str],
    zones: Sequence[int | None],
    sites: Mapping[str, str],
) -> Portrait:
    """Label and reason of a group.

    Parameters
    ----------
    evidence : Evidence
        Of all.
    members : int64[m]
        Places of the members.
    kind : str
        The hard fact they share.
    marks : Marks
        See :func:`marks_of`.
    names : mapping
        Program code to name.
    zones : sequence
        Of each member, see :func:`rarebit.peer.hours.zones`.
    sites : mapping
        Entity to site, from the inventory.
    """
    told = [_name(evidence, token, names) for token in marks.having]
    missing = [_name(evidence, token, names) for token in marks.lacking]
    kind = kind.replace("_", " ")
    label = kind
    if told:
        label = f"{kind} with {' and '.join(told[:_NAMED])}"
    elif missing:
        label = f"{kind} without {' and '.join(missing[:_NAMED])}"
    site = _site([sites.get(evidence.names[at], "") for at in members.tolist()])
    hours = hours_in_words(evidence.hours[members], zones)
    software = tuple(dict.fromkeys([*told, *(_name(evidence, token, names) for token in marks.common)]))[:_SHOWN]
    also = [f"same software ({', '.join(software)})"] if software else []
    also += [f"no {' or '.join(missing)}"] if missing and not told else []
    also += [f"same hours ({hours})"] if hours not in ("", "mixed hours") else []
    also += _served(evidence, members)
    others = members.size - 1
    place = f" in {site}" if site else ""
    reason = f"like {others:,} other {_plural(kind, others)}{place}: " + ", ".join(also or ["nothing sets them apart"])
    return Portrait(label, reason, hours, software)


def _name(evidence: Evidence, token: int, names: Mapping[int, str]) -> str:
    return names.get(int(evidence.token_codes[token]), "a program")


def _plural(kind: str, count: int) -> str:
    return kind if count == 1 or kind.endswith("s") else f"{kind}s"


def _site(sites: Sequence[str]) -> str:
    site, times = Counter(sites).most_common(1)[0]
    return site if times >= _MOST * len(sites) else ""


def _served(evidence: Evidence, members: Ints) -> list[str]:
    inside = set(members.tolist())
    told = [
        SERVED[port]
        for port, held in sorted(evidence.served.items())
        if len(inside & held.keys()) >= _MOST * members.size
    ]
    return [f"they serve {' and '.join(dict.fromkeys(told))}"] if told else []
