"""Population analysis of counts: members that have events in a bucket, each judged beside all the others.

A member met for the first time is judged by the law of the whole population, a mixture of gamma laws over its rate
(:mod:`rarebit.maths.mixture`). What the member does sharpens that law for it alone, by Bayes' rule and no further: a
member that has always made a thousand times what others make is soon told from them and quietens by its own history,
and one that begins to is found, though others have always done so. A bucket without events of a member is no
observation of it; what is modelled is the count less one.

Memory: a row for each member seen in the last thirty days, within the bound, those not seen for the longest leaving
first; and 32 weights for each population. The weights are learnt anew every day from the members held (a sample of
the large ones), those of small populations from all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rarebit.maths import mixture
from rarebit.maths.count import P_FLOOR, Predicted, learn, p_high, p_low, predict
from rarebit.model.count import SURPRISING, CountModel, Floats, Ints, Judged
from rarebit.model.count_cells import CELL, Moment, count_peers, most_ordinary, noise_of
from rarebit.model.count_kernel import NOISE_WORTH
from rarebit.model.count_prior import MIN_EXPOSURE, MIN_MEMBERS, Prior, fleet_factor, is_collapsed, shared_noise
from rarebit.model.count_settings import HIGH, LOW, CountSettings
from rarebit.model.tables import State, Table

PARTS: Final = mixture.RATES.size
MEMBER_CELL: Final = np.dtype([*CELL.descr, ("weights", "f8", (PARTS,))])
"""A cell, and how likely each part of the mixture is for its member."""
MOST_POPULATIONS: Final = 1000
"""Populations with a law of their own; those met later share the law of all."""
_SAMPLE: Final = 20_000
"""Members from which the weights of one population are learnt."""
_NEGLIGIBLE: Final = 1e-15
"""Weight below which a part is counted as if it made the count certain."""
_UNTOLD: Final = 1e-4
_TRACE: Final = 1e-9
"""Weight of parts that no member was seen in, for what is expected; for what surprises there is more doubt."""
_STEADIEST: Final = 1e-9
_LEAST_NOISE: Final = 0.01
"""No rate is steadier from bucket to bucket than to a tenth: the season is not known better."""
_CHUNK: Final = 4_096
_KNOWN: Final = 1.0
"""Shape of a member's law from which on its rate is known well enough to tell how busy the population is."""


