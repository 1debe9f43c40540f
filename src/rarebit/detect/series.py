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
    return _codes(detector, detector.split, size, columns)


def population_keys(detector: DetectorPlan, size: int, columns: Columns) -> Codes:
    """Code of the population that each row's member is judged in; 0 where one of its fields is absent."""
    return _codes(detector, detector.populations, size, columns)


def _codes(detector: DetectorPlan, names: tuple[str, ...], size: int, columns: Columns) -> Codes:
    """One code of several fields, the same for all rows where there is none; 0 where one of them is absent."""
    if not names:
        return np.full(size, _WHOLE, np.int64)
    code, *others = (_column(detector, name, columns) for name in names)
    for other in others:
        code = np.where((code != 0) & (other != 0), pair_codes(code, other), 0)
    return code


def _column(detector: DetectorPlan, name: str, columns: Columns) -> Codes:
    """Codes of a field; absent values make no member of a population."""
    return columns[name] if name == detector.detector.over_field_name else with_null(columns[name], detector)
