"""The series of counts and metrics: which one each row belongs to."""

from __future__ import annotations

from typing import Final

import numpy as np

from rarebit.detect.engine import Codes, Columns, with_null
from rarebit.detect.plan import DetectorPlan
from rarebit.maths.hashing import pair_codes

_WHOLE: Final = 1
"""Key of the one series of a detector without by and partition field."""


def series_keys(detector: DetectorPlan, size: int, columns: Columns) -> Codes:
    """Code of each row's series; 0 where one of its fields is absent."""
    split = [with_null(columns[name], detector) for name in detector.split]
    if not split:
        return np.full(size, _WHOLE, np.int64)
    if len(split) == 1:
        return split[0]
    present = (split[0] != 0) & (split[1] != 0)
    return np.where(present, pair_codes(split[0], split[1]), 0)
