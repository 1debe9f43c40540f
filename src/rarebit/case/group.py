"""Stretches of time in which an entity gave findings that tell of something: what may become a case."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rarebit.case.evidence import WINDOWS_US, Evidence, Floats, Ints
from rarebit.core.time import DAY_US, HOUR_US, WEEK_US
from rarebit.model.windows import stretches, window_sums

GAP_US: Final = DAY_US
"""A silence this long ends a stretch, unless the week around it tells more than each of its days."""
LONGEST_US: Final = WEEK_US

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Drafts:
    """Stretches of all entities as columns; rows are those of an :class:`Evidence`."""

    evidence: Evidence
    rows: Ints
    """Rows that tell of something, by entity, then time."""
    stretch: Ints
    """Which draft each of them belongs to, rising from 0."""
    start: Ints
    """Where each draft begins among ``rows``, and one beyond the last."""
    window: Ints
    """Index of the window, of a day or a week, in which each draft tells the most."""
    end: Ints
    """Where the window that tells the most ends, among ``rows``."""
    total: Floats
    """What it tells there: evidence and order of stages."""
    so_far: Floats
    """For each of ``rows``: the most that its draft has told up to there."""
    told: tuple[str, ...]
    """Id of the case each draft was told of under, or empty."""

    def __len__(self) -> int:
        return self.total.size

    @cached_property
    def entity(self) -> Ints:
        """Whose each draft is."""
        return self.evidence.entity[self.rows[self.start[:-1]]]

    @cached_property
    def begin_us(self) -> Ints:
        """Time of the first finding of each draft."""
        return self.evidence.time_us[self.rows[self.start[:-1]]]

    @cached_property
    def last_us(self) -> Ints:
        """Time of the last finding of each draft."""
        return self.evidence.time_us[self.rows[self.start[1:] - 1]]

    def telling(self, draft: int) -> Ints:
        """Rows of a draft that tell of something."""
        return self.rows[self.start[draft] : self.start[draft + 1]]

    def best(self, draft: int) -> Ints:
        """Those of the window that tells the most."""
        upto = self.rows[self.start[draft] : self.end[draft] + 1]
        times = self.evidence.time_us[upto]
        found: Ints = upto[times > times[-1] - WINDOWS_US[self.window[draft]]]
        return found

    def all_rows(self, draft: int) -> Ints:
        """All that its entity gave from the first hour of a draft to the last, what tells nothing included."""
        seen, whose = self.evidence.time_us, self.evidence.entity
        low, high = (
            np.searchsorted(whose, self.entity[draft], "left"),
            np.searchsorted(whose, self.entity[draft], "right"),
        )
        first = self.begin_us[draft] // HOUR_US * HOUR_US
        beyond = (self.last_us[draft] // HOUR_US + 1) * HOUR_US
        following = draft + 1
        if following < len(self) and self.entity[following] == self.entity[draft]:
            beyond = min(beyond, int(self.begin_us[following]))
        if draft and self.entity[draft - 1] == self.entity[draft] and first <= self.last_us[draft - 1]:
            first = int(self.begin_us[draft])
        span = low + np.searchsorted(seen[low:high], [first, beyond])
        return np.arange(span[0], span[1])

    def id_of(self, draft: int) -> str:
        """Id of the case: the one it was told of under, else made of its first telling record."""
        if self.told[draft]:
            return self.told[draft]
        kind, name = self.evidence.names[self.entity[draft]]
        first = self.evidence.signals[self.telling(draft)[0]].id
        text = f"{name}|{first}" if kind == "host" else f"{kind}|{name}|{first}"
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def drafts_of(evidence: Evidence, told: Mapping[str, str] | None = None) -> Drafts:
    """Stretches of findings, entity by entity.

    A stretch ends with a day of silence, and after a week. Where the findings of a week together tell more than
    those of any day in it, the week is one stretch.

    Parameters
    ----------
    evidence : Evidence
        Findings and their points.
    told : mapping, optional
        Record id to the id of the case it was told of under: it stays there, and new ones near it join it.
    """
    numbers: dict[str, int] = {}
    known = np.array(
        [numbers.setdefault(told[s.id], len(numbers) + 1) if told and s.id in told else 0 for s in evidence.signals],
        np.int64,
    )
    telling = evidence.points[0] > 0.0
    mute = (known > 0) & ~np.isin(known, known[telling])  # a case that tells of nothing any more stays one
    rows = np.flatnonzero(telling | mute)
    time_us, entity, case = evidence.time_us[rows], evidence.entity[rows], known[rows]
    days = stretches(time_us, entity, case, gap_us=GAP_US, longest_us=LONGEST_US)
    weeks = stretches(time_us, entity, case, gap_us=LONGEST_US, longest_us=LONGEST_US)
    totals = [_totals(evidence, rows, label, at) for at, label in enumerate((days, weeks))]
    whole = _most(totals[1], weeks) > _most(totals[0], weeks)
    label = _renumbered(np.where(whole, weeks, days), entity, whole)
    # Where a week takes a part of a day's stretch, the rest of it is counted by itself.
    best = np.where(whole, _totals(evidence, rows, label, 1), _totals(evidence, rows, label, 0))
    return _columns(evidence, rows, label, best, whole, case, list(numbers))


def _columns(
    evidence: Evidence, rows: Ints, label: Ints, best: Floats, whole: Flags, case: Ints, names: list[str]
) -> Drafts:
    count = int(label[-1]) + 1 if label.size else 0
    start = np.searchsorted(label, np.arange(count + 1))
    so_far, end, told = np.empty(rows.size), np.empty(count, np.int64), []
    for draft in range(count):
        part = slice(start[draft], start[draft + 1])
        so_far[part] = np.maximum.accumulate(best[part])
        end[draft] = part.start + int(np.argmax(best[part]))
        own = case[part]
        told.append(names[own[own > 0][0] - 1] if (own > 0).any() else "")
    window = whole[start[:-1]].astype(np.int64) if count else np.empty(0, np.int64)
    return Drafts(evidence, rows, label, start, window, end, best[end], so_far, tuple(told))


def _totals(evidence: Evidence, rows: Ints, label: Ints, window: int) -> Floats:
    evidence_sum, order = window_sums(
        evidence.time_us[rows], label, evidence.tactic[rows], evidence.family[rows], evidence.points[window][rows],
        span_us=WINDOWS_US[window],
    )  # fmt: skip
    return evidence_sum + order


def _most(totals: Floats, label: Ints) -> Floats:
    """The largest of each label, at each row; labels rise."""
    if not label.size:
        return totals
    starts = np.flatnonzero(np.diff(label, prepend=-1))
    most: Floats = np.maximum.reduceat(totals, starts)[label - label[0]]
    return most


def _renumbered(label: Ints, entity: Ints, whole: Flags) -> Ints:
    """Labels of two kinds as one that rises from 0."""
    if not label.size:
        return label
    changed = (np.diff(label) != 0) | (np.diff(entity) != 0) | (np.diff(whole.astype(np.int64)) != 0)
    return np.concatenate([[0], np.cumsum(changed)])
