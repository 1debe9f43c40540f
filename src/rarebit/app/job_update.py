"""Changing what a local job says of itself, by the body of Elastic's ``_update``."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from rarebit.app.document import objects
from rarebit.app.home import Home
from rarebit.app.jobs import get_job
from rarebit.core.errors import DefinitionError
from rarebit.core.job import Detector, Job, Json
from rarebit.detect.catalog import catalog
from rarebit.detect.plan import plan

_OF_JOB: Final = frozenset({"description", "groups"})
_OF_ANALYSIS: Final = frozenset({"model_prune_window"})
_OF_REST: Final = frozenset(
    {
        "analysis_limits", "custom_settings", "allow_lazy_open", "results_retention_days",
        "model_snapshot_retention_days", "daily_model_snapshot_retention_after_days",
    }
)  # fmt: skip


def update_job(home: Home, job_id: str, body: Any, *, where: str, actor: str) -> Job:  # noqa: ANN401
    """Change a local job: its rules, description, groups, limits and retention; what it detects stays.

    Raises
    ------
    NotFoundError, DefinitionError
        If there is no such job, it is a shipped one, or a part is unknown or wrong; nothing is changed then.
    """
    job = get_job(home, job_id)
    if job_id in catalog():
        raise DefinitionError(
            f"{job_id!r} ships with the product", hint=f"Copy it: rarebit job clone {job_id} --id NEW_ID"
        )
    ((_, changes),) = objects([body], "", where)
    unknown = changes.keys() - {*_OF_JOB, *_OF_ANALYSIS, *_OF_REST, "detectors", "job_id"}
    if unknown:
        raise DefinitionError(f"{', '.join(sorted(unknown))} of a job cannot be changed", where=where)
    if changes.get("job_id", job_id) != job_id:
        raise DefinitionError(f"it is for the job {changes['job_id']!r}", where=f"{where}.job_id")
    draft = {name: changes[name] for name in _OF_JOB if name in changes}
    draft["analysis_rest"] = job.analysis_rest | {name: changes[name] for name in _OF_ANALYSIS if name in changes}
    draft["rest"] = job.rest | {name: changes[name] for name in _OF_REST if name in changes}
    draft["detectors"] = _detectors(job, changes.get("detectors") or [], where)
    try:
        made = msgspec.convert(msgspec.to_builtins(job) | msgspec.to_builtins(draft), Job)
    except msgspec.ValidationError as error:
        raise DefinitionError(str(error), where=where) from error
    plan(made)
    with home.store.transaction():
        home.store.put_job(made, origin="update")
        home.store.add_audit(actor, "job update", job_id, _shown(job, changes), msgspec.json.encode(changes).decode())
    return made


def _detectors(job: Job, changes: Any, where: str) -> tuple[Detector, ...]:  # noqa: ANN401
    detectors = list(job.detectors)
    for place, change in objects(changes, "", f"{where}.detectors") if changes else []:
        unknown = change.keys() - {"detector_index", "description", "custom_rules"}
        if unknown:
            raise DefinitionError(f"{', '.join(sorted(unknown))} of a detector cannot be changed", where=place)
        index = change.get("detector_index")
        if not isinstance(index, int) or not 0 <= index < len(detectors):
            raise DefinitionError(f"there is no detector {index!r}", where=f"{place}.detector_index")
        rules = change.get("custom_rules", detectors[index].custom_rules)
        described = change.get("description", detectors[index].detector_description)
        if not isinstance(rules, list | tuple) or not all(isinstance(rule, dict) for rule in rules):
            raise DefinitionError("expected a list of rules", where=f"{place}.custom_rules")
        detectors[index] = msgspec.structs.replace(
            detectors[index], custom_rules=tuple(rules), detector_description=described
        )
    return tuple(detectors)


def _shown(job: Job, changes: Json) -> str:
    """The parts that change, as they were."""
    held = {**msgspec.to_builtins(job), **job.analysis_rest, **job.rest}
    return msgspec.json.encode({name: held[name] for name in changes if name in held}).decode()