class PopulationModel(CountModel):
    """State of one detector's population; :class:`CountModel` with members for series, and populations for groups."""

    cell_type = MEMBER_CELL

    def __init__(self, settings: CountSettings) -> None:
        super().__init__(settings)
        self._weights = np.stack([mixture.even(), mixture.even()])[None]

    def core_state(self) -> State:
        """What was learnt of closed buckets."""
        return super().core_state() | {"weights": self._weights.copy()}

    def load_core(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take back :meth:`core_state`."""
        self._weights = np.array(state["weights"])
        super().load_core(state)

    def _add_groups(self, codes: Ints) -> None:
        codes = codes[: max(0, MOST_POPULATIONS + 1 - self._group_codes.size)]
        super()._add_groups(codes)
        self._weights = np.concatenate([self._weights, np.repeat(self._weights[:1], codes.size, axis=0)])

    def _fit(self) -> bool:
        if self.series.size == 0:
            return False
        self._weights[:], self._prior[:] = self._law_of(self.series)
        order = np.argsort(self.series["group"], kind="stable")
        edges = np.searchsorted(self.series["group"][order], np.arange(self._group_codes.size + 1))
        for group in np.flatnonzero(np.diff(edges) >= MIN_MEMBERS):
            if group > 0 and self.settings.pool:
                members = self.series[np.sort(order[edges[group] : edges[group + 1]])]
                self._weights[group], self._prior[group] = self._law_of(members)
        return True

    def _judge_and_learn(self, chosen: Ints, counts: Ints, when: Moment, wanted: float) -> Judged:  # noqa: ARG002 all are worked out
        """Judge a bucket, with what is known before it, then learn it."""
        cells = self._cells(chosen, counts, when)
        made = _Members(chosen, cells)
        if cells.size == 0:
            return made
        y = counts - self.settings.skip_empty
        if np.isnan(self._prior[0, 0]):
            cells["p"] = np.nan
            kept = np.flatnonzero(self._kept(made, when))
            self._learn(chosen[kept], y[kept], np.ones(kept.size), np.zeros((2, kept.size)))
            return made
        flat = self._law(cells)
        law = Predicted(flat.shape, flat.mean * cells["season"])
        collapsed = is_collapsed(y, law.mean, self.series["quiet"][chosen] == 0)
        groups = self._group_codes.size
        if not collapsed:
            cells["fleet"] = self._fleet(y, law, cells["group"].astype(np.int64))[cells["group"]]
        self._judge(cells, chosen, y, law, collapsed=collapsed)
        kept = np.flatnonzero(self._kept(made, when))
        cells["own_p"], cells["share"] = cells["p"], 1.0
        if collapsed and self._season.may_freeze(when.hours, when.week):
            return made
        law = Predicted(law.shape, law.mean * cells["fleet"])
        learnt = np.minimum(y, self._most(law, chosen))
        exposure, noise = cells["season"] * np.sqrt(cells["fleet"]), noise_of(learnt, law, cells["dispersion"])
        self._learn(chosen[kept], learnt[kept], exposure[kept], noise[:, kept])
        damped = 1.0 / (1.0 + np.maximum(cells["dispersion"], 1.0 / law.shape) * flat.mean)
        parts, of = ((damped * part)[kept] for part in (learnt, flat.mean)), cells["group"][kept]
        counted, expected = (np.bincount(of, part, groups).astype(np.float64) for part in parts)
        self._season.learn(when.hours, when.week, counted, expected)
        return made

    def _cells(self, chosen: Ints, counts: Ints, when: Moment) -> Table:
        """What is known of each member before the bucket is learnt."""
        series = self.series[chosen]
        cells = np.zeros(chosen.size, self.cell_type)
        for name in ("key", "group", "first_us", "buckets", "events", "exposure"):
            cells[name] = series[name]
        cells["bucket_us"] = cells["time_us"] = when.start_us
        cells["id"], cells["seen_us"], cells["count"] = series["last_id"], series["last_us"], counts
        cells["season"] = self._season.profiles[:, when.hours].mean(axis=1)[series["group"]]
        prior = Prior(*self._prior[series["group"]].T)
        cells["prior_shape"], cells["prior_exposure"] = prior.shape, prior.exposure
        own, weight = series["noise"], series["noise_weight"]
        cells["dispersion"] = np.maximum((own + NOISE_WORTH * prior.dispersion) / (weight + NOISE_WORTH), 0.0)
        cells["fleet"] = 1.0
        count_peers(cells, self._group_codes.size)
        return cells

    def _law(self, cells: Table) -> Predicted:
        cells["dispersion"] = np.maximum(cells["dispersion"], _LEAST_NOISE)
        evidence = self._evidence(cells)
        cells["weights"] = mixture.posterior(evidence, self._weights[cells["group"], 0])
        likely = mixture.posterior(evidence, self._weights[cells["group"], 1])
        mean, square = np.zeros(cells.size), np.zeros(cells.size)
        for part in range(PARTS):
            law = parts_of(cells, np.ones(cells.size), np.full(cells.size, part), season=False)
            mean += likely[:, part] * law.mean
            square += likely[:, part] * law.mean**2 * (1.0 + 1.0 / law.shape)
        return Predicted(mean**2 / np.maximum(square - mean**2, _STEADIEST * mean**2), mean)

    def _evidence(self, cells: Table) -> Floats:
        found = np.empty((cells.size, PARTS))
        held = _worth(cells["events"], cells["exposure"], cells["dispersion"])
        for start in range(0, cells.size, _CHUNK):
            some = slice(start, start + _CHUNK)
            found[some] = mixture.log_evidence(held[0][some], held[1][some])
        return found

    def _law_of(self, members: Table) -> tuple[Floats, tuple[float, float, float]]:
        """Weights of a population, with doubt and with hardly any; and the one gamma law nearest to it."""
        dispersion = shared_noise(members)
        asked = members[:: -(-members.size // _SAMPLE)]
        evidence = mixture.log_evidence(*_worth(asked["events"], asked["exposure"], np.array(dispersion)))
        weights, seen = mixture.fit_weights(evidence)
        weights = np.stack([weights, (seen + _TRACE / PARTS) / (1.0 + _TRACE)])
        mean, variance = mixture.moments(seen)
        shape = float(np.clip(mean * mean / variance, 0.05, 100.0))
        return weights, (shape, shape / mean, dispersion)

    def _fleet(self, y: Ints, law: Predicted, groups: Ints) -> Floats:
        known = np.flatnonzero(law.shape >= _KNOWN)
        return fleet_factor(y[known], law.shape[known], law.mean[known], groups[known], self._group_codes.size)

    def _most(self, law: Predicted, chosen: Ints) -> Floats:
        """What a new member does is no outlier of its own habit, of which nothing is known."""
        known = self.series["exposure"][chosen] >= MIN_EXPOSURE
        return np.where(known, most_ordinary(law), np.inf)

    def _learn(self, chosen: Ints, y: Ints | Floats, exposure: Floats, noise: Floats) -> None:
        told = self.series["exposure"][chosen] >= MIN_EXPOSURE  # the rest is doubt of the rate, not its noise
        noise = noise * told
        for name, new in (("events", y), ("exposure", exposure), ("noise", noise[0]), ("noise_weight", noise[1])):
            self.series[name][chosen] = learn(self.series[name][chosen], new, decay=self._decay)
        self.series["buckets"][chosen] += 1

    def _judge(self, cells: Table, chosen: Ints, y: Ints, law: Predicted, *, collapsed: bool) -> None:
        side, p = self.settings.side, np.ones(y.size)
        cells["shape"], cells["side"] = law.shape, LOW if side == LOW else HIGH
        cells["mean"] = law.mean
        if side != LOW:
            fleet = np.maximum(cells["fleet"], 1.0)
            cells["mean"] *= fleet
            rows = np.flatnonzero(y > 0)
            p[rows] = mixed_tail(cells[rows], y[rows], fleet[rows], HIGH)
        if side != HIGH and not collapsed:
            fleet = np.minimum(cells["fleet"], 1.0)
            lower = self._lower(cells, chosen, y, law.mean * fleet)
            less = (lower < p) | (side == LOW)
            cells["side"][less], cells["mean"][less] = LOW, (law.mean * fleet)[less]
            p = np.minimum(p, lower)
        cells["p"] = p if side else np.minimum(2.0 * p, 1.0)

    def _lower(self, cells: Table, chosen: Ints, y: Ints, mean: Floats) -> Floats:
        """Probability of as few, where one alone would surprise; told once when a stretch of it begins."""
        p = np.ones(y.size)
        fleet = np.minimum(cells["fleet"], 1.0)
        rows = np.flatnonzero(y < mean)
        rows = rows[mixed_tail(cells[rows], np.zeros(rows.size, np.int64), fleet[rows], LOW) < SURPRISING / 2.0]
        p[rows] = mixed_tail(cells[rows], y[rows], fleet[rows], LOW)
        quiet = self.series["quiet"][chosen] > 0
        self.series["quiet"][chosen] = p < SURPRISING
        p[quiet] = 1.0
        return p


class _Members:
    """The members of a bucket that closes; see :class:`~rarebit.model.count.Judged`."""

    def __init__(self, chosen: Ints, cells: Table) -> None:
        self.chosen = chosen
        self._cells = cells

    @property
    def counts(self) -> Ints:
        return np.ascontiguousarray(self._cells["count"])

    @property
    def p(self) -> Floats:
        return self._cells["p"]

    @property
    def hidden(self) -> Ints:
        return self._cells["hidden"]

    @hidden.setter
    def hidden(self, keys: Ints) -> None:
        self._cells["hidden"] = keys

    @property
    def typical(self) -> Floats:
        """Count that was expected of each, NaN where it was not judged; there is no bucket without events."""
        return np.where(np.isnan(self.p), np.nan, self._cells["mean"] + 1.0)

    def cells(self, chosen: Ints, start_us: int) -> Table:  # noqa: ARG002 they know
        return self._cells[chosen]


def _worth(events: Floats, exposure: Floats, dispersion: Floats) -> tuple[Floats, Floats]:
    """History as it counts where a rate is noisy from bucket to bucket."""
    worth = 1.0 + dispersion * (events + 0.5) / (exposure + 0.5)
    return events / worth, exposure / worth


def parts_of(cells: Table, fleet: Floats, parts: Ints, *, season: bool = True) -> Predicted:
    """Law of each cell's count (less one) if its member belongs to the given part of the mixture."""
    return predict(
        cells["events"],
        cells["exposure"],
        prior_shape=mixture.SHAPE,
        prior_exposure=mixture.SHAPE / mixture.RATES[parts],
        coming=cells["season"] * fleet if season else fleet,
        dispersion=cells["dispersion"],
    )


def mixed_quantile(level: float, cells: Table, fleet: Floats) -> Ints:
    """Smallest count (less one) that is not exceeded with probability ``level`` or more (int64[n])."""
    low, high = np.full(cells.size, -1, np.int64), np.ones(cells.size, np.int64)
    while (short := _at_most(high, cells, fleet) < level).any():
        low, high = np.where(short, high, low), np.where(short, 2 * high, high)
    while (high - low > 1).any():
        middle = (low + high) // 2
        enough = _at_most(middle, cells, fleet) >= level
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return high


def telling_parts(cell: Table, y: int, fleet: Floats, side: int) -> tuple[Floats, Predicted]:
    """Weights and laws of the parts of one cell (a table of one) that add a ten-thousandth or more to its p."""
    parts = np.flatnonzero(cell["weights"][0] > 0.0)
    weights = np.array(cell["weights"][0][parts])
    law = parts_of(np.repeat(cell, parts.size), np.repeat(fleet, parts.size), parts)
    share = weights * (p_high if side == HIGH else p_low)(y, law)
    told = share > _UNTOLD * share.sum()
    return weights[told], Predicted(law.shape[told], law.mean[told])


def _at_most(y: Ints, cells: Table, fleet: Floats) -> Floats:
    total = np.zeros(cells.size)
    for part in range(PARTS):
        total += cells["weights"][:, part] * p_low(y, parts_of(cells, fleet, np.full(cells.size, part)), u=1.0)
    return total


def mixed_tail(cells: Table, y: Ints, fleet: Floats, side: int) -> Floats:
    """Mid-probability of so much or more, or of so little or less, over all parts (float64[n])."""
    total = np.zeros(cells.size)
    for start in range(0, cells.size, _CHUNK):
        some = slice(start, start + _CHUNK)
        weights = cells["weights"][some]
        rows, parts = np.nonzero(weights >= _NEGLIGIBLE)
        law = parts_of(cells[some][rows], fleet[some][rows], parts)
        tail = (p_high if side == HIGH else p_low)(y[some][rows], law)
        total[some] = np.bincount(rows, weights[rows, parts] * tail, weights.shape[0])
        total[some] += np.where(weights < _NEGLIGIBLE, weights, 0.0).sum(axis=1)
    return np.clip(total, P_FLOOR, 1.0)
