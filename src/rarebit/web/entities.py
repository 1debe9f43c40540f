"""The page of one entity: host, user, process, hash or destination."""

from __future__ import annotations

from fastapi import Request, Response

from rarebit.app.entities import FIELDS_OF, entity
from rarebit.web.access import home_of
from rarebit.web.answer import answer, plain


def entity_page(request: Request, kind: str, name: str = "") -> Response:
    """One entity: since when, on how many hosts, its peers, how well it is known, what was found of it."""
    found = entity(home_of(request), kind, name)
    return answer(request, "entity.html", {"found": plain(found), "field": FIELDS_OF[kind][0]})
