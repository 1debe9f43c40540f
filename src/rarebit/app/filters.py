"""Filter lists: what rules of detectors refer to, in Elastic's JSON; kept, changed, and used by whom."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from rarebit.app.document import objects, parse_id, read_json
from rarebit.app.home import Home
from rarebit.app.jobs import all_jobs
from rarebit.core.care import FilterList
from rarebit.core.errors import DefinitionError, InputError
from rarebit.core.job import Json
from rarebit.detect.rules import filters_of

MOST_ITEMS: Final = 10_000
_LONGEST_ITEM: Final = 8_192
_WIDEST: Final = 3
"""A pattern with fewer characters beside its ``*`` is called broad."""


def parse_filter(body: Json, where: str) -> FilterList:
    """A filter list of Elastic's JSON; items are sorted, each once.

    Raises
    ------
    DefinitionError
        If it is wrong; the place is named.
    """
    for key in body.keys() - {"filter_id", "description", "items", "used_by"}:
        raise DefinitionError(f"a filter list has no {key!r}", where=where)
    items = body.get("items", [])
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise DefinitionError("items are a list of strings", where=f"{where}.items")
    description = body.get("description") or ""
    if not isinstance(description, str):
        raise DefinitionError("a description is text", where=f"{where}.description")
    filter_id = parse_id(body.get("filter_id"), "filter list", f"{where}.filter_id")
    return FilterList(filter_id=filter_id, description=description, items=_checked(items, where))


def _checked(items: Sequence[str], where: str) -> tuple[str, ...]:
    kept = tuple(sorted(set(items)))
    if len(kept) > MOST_ITEMS:
        raise DefinitionError(f"{len(kept):,} items, more than {MOST_ITEMS:,}", where=where)
    for item in kept:
        if not item.strip("*").strip() and item != "*":
            raise DefinitionError(f"{item!r} is no item", where=where, hint="Write a value, x*, *x, *x* or *.")
        if len(item) > _LONGEST_ITEM or "\0" in item or any("\ud800" <= char <= "\udfff" for char in item):
            raise DefinitionError(f"{item[:40]!r}… is too long, or holds what no text can hold", where=where)
    return kept


def broad(items: Sequence[str]) -> list[str]:
    """Items that may match more than is meant."""
    return [item for item in items if item.startswith("*") + item.endswith("*") and len(item.strip("*")) < _WIDEST]


def put_filter(home: Home, new: FilterList, *, actor: str) -> FilterList:
    """Keep a filter list, in place of one of the same id.

    Raises
    ------
    DefinitionError
        If its id or an item is not allowed.
    """
    parse_id(new.filter_id, "filter list")
    made = msgspec.structs.replace(new, items=_checked(new.items, new.filter_id))
    before = next((each for each in home.store.care.list_filters() if each.filter_id == made.filter_id), None)
    with home.store.transaction():
        home.store.care.put_filter(made)
        home.store.add_audit(actor, "filter put", f"filter {made.filter_id}", _shown(before), _shown(made))
    return made


def change_items(
    home: Home, filter_id: str, *, add: Sequence[str] = (), remove: Sequence[str] = (), actor: str
) -> FilterList:
    """Add and remove items of a list.

    Raises
    ------
    NotFoundError, InputError, DefinitionError
        If there is no such list, an item to remove is not on it, or one to add is not allowed.
    """
    held = home.store.care.get_filter(filter_id)
    missing = [item for item in remove if item not in held.items]
    if missing:
        raise InputError(
            f"{missing[0]!r} is not on the filter list {filter_id!r}", hint=f"See rarebit filter show {filter_id}"
        )
    items = tuple(item for item in held.items if item not in remove) + tuple(add)
    return put_filter(home, msgspec.structs.replace(held, items=items), actor=actor)


def import_filters(home: Home, path: Path, *, replace: bool, actor: str) -> list[FilterList]:
    """Keep the filter lists of a file of Elastic's JSON: one, a list, or ``{"filters": […]}``.

    Raises
    ------
    InputError, DefinitionError
        If the file cannot be read, a list is wrong, or one is there already and ``replace`` is false; nothing is
        kept then.
    """
    read = objects(read_json(path, "filter list"), "filters", str(path))
    new = [parse_filter(body, where) for where, body in read]
    known = {each.filter_id for each in home.store.care.list_filters()}
    for each in new:
        if each.filter_id in known and not replace:
            raise DefinitionError(
                f"there is a filter list {each.filter_id!r} already", hint="Replace it with --replace"
            )
    with home.store.transaction():
        return [put_filter(home, each, actor=actor) for each in new]


def delete_filter(home: Home, filter_id: str, *, actor: str) -> None:
    """Forget a filter list.

    Raises
    ------
    NotFoundError, InputError
        If there is no such list, or jobs use it.
    """
    held = home.store.care.get_filter(filter_id)
    users = used_by(home).get(filter_id, [])
    if users:
        raise InputError(
            f"the filter list {filter_id!r} is used by {', '.join(users)}", hint="Change their rules first"
        )
    with home.store.transaction():
        home.store.care.delete_filter(filter_id)
        home.store.add_audit(actor, "filter delete", f"filter {filter_id}", _shown(held), "")


def used_by(home: Home) -> dict[str, list[str]]:
    """Ids of jobs by the filter list that their rules refer to."""
    users: dict[str, list[str]] = {}
    for job in all_jobs(home):
        try:
            named = filters_of(job)
        except DefinitionError:
            continue  # a job with such a rule is refused, and validate says why
        for filter_id in sorted(named):
            users.setdefault(filter_id, []).append(job.job_id)
    return users


def _shown(held: FilterList | None) -> str:
    return "" if held is None else msgspec.json.encode(held).decode()
