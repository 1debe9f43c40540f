"""What turns rows into findings: the contract of every engine.

An engine knows its model and what a row means to it. The stream around it knows days, calibration and rollouts, and
nothing of the model. Which engine serves which detectors is in :mod:`rarebit.detect.engines`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rarebit.detect.care import Care
from rarebit.detect.findings import Findings
from rarebit.detect.plan import NULL_CODE, DetectorPlan
from rarebit.model.tables import State, Table

Codes = NDArray[np.int64]
Columns = Mapping[str, Codes]
PeerMaps = Mapping[str, Mapping[int, str]]
"""Entity field to entity code to name of the peer group."""
Numbers = Mapping[str, NDArray[np.float64]]
NONE: Final = np.zeros(0, np.int64)
INFORMATION: Final = "information:"
"""Before the name of a field, among the numbers of rows: the bits that its value tells."""
LATITUDE: Final = "latitude:"
LONGITUDE: Final = "longitude:"
"""Before the name of a field, among the numbers of rows: degrees of its place; infinite where it names none."""
NO_NUMBERS: Final[Numbers] = {}


class Rows(NamedTuple):
    """Events in order of time and id, as engines take them."""

    times_us: Codes
    ids: Codes
    """Codes of their ids."""
    columns: Columns
    """Codes of fields, 0 where absent."""
    numbers: Numbers = NO_NUMBERS
    """Fields as numbers, NaN where absent or no number."""


class Judged(NamedTuple):
    """What an engine says of a stretch of rows."""

    findings: Findings
    """Without their expected number a week."""
    observed: int
    """Observations judged; findings are the surprising ones among them."""


class Engine(Protocol):
    """A model at work for one group of detectors."""

    part_types: tuple[np.dtype[Any], ...]
    """Types of the counts beside a finding, one a detector."""
    lasting: bool
    """Whether a finding can go on after it was handed out: within its hour, or as a rollout."""

    def heed(self, care: Care) -> None:
        """Leave out from now on what rules, calendars and exclusions say; called once, before the first row."""

    def judge(self, rows: Rows, peers: Codes) -> Judged:
        """Judge rows in order, then learn them; ``peers`` are codes of the peer group of each row's host, or empty."""

    def regroup(self, peers: PeerMaps) -> None:
        """From now on the entities of each field are in these peer groups; those not named stay where they are."""

    def start_day(self, keep_p: float) -> None:
        """Refit at a new day; from now on findings with p up to ``keep_p`` are wanted."""

    def resume(self, keep_p: float) -> None:
        """Go on from a loaded state."""

    def group_codes(self, part: int = 0) -> Codes:
        """Codes of the names of peer groups, by the group number in a part of a finding."""

    def known(self) -> Table:
        """What is known of every entity, or series (KNOWN[n])."""

    def health(self) -> dict[str, int]:
        """``entities``, ``pairs``, ``memory``, ``evicted``; ``late`` events, those ``too_late`` to judge."""

    def to_state(self) -> State:
        """Memory as named arrays."""

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the memory of :meth:`to_state`."""


def with_null(codes: Codes, detector: DetectorPlan) -> Codes:
    """Codes with those of absent values replaced, where the detector judges absence as a value."""
    return np.where(codes == 0, NULL_CODE, codes) if detector.use_null else codes
