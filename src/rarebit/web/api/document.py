"""The OpenAPI document, made of the table of operations and the structs that they take and give."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

import msgspec
from fastapi import Request, Response

import rarebit
from rarebit.app import listing
from rarebit.web.access import CSRF_HEADER
from rarebit.web.api.forms import Problem, Sight
from rarebit.web.api.operations import OPERATIONS, Operation
from rarebit.web.api.parts import ORDERS, asked, tell

Json = dict[str, Any]
_REFUSALS: Final = {
    "400": "The request cannot be read, or asks for what there is not.",
    "401": "No key or session that works was sent.",
    "403": "Whoever asks may not.",
    "404": "An id names nothing.",
    "409": "It has changed meanwhile.",
    "413": "The request is longer than it may be.",
    "429": "Too many requests; see Retry-After.",
    "503": "It cannot be done just now: nothing was read yet, or the disk or database cannot be used.",
}
_PARAMS: Final[dict[str, tuple[Json, str]]] = {
    "where": ({"type": "string", "maxLength": 10_000}, "KQL over the fields of an item."),
    "cursor": ({"type": "string"}, "`next` of the page before."),
    "order": (
        {"type": "string", "enum": list(ORDERS)},
        "Findings by time, falling if not said; else by id, rising.",
    ),
    "limit": ({"type": "integer", "minimum": 1, "maximum": listing.MOST, "default": 100}, "Most items."),
    "source": ({"type": "string", "enum": ["rules", "edr", "all"], "default": "rules"}, "Whose alerts."),
    "suppressed": ({"type": "boolean", "default": False}, "Whether those that are hidden are given too."),
}


def openapi(request: Request) -> Response:
    """What this API is, for programs that read OpenAPI 3.1."""
    asked(request)
    return tell(request, document())


@cache
def document() -> Json:
    """The document."""
    kinds: set[type[Any]] = {Problem, Sight, *(each.answer for each in OPERATIONS)}
    kinds |= {each.body for each in OPERATIONS if each.body is not None}
    ordered = sorted(kinds, key=lambda kind: kind.__name__)
    refs, schemas = msgspec.json.schema_components(ordered, ref_template="#/components/schemas/{name}")
    ref_of = dict(zip(ordered, refs, strict=True))
    paths: dict[str, Json] = {}
    for each in OPERATIONS:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, ref_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Rarebit",
            "version": rarebit.__version__,
            "description": "What was found and what is kept. Elasticsearch's API beside it is in docs/elastic-api.md.",
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "Authorization", "description": "`ApiKey …`"},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "rarebit",
                    "description": f"A browser's; what changes something needs {CSRF_HEADER} too.",
                },
            },
        },
    }


def _operation(each: Operation, ref_of: dict[type[Any], Json]) -> Json:
    names = [*(("where", "cursor", "order", "limit") if each.pages else ()), *each.params]
    parameters: list[Json] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"\{(\w+)\}", each.path)
    ]
    for name in names:
        schema, told = _PARAMS[name]
        parameters.append({"name": name, "in": "query", "schema": schema, "description": told})
    found = _page(ref_of[each.answer], ref_of[Sight] if each.sight else None) if each.pages else ref_of[each.answer]
    answers: Json = {
        str(each.status): {
            "description": "Done.",
            "headers": {"ETag": {"schema": {"type": "string"}}},
            "content": {"application/json": {"schema": found}},
        }
    }
    if each.method == "GET":
        answers["304"] = {"description": "As `If-None-Match` says."}
    problem = {"application/json": {"schema": ref_of[Problem]}}
    answers |= {code: {"description": told, "content": problem} for code, told in _REFUSALS.items()}
    made: Json = {
        "operationId": each.handler.__name__,
        "summary": (each.handler.__doc__ or "").strip(),
        "description": f"Needs the role {each.needs}, or a key with its rights.",
        "parameters": parameters,
        "responses": answers,
    }
    if each.body is not None:
        body = {"required": True, "content": {"application/json": {"schema": ref_of[each.body]}}}
        made["requestBody"] = body
    return made


def _page(item: Json, sight: Json | None) -> Json:
    properties: Json = {"items": {"type": "array", "items": item}, "next": {"type": ["string", "null"]}}
    if sight is not None:
        properties["sight"] = sight
    return {"type": "object", "properties": properties, "required": list(properties)}
