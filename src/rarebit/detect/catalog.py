"""The jobs that ship with the product: YAML under ``content/jobs``, one file a detector, several forms a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

import msgspec
import yaml

from rarebit.core.errors import DefinitionError
from rarebit.core.job import Datafeed, Job


class Fixture(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A short story of events that must, or must not, give a record of the job.

    In values ``{host}`` stands for the number of the host, ``{turn}`` for that of the event on it in its bucket or day.
    """

    name: str
    fires: bool
    history: dict[str, Any]
    """Event fields repeated as ordinary life of every host."""
    event: dict[str, Any]
    """The event in question; with fields set to null, of which it has none."""
    repeat: int = 1
    """For counts: how many of it come within one bucket; with 0 the host falls silent instead."""
    hour: int = 12
    """For hours: the hour of the day at which it comes, in a history of office hours."""
    every: int = 0
    """For beacons: the seconds from one to the next, in a history of people's contacts."""
    everywhere: bool = False
    """For beacons: whether every host has it, and always had."""


class CatalogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One shipped job in one of its forms."""

    job: Job
    default: bool
    """Whether it runs when no job is named."""
    head: str
    """Id of the job of its file: the form that a group of jobs runs."""
    note: str = ""
    """How this form differs from the others of its file, or from the job of Elastic's whose id it has."""
    fixtures: tuple[Fixture, ...] = ()


@cache
def catalog() -> Mapping[str, CatalogEntry]:
    """Every shipped job by id.

    Raises
    ------
    DefinitionError
        If a content file is wrong; the file and place are named.
    """
    entries: dict[str, CatalogEntry] = {}
    for file in sorted(resources.files("rarebit.content").joinpath("jobs").iterdir(), key=lambda item: item.name):
        if not file.name.endswith(".yaml"):
            continue
        for entry in _entries(_read(file.read_text("utf-8")), file.name):
            if entry.job.job_id in entries:
                raise DefinitionError(f"job id {entry.job.job_id!r} stands in two files", where=file.name)
            entries[entry.job.job_id] = entry
    return entries


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Compiled where PyYAML came with it: a hundred files are read at the start of a command."""


def _read(text: str) -> dict[str, Any]:
    loader = _LOADER(text)
    try:
        return dict(loader.get_single_data())
    finally:
        loader.dispose()


def _entries(body: dict[str, Any], name: str) -> list[CatalogEntry]:
    try:
        return list(_forms(body, name))
    except msgspec.ValidationError as error:
        raise DefinitionError(str(error), where=name) from error
    except KeyError as error:
        raise DefinitionError(f"there is no {error}", where=name) from error


def _forms(body: dict[str, Any], name: str) -> Iterator[CatalogEntry]:
    """The job of a file, its other forms, and the same job under its other ids."""
    forms, aliases = body.pop("forms", []), body.pop("aliases", {})
    fixtures = msgspec.convert(body.pop("fixtures", []), tuple[Fixture, ...])
    default, note = bool(body.pop("default", False)), str(body.pop("note", ""))
    job, head = _job(body), str(body["job_id"])
    yield CatalogEntry(job=job, default=default, head=head, note=note, fixtures=fixtures)
    for form in forms:
        own = dict(form)
        said = str(own.pop("note", ""))
        yield CatalogEntry(job=_job(body | own), default=False, head=head, note=said)
    for said, ids in aliases.items():
        if said not in _ALIASES:
            raise DefinitionError(f"{said!r} is none of {', '.join(_ALIASES)}", where=f"{name}: aliases")
        for alias in ids:
            same = msgspec.structs.replace(job, job_id=alias)
            yield CatalogEntry(job=same, default=False, head=head, note=f"{_ALIASES[said]} {head}.")


_ALIASES = {
    "earlier": "An earlier id of",
    "later": "A later id, with resolved entities, of",
    "same": "Another id of",
}
"""Why a job has more ids than one."""


def _job(draft: dict[str, Any]) -> Job:
    fields = dict(draft)
    query = fields.pop("query")
    job = msgspec.convert(fields, Job, strict=True)
    return msgspec.structs.replace(job, datafeed=Datafeed(query=query, rest={"indices": ["logs-*", "winlogbeat-*"]}))
