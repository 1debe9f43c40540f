"""The trace of one intrusion by itself."""

from __future__ import annotations

import pytest

from rarebit.simulate.fleet import Fleet, FleetSettings
from rarebit.simulate.intrusion import SHAPES
from rarebit.simulate.trace import made_trace


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_a_trace_holds_the_events_of_the_intrusion_and_no_other(shape: str) -> None:
    trace = made_trace(shape, 3)
    settings = FleetSettings(hosts=60, days=6, seed=3, events_per_host_day=1.0, intrusions=(shape,))
    (truth,) = Fleet(settings).truth()
    ids = {event["event.id"] for event in trace.events}
    assert ids <= {event["id"] for event in truth["events"]}
    assert len(ids) >= 0.9 * len(truth["events"])
    times = [event["@timestamp"] for event in trace.events]
    assert times == sorted(times)
    assert trace == made_trace(shape, 3)
    assert trace != made_trace(shape, 4)
