"""STIX 2.0 and 2.1: the indicators of a bundle, of a list of objects, or of one TAXII envelope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rarebit.intel.documents import moment, number, objects, text
from rarebit.intel.draft import Draft
from rarebit.intel.pattern import values_of
from rarebit.intel.values import BadValueError

_TLP: Final = {
    "613f2e26-407d-48c7-9eca-b8e91df99dc9": "white",
    "34098fce-860f-48ae-8e50-ebd3cc5e41da": "green",
    "f88d31f6-486f-44da-b317-01333bde0b82": "amber",
    "5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "red",
    "94868c89-83c2-464b-929b-a1a8aa3c8487": "clear",
    "bab4a63c-aed9-4cf5-a766-dfca5abac2bb": "green",
    "55d920b0-5e8b-4f79-9ee9-91f868d9b421": "amber",
    "939a9414-2ddd-4d32-a0cd-375ea402b003": "amber+strict",
    "e828b379-4e03-4974-9ac4-e53a884c97c1": "red",
}
"""Ids of the marking definitions of the Traffic Light Protocol, first and second edition."""


def looks_like(body: object) -> bool:
    """Whether JSON is STIX."""
    if isinstance(body, dict):
        return body.get("type") in {"bundle", "indicator"} or any(map(_is_object, objects(body.get("objects"))))
    return isinstance(body, list) and any(map(_is_object, objects(body)[:100]))


def _is_object(each: Mapping[str, Any]) -> bool:
    return "--" in text(each.get("id")) and bool(text(each.get("type")))


def read_stix(body: object, draft: Draft, where: str) -> None:
    """Take in the indicators of a bundle; relations and descriptions beside them are no entries.

    A revoked indicator is refused. Confidence is STIX's own, 0 to 100.
    """
    found = body.get("objects", [body]) if isinstance(body, dict) else body
    draft.formats["stix"] += 1
    for at, each in enumerate(objects(found)):
        if each.get("type") == "indicator":
            _take(each, draft, f"{where}, {text(each.get('id')) or f'object {at}'}")


def _take(each: Mapping[str, Any], draft: Draft, where: str) -> None:
    if each.get("revoked") is True:
        draft.skip("revoked by who made it", where)
        return
    if each.get("pattern_type", "stix") != "stix":
        draft.skip("a pattern in another language than STIX", where)
        return
    try:
        values = values_of(text(each.get("pattern")))
    except BadValueError as error:
        draft.skip(str(error), where)
        return
    marks = each.get("object_marking_refs")
    tlp = next((_TLP[mark[-36:]] for mark in marks if isinstance(mark, str) and mark[-36:] in _TLP), "") if isinstance(
        marks, list
    ) else ""  # fmt: skip
    for kind, value in values:
        draft.add(
            kind,
            value,
            where=where,
            confidence=number(each.get("confidence")),
            valid_from_us=moment(each.get("valid_from")),
            valid_until_us=moment(each.get("valid_until")),
            tlp=tlp,
            label=text(each.get("name")),
            reference=text(each.get("id")),
        )
