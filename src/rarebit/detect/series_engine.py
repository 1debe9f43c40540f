"""What engines of one model over series have in common: days, peer groups and memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from rarebit.detect.care import Care
from rarebit.detect.engine import NONE, Codes, PeerMaps, Rows
from rarebit.detect.findings import FOUND
from rarebit.detect.plan import ENTITIES, DetectorPlan
from rarebit.model.maturity import MATURE, maturity
from rarebit.model.tables import State, Table


class SeriesModel(Protocol):
    """A model of series, as far as its engine need not know what it learns."""

    keep_p: float

    def set_peers(self, peer_of: Mapping[int, str]) -> None:
        """Name the peer groups of entities by their codes."""

    def start_day(self) -> None:
        """Refit at a new day."""

    def group_codes(self) -> Codes:
        """Codes of the names of peer groups."""

    def to_state(self) -> State:
        """Memory as named arrays."""

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> object:
        """Take the memory of :meth:`to_state`."""


Model = TypeVar("Model", bound=SeriesModel)


class SeriesEngine(Generic[Model]):
    """The part of an engine that one model of series answers by itself."""

    lasting = False
    _detector: DetectorPlan
    _model: Model
    _care: Care

    def heed(self, care: Care) -> None:
        """See :meth:`Engine.heed`; what becomes of a cell is decided by its first event."""
        self._care = care

    def _heeded(self, rows: Rows, keys: Codes) -> tuple[Codes, Codes, Codes]:
        """Keys of series without the rows that are passed over; what hides a row; 1 where it is not to be learnt.

        The last two are empty where nothing is left out.
        """
        care = self._care.rows(rows.times_us, rows.columns)
        if care is None:
            return keys, NONE, NONE
        return np.where(care.withheld, 0, keys), care.hidden, care.unlearnt.astype(np.int64)

    def regroup(self, peers: PeerMaps) -> None:
        """See :meth:`Engine.regroup`; whether a series already known moves is up to its model."""
        if self._detector.entity in peers:
            self._model.set_peers(peers[self._detector.entity])

    def start_day(self, keep_p: float) -> None:
        """See :meth:`Engine.start_day`."""
        self._model.start_day()
        self.resume(keep_p)

    def resume(self, keep_p: float) -> None:
        """See :meth:`Engine.resume`."""
        self._model.keep_p = keep_p

    def group_codes(self, part: int = 0) -> Codes:  # noqa: ARG002 one model has one part
        """See :meth:`Engine.group_codes`."""
        return self._model.group_codes()

    def _maturity(self, hours: NDArray[np.float64], observations: NDArray[np.int64]) -> NDArray[np.int32]:
        """How well the entity of each finding is known by its hours and observations; a series of others is old.

        A new destination, or a user's first act on a host, is what such jobs are for; and the law of a population is
        that of members never met.
        """
        detector, over = self._detector, self._detector.detector.over_field_name
        if detector.entity in ENTITIES and detector.split == (detector.entity,) and not over:
            return maturity(hours, observations)
        return np.full(hours.size, MATURE, np.int32)

    def to_state(self) -> State:
        """See :meth:`Engine.to_state`."""
        return self._model.to_state()

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """See :meth:`Engine.load_state`."""
        self._model.load_state(state)


def found_in(cells: Table, *more: str) -> Table:
    """Findings (FOUND[n]) of cells: who, when and how likely, by bucket where they have one, and ``more`` parts."""
    found = np.zeros(cells.size, FOUND)
    for name, part in (("id", "id"), ("time_us", "time_us"), ("p", "p"), ("value", "key"), ("hidden", "hidden")):
        found[name] = cells[part]
    if "bucket_us" in (cells.dtype.names or ()):
        found["window_us"] = cells["bucket_us"]
    for name in more:
        found[name] = cells[name]
    return found
