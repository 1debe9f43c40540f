"""One host: what the inventory says of it, how well each job knows it, and what was found on it."""

from __future__ import annotations

import msgspec
import pyarrow as pa

from rarebit.app.home import Home
from rarebit.app.jobs import get_job, planned
from rarebit.app.run import RunOptions, open_stream
from rarebit.core.errors import NotFoundError
from rarebit.core.names import host_key
from rarebit.core.time import iso
from rarebit.detect.standing import known_as
from rarebit.detect.text_codes import codes_of


class InJob(msgspec.Struct, frozen=True, kw_only=True):
    """How well a job knows an entity."""

    job_id: str
    state: str
    """``learning``, ``usable`` or ``mature``."""
    active_hours: float
    observations: int


class HostShown(msgspec.Struct, frozen=True, kw_only=True):
    """One host."""

    host: str
    attributes: dict[str, str]
    """Of the inventory, now."""
    states: tuple[tuple[str, dict[str, str]], ...]
    """What was true of it since when, where that changed."""
    jobs: tuple[InJob, ...]
    """Those that have met it as an entity of their own."""
    records: int
    cases: tuple[str, ...]
    """Ids, by rank, whatever their state."""


def show_host(home: Home, host: str) -> HostShown:
    """Look at one host.

    Raises
    ------
    NotFoundError
        If neither the inventory nor any job knows it.
    """
    jobs = known_in_jobs(home, "host.name", host)
    attributes = home.inventory().get(host)
    if not jobs and not attributes:
        raise NotFoundError(
            f"no host {host!r} in the inventory or in any job",
            hint="See rarebit asset list, and rarebit event list --where 'host.name: …'",
        )
    records = home.store.list_records(entity_id=host)
    cases = [case.id for case in home.store.list_cases() if case.entity.id == host]
    states = tuple((iso(since), known) for since, known in home.inventory().history.get(host_key(host), ()))
    return HostShown(
        host=host, attributes=attributes, states=states, jobs=tuple(jobs), records=len(records), cases=tuple(cases)
    )


def known_in_jobs(home: Home, field: str, name: str) -> list[InJob]:
    """How well each job knows an entity of its own; those that never met it are left out.

    Parameters
    ----------
    home : Home
    field : str
        What names such entities: ``host.name``, ``user.name``.
    name : str
        In any form.
    """
    code = int(codes_of(field, pa.array([name]))[0])
    ran = [position.job_id for position in home.store.list_positions() if position.state_name]  # rules have no state
    return [entry for job_id in ran if (entry := _in_job(home, job_id, field, code))]


def _in_job(home: Home, job_id: str, field: str, code: int) -> InJob | None:
    plan = planned(home, get_job(home, job_id))
    if all(view.entity != field for view in plan.detectors):
        return None
    known = known_as(open_stream(home, plan, RunOptions()), code)
    if known is None:
        return None
    return InJob(job_id=job_id, state=known.state, active_hours=known.hours, observations=known.observations)
