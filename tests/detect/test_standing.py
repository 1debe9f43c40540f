"""How a job stands: entities learn for a working day, their findings do not alert, and a wrong model is called so."""

from __future__ import annotations

import numpy as np
import pytest

from rarebit.core.job import Detector, Job
from rarebit.core.time import DAY_US, HOUR_US
from rarebit.detect.plan import plan
from rarebit.detect.standing import gauge, known_as, standing
from rarebit.detect.stream import JobStream

DAY0 = 20_000 * DAY_US
JOB = Job(
    job_id="j",
    detectors=(Detector(function="rare", by_field_name="process.name", partition_field_name="host.name"),),
)


def rows(hosts: int, days: int, late_host_hour: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Every host starts five known programs an hour, and one an hour something that was never seen.

    One more host comes late: it shows a new thing every even hour, and every odd one what one of the others showed.
    """
    hours = np.arange(days * 24)
    times = [DAY0 + np.repeat(hours, 5 * hosts) * HOUR_US + 1, DAY0 + hours * HOUR_US + 2]
    who = [np.tile(np.repeat(np.arange(1, hosts + 1), 5), hours.size), hours % hosts + 1]
    what = [np.tile(np.arange(101, 106), hosts * hours.size), 7000 + hours]
    late = hours[hours >= late_host_hour]
    times.append(DAY0 + late * HOUR_US + 3)
    who.append(np.full(late.size, 999))
    what.append(np.where(late % 2 == 0, 5000 + late, 6900 + late))
    order = np.argsort(np.concatenate(times), kind="stable")
    at, host, value = (np.concatenate(part).astype(np.int64)[order] for part in (times, who, what))
    return at, {"host.name": host, "process.name": value}


def test_findings_of_a_young_host_are_marked_as_learning() -> None:
    times, columns = rows(hosts=30, days=8, late_host_hour=150)
    stream = JobStream(plan(JOB))
    stream.process(times, np.arange(times.size), columns)
    fresh = stream.take_fresh(0)
    own = fresh.parts[0]["entity"] == 999
    found, hours, level = fresh.found[own], fresh.parts[0]["hours"][own], fresh.parts[0]["level"][own]
    assert np.array_equal(found["learning"] > 0, (hours <= 8) & (level <= 1))
    assert ((hours <= 8) & (level > 1) & (found["learning"] == 0)).any(), "what nobody has is heard at once"
    assert (found["learning"] > 0).any()
    assert (found["learning"] == 0).any()


def test_standing_counts_entities_by_state() -> None:
    times, columns = rows(hosts=30, days=8, late_host_hour=186)
    stream = JobStream(plan(JOB))
    stream.process(times, np.arange(times.size), columns)
    stands = standing(stream)
    assert (stands.learning, stands.usable, stands.mature) == (1, 0, 30)
    known = known_as(stream, 999)
    assert known is not None
    assert (known.state, known.hours, known.observations) == ("learning", 6.0, 6)
    assert known_as(stream, 12345) is None


@pytest.mark.parametrize(
    ("too_small", "cold", "exceedances", "state"),
    [
        (1.0, False, 400, "good"),
        (40.0, False, 400, "heavy"),
        (0.1, False, 400, "cautious"),
        (40.0, True, 400, "too early"),
        (40.0, False, 5, "too early"),
    ],
)
def test_the_gauge_says_how_wrong_probabilities_are(too_small: float, cold: bool, exceedances: int, state: str) -> None:
    found = gauge({"too_small": too_small, "cold": cold, "exceedances": exceedances, "xi": 0.21})
    assert found.state == state
    assert found.shape == 0.21
    if state == "heavy":
        assert "too small by 40 times" in found.words
