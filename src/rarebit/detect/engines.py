"""Which engine serves which detectors."""

from __future__ import annotations

from collections.abc import Mapping

from rarebit.detect.beacon_engine import BeaconEngine
from rarebit.detect.count_engine import CountEngine
from rarebit.detect.engine import Engine
from rarebit.detect.hours_engine import HoursEngine
from rarebit.detect.metric_engine import MetricEngine
from rarebit.detect.places_engine import PlacesEngine
from rarebit.detect.plan import DetectorPlan, JobPlan
from rarebit.detect.problems import memory_limit
from rarebit.detect.rare_engine import RareEngine


def engine_for(
    plan: JobPlan, group: tuple[DetectorPlan, ...], *, peer_of: Mapping[int, str], pool: bool, collapse: bool
) -> Engine:
    """The engine of a group of detectors, without memory yet."""
    limit = memory_limit(plan.job) // len(plan.detectors)
    if group[0].counting is not None:
        return CountEngine(plan, group[0], peer_of=peer_of, pool=pool, memory_bytes=limit)
    if group[0].measuring is not None:
        return MetricEngine(plan, group[0], peer_of=peer_of, pool=pool, memory_bytes=limit)
    if group[0].hours:
        return HoursEngine(plan, group[0], peer_of=peer_of, pool=pool, memory_bytes=limit)
    if group[0].place:
        return PlacesEngine(plan, group[0], peer_of=peer_of, pool=pool, memory_bytes=limit)
    if group[0].destination:
        return BeaconEngine(plan, group[0], peer_of=peer_of, memory_bytes=limit)
    return RareEngine(group, peer_of=peer_of, pool=pool, collapse=collapse, memory_bytes=limit, prune_us=plan.prune_us)
