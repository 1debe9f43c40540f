"""How much memory a job's models will hold, from how many different values its fields have."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Final

from rarebit.core.errors import DefinitionError
from rarebit.core.job import Detector, Job
from rarebit.detect.functions import BEACONS, HOURS, PLACES, RARE, counting, measuring
from rarebit.model import beacon, count_cells, hours_series, metric_cells, places
from rarebit.model.tables import BURST, ENTITY, PAIR, PEER, VALUE, packed_bytes

_PEER_GROUPS: Final = 16
"""Groups in which a value is counted, where nobody has said how many there are."""
_LATE: Final = 3
"""Counts keep their series as they were at the starts of the last days too."""


def estimate(job: Job, cardinality: Mapping[str, int]) -> int:
    """Bytes of all detectors if every combination of values comes: an upper bound for most data.

    Parameters
    ----------
    job : Job
    cardinality : mapping
        Different values of each field that splits a detector, >= 1.

    Raises
    ------
    DefinitionError
        If a field that splits a detector is not in it.
    """
    return sum(_detector(detector, index, cardinality) for index, detector in enumerate(job.detectors))


def _detector(detector: Detector, index: int, cardinality: Mapping[str, int]) -> int:
    split = (detector.by_field_name, detector.over_field_name, detector.partition_field_name)
    for name in split:
        if name and name not in cardinality:
            raise DefinitionError(
                f"the number of values of [{name}] is needed", where=f"overall_cardinality of detector {index}"
            )
    by, over, partition = (cardinality[name] if name else 1 for name in split)
    if detector.function in RARE:
        entities = over * partition
        pair = BURST if detector.function == "freq_rare" else PAIR
        worlds = partition if detector.over_field_name else 1
        sizes = ((pair, by * entities), (VALUE, by * worlds), (PEER, by * _PEER_GROUPS), (ENTITY, entities))
        return sum(packed_bytes(dtype, rows) for dtype, rows in sizes)
    return prod((by, over, partition)) * _series(detector.function)


def _series(function: str) -> int:
    """Bytes of one series of a function that has series."""
    if function in HOURS:
        return hours_series.SERIES.itemsize + 4 * HOURS[function]
    if function in BEACONS:
        return beacon.SERIES.itemsize + beacon.DESTINATION.itemsize + beacon.MOST_CONTACTS * beacon.CONTACT.itemsize
    if function in PLACES:
        return places.SERIES.itemsize
    measured = measuring(function)
    if measured is not None:
        return metric_cells.SERIES.itemsize * len(measured.statistics)
    if counting(function) is None:
        raise DefinitionError(f"the function [{function}] is not known")
    return count_cells.SERIES.itemsize * _LATE
