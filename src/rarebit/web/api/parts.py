"""What handlers of our API share: parameters, bodies, pages, ETags, answers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from typing import Any, Final, Protocol, TypeVar

import msgspec
from fastapi import Request, Response

from rarebit.app import listing
from rarebit.core.errors import ConflictError, InputError, NotFoundError
from rarebit.web.body import int_of, json_of
from rarebit.web.sight import sight_of

_Body = TypeVar("_Body", bound=msgspec.Struct)
PAGING: Final = ("where", "cursor", "order", "limit")
ORDERS: Final = ("desc", "asc")


def asked(request: Request, known: Collection[str] = ()) -> dict[str, str]:
    """Parameters of the address.

    Raises
    ------
    InputError
        If one is not known, or is given twice.
    """
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            raise InputError(f"there is no parameter {name[:60]!r} here", hint=f"Known: {', '.join(known) or 'none'}")
        if name in found:
            raise InputError(f"the parameter {name!r} is given twice")
        found[name] = value
    return found


def body_as(request: Request, kind: type[_Body]) -> _Body:
    """The body as a struct.

    Raises
    ------
    InputError
        If it does not fit; the place is named.
    """
    try:
        return msgspec.convert(json_of(request.state.body), kind)
    except msgspec.ValidationError as error:
        raise InputError(f"the body does not fit: {error}", hint="See /api/openapi.json.") from error


def part_of(request: Request, name: str) -> str:
    """A part of the path."""
    return str(request.path_params[name])


class _Identified(Protocol):
    @property
    def id(self) -> str:
        """Its whole id."""


_Kept = TypeVar("_Kept", bound=_Identified)


def one(request: Request, kind: str, get: Callable[[str], _Kept]) -> _Kept:
    """What the path names by ``KIND_id``; ``get`` finds it.

    Raises
    ------
    NotFoundError
        If there is none, or only the beginning of an id is given.
    """
    wanted = part_of(request, f"{kind}_id")
    found = get(wanted)
    if found.id != wanted:
        raise NotFoundError(f"there is no {kind} {wanted!r}", hint=f"Its whole id is needed, such as {found.id!r}.")
    return found


def paged(
    request: Request, read: listing.Read, kind: type[msgspec.Struct], *, more: Collection[str] = (), sight: bool = False
) -> Response:
    """A page of a listing of structs by id; of findings by time, with how well the installation sees beside it."""
    args = asked(request, (*PAGING, *more))
    order = args.get("order", "desc" if sight else "asc")
    if order not in ORDERS:
        raise InputError(f"there is no order {order[:20]!r}", hint=f"One of {', '.join(ORDERS)}")
    found = listing.page(
        read,
        fields=[field.encode_name for field in msgspec.structs.fields(kind)],
        where=args.get("where", ""),
        cursor=args.get("cursor", ""),
        falls=order == "desc",
        size=int_of(args.get("limit", 100), "limit", least=1, most=listing.MOST),
    )
    data: dict[str, Any] = {"items": found.items, "next": found.next}
    return tell(request, data | {"sight": sight_of(request)} if sight else data)


def tell(request: Request, data: object, status: int = 200) -> Response:
    """JSON with its ETag; of what the asker has already, only that it is the same."""
    body = msgspec.json.encode(data)
    tag = _tag(body)
    if request.method == "GET" and _names(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers={"etag": tag})
    return Response(body, status_code=status, media_type="application/json", headers={"etag": tag})


def unchanged(request: Request, data: object) -> None:
    """Refuse a write by somebody who has seen something else; without ``If-Match`` nothing is asked.

    Raises
    ------
    ConflictError
        If ``If-Match`` names another state.
    """
    given = request.headers.get("if-match")
    if given is not None and not _names(given, _tag(msgspec.json.encode(data))):
        raise ConflictError("it has changed since it was looked at", hint="Look again, and send its new ETag.")


def _tag(body: bytes) -> str:
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def _names(header: str | None, tag: str) -> bool:
    if header is None:
        return False
    return any(part.strip().removeprefix("W/") in ("*", tag) for part in header.split(","))
