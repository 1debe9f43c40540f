"""Pages of what was found and what is kept, in an order that does not change while somebody reads on."""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Final, NamedTuple

import msgspec

from rarebit.app.hide import hidden_by
from rarebit.app.home import Home
from rarebit.app.match import Document, check, meets
from rarebit.core.errors import InputError, QueryError
from rarebit.query.kql import parse_kql
from rarebit.query.tree import Node, fields_of

MOST: Final = 1_000
"""Items of a page."""
LOOKED_AT: Final = 2_000
"""Items that one request looks at; a page whose condition fits few of them may hold fewer than asked, and says where
to go on."""
_CHUNK: Final = 500

_Number = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
Place = tuple[int, str]
"""Where an item stands: a number that never changes, such as its time, and its id."""


class Item(NamedTuple):
    """One item of a listing."""

    place: Place
    document: Document


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a listing."""

    items: list[Any]
    next: str | None
    """Cursor of the next page; none on the last."""


Read = Callable[[Place | None, bool, int], Sequence[Item]]
"""Items after a place, falling or rising, at most so many."""


def page(
    read: Read, *, fields: Sequence[str], where: str = "", cursor: str = "", falls: bool = True, size: int = 100
) -> Page:
    """A page of what meets a condition.

    Parameters
    ----------
    read : callable
    fields : sequence of str
        Names that a condition may ask for, and all below them.
    where : str
        KQL.
    cursor : str
        ``next`` of the page before; empty for the first.
    falls : bool
        Newest first.
    size : int
        Most items, up to :data:`MOST`.

    Raises
    ------
    QueryError, InputError
        If the condition is wrong or asks for an unknown field, or the cursor is none of ours.
    """
    condition = _condition(where, fields)
    place = _place(cursor) if cursor else None
    found: list[Document] = []
    looked = 0
    while True:
        want = size + 1 if condition is None else _CHUNK
        chunk = read(place, falls, want)
        for item in chunk:
            if len(found) == size or looked == LOOKED_AT:
                return Page(items=found, next=_cursor(place))
            place, looked = item.place, looked + 1
            if condition is None or meets(condition, item.document):
                found.append(item.document)
        if len(chunk) < want:
            return Page(items=found, next=None)


def held(documents: Iterable[tuple[str, Document]]) -> Read:
    """Items that are all at hand, by id."""
    items = sorted((Item((0, name), document) for name, document in documents), key=lambda item: item.place)

    def read(after: Place | None, falls: bool, limit: int) -> Sequence[Item]:
        places = [item.place for item in items]
        if falls:
            end = len(items) if after is None else bisect_left(places, after)
            return items[max(0, end - limit) : end][::-1]
        start = 0 if after is None else bisect_right(places, after)
        return items[start : start + limit]

    return read


def records(home: Home) -> Read:
    """Records by the time of their first event."""

    def read(after: Place | None, falls: bool, limit: int) -> Sequence[Item]:
        return [Item(*each) for each in home.store.pages.records(after, falls=falls, limit=limit)]

    return read


def alerts(home: Home, *, source: str, suppressed: bool) -> Read:
    """Alerts by their time: of ``rules``, of sensors (``edr``), or ``all``; those that are hidden only if asked for."""
    hidden = {} if suppressed else hidden_by(home)
    own = None if source == "all" else source == "rules"

    def read(after: Place | None, falls: bool, limit: int) -> Sequence[Item]:
        found: list[Item] = []
        while len(found) < limit:
            chunk = home.store.pages.alerts(after, falls=falls, limit=limit, own=own)
            found += [
                Item(at, each) for at, each in chunk if not hidden or (each["record_id"] or each["id"]) not in hidden
            ]
            if len(chunk) < limit:
                break
            after = chunk[-1][0]
        return found[:limit]

    return read


def cases(home: Home) -> Read:
    """Cases by when they were opened."""
    places = home.store.pages.cases()

    def read(after: Place | None, falls: bool, limit: int) -> Sequence[Item]:
        if falls:
            end = len(places) if after is None else bisect_left(places, after)
            chosen = places[max(0, end - limit) : end][::-1]
        else:
            start = 0 if after is None else bisect_right(places, after)
            chosen = places[start : start + limit]
        bodies = home.store.pages.case_bodies([at[1] for at in chosen])
        return [Item(at, bodies[at[1]]) for at in chosen if at[1] in bodies]

    return read


def _condition(where: str, fields: Sequence[str]) -> Node | None:
    if not where.strip():
        return None
    node = parse_kql(where)
    for name in sorted(fields_of(node)):
        if name.partition(".")[0] not in fields:
            raise QueryError(
                f"there is no field {name[:60]!r} to ask for here",
                hint=f"Write field: value, of {', '.join(fields)}.",
            )
    check(node)
    return node


def _cursor(place: Place | None) -> str | None:
    if place is None:
        return None
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def _place(cursor: str) -> Place:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        number, name = msgspec.json.decode(text, type=tuple[_Number, str])
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise InputError("that is no cursor of this listing", hint="Take next of the page before.") from error
    return number, name
