"""MISP: events of a feed with their manifest, and warninglists of well-known values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from rarebit.core.indicator import Kind, Worth
from rarebit.intel.documents import moment, objects, parse, read_bytes, text
from rarebit.intel.draft import Draft

MANIFEST: Final = "manifest.json"
_KINDS: Final[dict[str, Kind]] = {
    "ip-src": Kind.IP, "ip-dst": Kind.IP, "domain": Kind.DOMAIN, "hostname": Kind.DOMAIN, "url": Kind.URL,
    "md5": Kind.MD5, "sha1": Kind.SHA1, "sha256": Kind.SHA256, "imphash": Kind.IMPHASH, "filename": Kind.FILE_NAME,
    "email": Kind.EMAIL, "email-src": Kind.EMAIL, "email-dst": Kind.EMAIL, "regkey": Kind.REGISTRY,
    "ja3-fingerprint-md5": Kind.JA3,
}  # fmt: skip
_IGNORED: Final = frozenset({"port"})
_THREAT: Final = {"1": 80.0, "2": 60.0, "3": 40.0}
"""Confidence of an event's attributes by its threat level (high, medium, low)."""
_LISTED: Final[dict[str, Kind]] = _KINDS | {"domain|ip": Kind.DOMAIN}


def looks_like(body: object) -> bool:
    """Whether JSON is an event of MISP, its manifest, or a warninglist."""
    return isinstance(body, dict) and (is_warninglist(body) or bool(_events(body)) or _is_manifest(body))


def is_warninglist(body: Mapping[str, Any]) -> bool:
    """Whether JSON is a list of well-known values."""
    return isinstance(body.get("list"), list) and isinstance(body.get("type"), str)


def _is_manifest(body: Mapping[str, Any]) -> bool:
    first = next(iter(body.values()), None)
    return isinstance(first, dict) and "info" in first and "timestamp" in first


def _events(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    if isinstance(body.get("Event"), dict):
        return [body["Event"]]
    return [each["Event"] for each in objects(body.get("response")) if isinstance(each.get("Event"), dict)]


def read_misp(body: object, draft: Draft, path: Path) -> None:
    """Take in an event, the events a manifest names, or a warninglist.

    Attributes count where MISP says that they are for detection (``to_ids``). An event that a manifest names and that
    is not there is counted as left out.
    """
    if not isinstance(body, dict):
        draft.skip("not of MISP's form", str(path))
    elif is_warninglist(body):
        _warninglist(body, draft, str(path))
    elif events := _events(body):
        draft.formats["misp"] += 1
        for event in events:
            _event(event, draft, str(path))
    elif _is_manifest(body):
        for name in body:
            _named(path.parent / f"{name}.json", draft)
    else:
        draft.skip("not of MISP's form", str(path))


def _named(path: Path, draft: Draft) -> None:
    """An event that a manifest names: it lies beside it, and nowhere else."""
    if Path(path.name) != Path(path.stem + ".json") or ".." in path.stem or not path.is_file():
        draft.skip("named by the manifest, and not there", str(path))
        return
    body = parse(read_bytes(path), str(path))
    if isinstance(body, dict) and _events(body):
        read_misp(body, draft, path)
    else:
        draft.skip("not of MISP's form", str(path))


def _event(event: Mapping[str, Any], draft: Draft, where: str) -> None:
    tlp = _tlp(event.get("Tag"))
    confidence = _THREAT.get(str(event.get("threat_level_id", "")))
    grouped = [each for part in objects(event.get("Object")) for each in objects(part.get("Attribute"))]
    for at, each in enumerate([*objects(event.get("Attribute")), *grouped]):
        place = f"{where}, attribute {text(each.get('uuid')) or at}"
        if each.get("deleted") is True:
            draft.skip("deleted", place)
        elif each.get("to_ids") not in (True, "1", 1):
            draft.skip("not for detection (to_ids is false)", place)
        else:
            _attribute(each, draft, place, (confidence, _tlp(each.get("Tag")) or tlp, text(event.get("info"))))


def _attribute(each: Mapping[str, Any], draft: Draft, where: str, of_event: tuple[float | None, str, str]) -> None:
    kinds, values = text(each.get("type")).split("|"), text(each.get("value"))
    if any(kind not in _KINDS for kind in kinds[:1]) or any(kind not in {*_KINDS, *_IGNORED} for kind in kinds):
        draft.skip(f"a kind that events do not have ({text(each.get('type'))[:40]})", where)
        return
    parts = values.split("|") if len(kinds) > 1 else [values]
    if len(parts) != len(kinds):
        draft.skip("a pair of values that is none", where)
        return
    # Of a file's name with its hash, the hash is what is sure; the name alone may be anybody's.
    pairs = [(kind, value) for kind, value in zip(kinds, parts, strict=True) if kind not in _IGNORED]
    if len(pairs) > 1 and pairs[0][0] == "filename":
        pairs = pairs[1:]
    confidence, tlp, info = of_event
    for kind, value in pairs:
        is_path = kind == "filename" and ("\\" in value or "/" in value)
        draft.add(
            Kind.FILE_PATH if is_path else _KINDS[kind],
            value,
            where=where,
            confidence=confidence,
            valid_from_us=moment(each.get("first_seen")),
            valid_until_us=None,
            tlp=tlp,
            label=text(each.get("comment")) or info,
            reference=text(each.get("uuid")),
        )


def _tlp(tags: object) -> str:
    names = (text(tag.get("name")).lower() for tag in objects(tags))
    return next((name.removeprefix("tlp:") for name in names if name.startswith("tlp:")), "")


def _warninglist(body: Mapping[str, Any], draft: Draft, where: str) -> None:
    """Values that are well known: false positives are benign, others only known."""
    draft.formats["misp warninglist"] += 1
    form = text(body.get("type"))
    category = text(body.get("category")).lower()
    worth = Worth.KNOWN if category in {"known", "known identifier"} else Worth.BENIGN
    name = text(body.get("name"))
    values = [each for each in body["list"] if isinstance(each, str)]
    kinds = _listed_kinds(form, body.get("matching_attributes"))
    if not kinds:
        for value in values:
            draft.skip(f"a list of {form[:40]}, which cannot be kept as values", f"{where}, {value[:60]}")
        return
    for at, value in enumerate(values):
        place = f"{where}, entry {at + 1}"
        for kind in kinds:
            draft.add(kind, value, where=place, worth=worth, confidence=100.0, label=name)


def _listed_kinds(form: str, attributes: object) -> list[Kind]:
    if form == "cidr":
        return [Kind.CIDR]
    if form == "hostname":
        return [Kind.DOMAIN]
    if form != "string":
        return []
    named: Iterable[str] = (
        (each for each in attributes if isinstance(each, str)) if isinstance(attributes, list) else ()
    )
    return list(dict.fromkeys(_LISTED[each.split("|")[-1]] for each in named if each.split("|")[-1] in _LISTED))
