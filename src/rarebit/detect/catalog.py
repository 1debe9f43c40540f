"""The jobs that ship with the product: YAML under ``content/jobs``, one file a detector, several forms a file."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import msgspec
import yaml

from rarebit.core.errors import DefinitionError
from rarebit.core.job import Datafeed, Job


class Fixture(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A short story of events that must, or must not, give a record of the job.

    In the values of counts ``{host}`` stands for the number of the host, ``{turn}`` for that of the event in its
    bucket.
    """

    name: str
    fires: bool
    history: dict[str, Any]
    """Event fields repeated as ordinary life of every host."""
    event: dict[str, Any]
    """The event in question."""
    repeat: int = 1
    """For counts: how many of it come within one bucket; with 0 the host falls silent instead."""
    hour: int = 12
    """For hours: the hour of the day at which it comes, in a history of office hours."""


class CatalogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One shipped job in one of its forms."""

    job: Job
    default: bool
    """Whether it runs when no job is named."""
    note: str = ""
    """How this form differs from the others of its file."""
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
        for entry in _entries(yaml.safe_load(file.read_text("utf-8")), file.name):
            if entry.job.job_id in entries:
                raise DefinitionError(f"job id {entry.job.job_id!r} stands in two files", where=file.name)
            entries[entry.job.job_id] = entry
    return entries


def _entries(body: dict[str, Any], name: str) -> list[CatalogEntry]:
    forms = body.pop("forms", [])
    default = bool(body.pop("default", False))
    fixtures = body.pop("fixtures", [])
    try:
        found = [_entry(body, {}, default=default, fixtures=fixtures)]
        found += [_entry(body, form, default=False, fixtures=[]) for form in forms]
    except msgspec.ValidationError as error:
        raise DefinitionError(str(error), where=name) from error
    return found


def _entry(body: dict[str, Any], form: dict[str, Any], *, default: bool, fixtures: list[Any]) -> CatalogEntry:
    draft = {**body, **form}
    note = draft.pop("note", "")
    query = draft.pop("query")
    job = msgspec.convert(draft, Job, strict=True)
    job = msgspec.structs.replace(job, datafeed=Datafeed(query=query, rest={"indices": ["logs-*", "winlogbeat-*"]}))
    parsed = msgspec.convert(fixtures, tuple[Fixture, ...])
    return CatalogEntry(job=job, default=default, note=note, fixtures=parsed)
