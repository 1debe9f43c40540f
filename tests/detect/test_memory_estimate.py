"""The estimate of a job's memory: what the model holds once every combination of values has come."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarebit.core.errors import DefinitionError
from rarebit.core.job import Detector, Job
from rarebit.core.time import HOUR_US
from rarebit.detect.memory_estimate import estimate
from rarebit.model.rare import RareModel
from rarebit.model.rare_kernel import INDIVIDUAL


def _job(**changes: str) -> Job:
    return Job(job_id="j", detectors=(Detector(**{"function": "rare", **changes}),))  # type: ignore[arg-type]


@pytest.mark.parametrize(("hosts", "names"), [(40, 500), (300, 300)])
def test_a_rare_model_holds_about_what_was_estimated(hosts: int, names: int) -> None:
    model = RareModel(INDIVIDUAL)
    entity, value = (each.ravel() + 1 for each in np.meshgrid(np.arange(hosts), np.arange(names)))
    model.score_and_learn(
        490_000 * HOUR_US + np.arange(entity.size) * 1_000_000, entity.astype(np.int64), value.astype(np.int64)
    )
    told = estimate(
        _job(by_field_name="process.name", partition_field_name="host.name"),
        {"process.name": names, "host.name": hosts},
    )
    assert model.memory / 2 <= told <= 3 * model.memory


@given(
    st.sampled_from(["rare", "count", "distinct_count", "mean", "metric", "time_of_day", "lat_long", "beacon"]),
    st.data(),
)
def test_more_values_never_need_less(function: str, data: st.DataObject) -> None:
    job = _job(function=function, by_field_name="a", partition_field_name="b")
    first, second = (data.draw(st.integers(1, 100_000)) for _ in range(2))
    few, many = (estimate(job, {"a": n, "b": first}) for n in sorted((first, second)))
    assert 0 < few <= many


def test_a_field_without_a_number_is_named() -> None:
    with pytest.raises(DefinitionError, match=r"\[b\]"):
        estimate(_job(by_field_name="a", partition_field_name="b"), {"a": 1})
    with pytest.raises(DefinitionError, match="no_such"):
        estimate(_job(function="no_such"), {})
