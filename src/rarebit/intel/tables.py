"""CSV files and plain lists of indicators; a mapping says which column is what."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from rarebit.core.errors import InputError
from rarebit.core.indicator import Kind
from rarebit.core.names import is_address
from rarebit.intel.documents import moment, number
from rarebit.intel.draft import Draft
from rarebit.intel.values import refanged

_ALIASES: Final[dict[str, Kind]] = {
    "ip": Kind.IP, "ipv4": Kind.IP, "ipv6": Kind.IP, "ip-src": Kind.IP, "ip-dst": Kind.IP, "ipaddress": Kind.IP,
    "ip address": Kind.IP, "ip_address": Kind.IP, "dst_ip": Kind.IP, "ipv4-addr": Kind.IP, "ipv6-addr": Kind.IP,
    "cidr": Kind.CIDR, "network": Kind.CIDR, "subnet": Kind.CIDR,
    "domain": Kind.DOMAIN, "hostname": Kind.DOMAIN, "fqdn": Kind.DOMAIN, "domain-name": Kind.DOMAIN,
    "url": Kind.URL, "uri": Kind.URL,
    "md5": Kind.MD5, "md5_hash": Kind.MD5, "filehash-md5": Kind.MD5,
    "sha1": Kind.SHA1, "sha-1": Kind.SHA1, "sha1_hash": Kind.SHA1, "filehash-sha1": Kind.SHA1,
    "sha256": Kind.SHA256, "sha-256": Kind.SHA256, "sha256_hash": Kind.SHA256, "filehash-sha256": Kind.SHA256,
    "imphash": Kind.IMPHASH, "filehash-imphash": Kind.IMPHASH,
    "email": Kind.EMAIL, "email-addr": Kind.EMAIL, "filename": Kind.FILE_NAME, "file-name": Kind.FILE_NAME,
    "file_name": Kind.FILE_NAME, "filepath": Kind.FILE_PATH, "file-path": Kind.FILE_PATH,
    "registry": Kind.REGISTRY, "regkey": Kind.REGISTRY, "ja3": Kind.JA3, "ja3_fingerprint": Kind.JA3, "ja3s": Kind.JA3S,
}  # fmt: skip
_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "value": ("value", "indicator", "ioc", "ioc_value", "indicator_value", "observable"),
    "type": ("type", "indicator_type", "ioc_type", "kind"),
    "confidence": ("confidence", "confidence_level", "score"),
    "valid_from": ("valid_from", "first_seen", "first_seen_utc", "created"),
    "valid_until": ("valid_until", "expiration", "expires", "expiration_date"),
    "tlp": ("tlp",),
    "label": ("label", "name", "description", "threat", "malware", "malware_printable", "comment", "signature"),
    "reference": ("reference", "id", "link"),
}
"""Parts of an entry, and columns in which they are looked for where a mapping names none."""
_HEXADECIMAL: Final = re.compile(r"^[0-9A-Fa-f]{32,128}$")
_UNSAID: Final = "a hash of which nothing says whether it is md5, imphash or another"


class ListMapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a mapping file may say: a column for each part, or one kind for the whole file."""

    value: str | None = None
    type: str | None = None
    """A column, or, where no column has this name, the kind of every value."""
    confidence: str | float | None = None
    """A column, or the confidence of every value."""
    valid_from: str | None = None
    valid_until: str | None = None
    tlp: str | None = None
    label: str | None = None
    reference: str | None = None
    delimiter: str = ","
    columns: tuple[str, ...] = ()
    """Names of the columns of a file without a head."""


def mapping_of(body: object, where: str) -> ListMapping:
    """The mapping of a YAML file's content.

    Raises
    ------
    InputError
        If it is none.
    """
    try:
        mapping = msgspec.convert(body if body is not None else {}, ListMapping)
    except msgspec.ValidationError as error:
        raise InputError(f"not a mapping: {error}", where=where, hint="As: value: ioc, and type: sha256") from error
    if len(mapping.delimiter) != 1:
        raise InputError("a delimiter is one character", where=where)
    return mapping


def read_list(data: bytes, draft: Draft, where: str, mapping: ListMapping | None) -> None:
    """One value a line; ``#`` and ``;`` begin comments. Addresses, networks, names, URLs and mails are told apart.

    A hash is refused unless the mapping says of which kind it is.
    """
    given = (mapping or ListMapping()).type
    kind = _kind(given) if given else None
    if given and kind is None:
        raise InputError(f"{given!r} is no kind of indicator", where=where, hint=f"Kinds: {', '.join(Kind)}")
    confidence = number((mapping or ListMapping()).confidence)
    draft.formats["list"] += 1
    for line_number, line in enumerate(_lines(data), 1):
        text = re.split(r"\s+[#;]", line, maxsplit=1)[0].strip()
        if not text or text[0] in "#;":
            continue
        place = f"{where}, line {line_number}"
        guessed = kind or shape_of(text)
        if guessed is None:
            draft.skip(_UNSAID if _HEXADECIMAL.match(text) else "of no kind that its form tells", place)
        else:
            draft.add(guessed, text, where=place, confidence=confidence)


def shape_of(text: str) -> Kind | None:
    """Kind of a value that its form alone tells; never a hash."""
    text = refanged(text)
    if _HEXADECIMAL.match(text):
        return None
    if is_address(text):
        return Kind.IP
    if "/" in text and is_address(text.partition("/")[0]) and text.rpartition("/")[2].isdigit():
        return Kind.CIDR
    if "://" in text:
        return Kind.URL
    if "@" in text:
        return Kind.EMAIL
    return Kind.DOMAIN if re.fullmatch(r"[^\s/\\]+\.[^\s/\\.]*[^\s/\\.\d][^\s/\\.]*\.?", text) else None


def read_csv(data: bytes, draft: Draft, where: str, mapping: ListMapping | None) -> None:
    """Rows of a table with a head; lines that begin with ``#`` are comments, but for a head in the last of them.

    A column named as a kind (``sha256``, ``imphash``) holds values of that kind.

    Raises
    ------
    InputError
        If no column can hold values.
    """
    given = mapping or ListMapping()
    draft.formats["csv"] += 1
    names, rows = _rows(data, given)
    place = {name.strip().lower(): at for at, name in enumerate(names)}
    parts = {part: _column(getattr(given, part), aliases, place) for part, aliases in _COLUMNS.items()}
    fixed = _kind(given.type) if given.type and parts["type"] is None else None
    if given.type and parts["type"] is None and fixed is None:
        raise InputError(f"{given.type!r} is neither a column nor a kind", where=where)
    kinds = {at: _ALIASES[name] for name, at in place.items() if name in _ALIASES}
    if parts["value"] is None and not kinds:
        raise InputError(
            "no column holds indicators", where=f"{where}, line 1",
            hint="Name it in a mapping file, as value: ioc; or head it with a kind, as sha256.",
        )  # fmt: skip
    for line_number, row in rows:
        spot = f"{where}, line {line_number}"
        cells = {part: row[at].strip() if at is not None and at < len(row) else "" for part, at in parts.items()}
        about = _about(cells, given)
        if parts["value"] is None:
            for at, kind in kinds.items():
                if at < len(row) and row[at].strip():
                    draft.add(kind, row[at], where=spot, **about)
            continue
        kind_of_row = fixed or _kind(cells["type"]) or (None if cells["type"] else shape_of(cells["value"]))
        if kind_of_row is None:
            draft.skip(_why_not(cells), spot)
        else:
            value = cells["value"].rpartition(":")[0] if cells["type"].lower() == "ip:port" else cells["value"]
            draft.add(kind_of_row, value, where=spot, **about)


def _about(cells: Mapping[str, str], given: ListMapping) -> dict[str, Any]:
    fixed = given.confidence if isinstance(given.confidence, int | float) else None
    return {
        "confidence": number(cells["confidence"]) if cells["confidence"] else fixed,
        "valid_from_us": moment(cells["valid_from"]),
        "valid_until_us": moment(cells["valid_until"]),
        "tlp": cells["tlp"].lower().removeprefix("tlp:"),
        "label": cells["label"],
        "reference": cells["reference"],
    }


def _why_not(cells: Mapping[str, str]) -> str:
    if cells["type"]:
        return f"a kind that events do not have ({cells['type'][:40]})"
    return _UNSAID if _HEXADECIMAL.match(cells["value"]) else "of no kind that its form tells"


def _kind(name: str) -> Kind | None:
    name = name.strip().lower()
    return Kind.IP if name == "ip:port" else _ALIASES.get(name)


def _column(named: object, aliases: tuple[str, ...], place: Mapping[str, int]) -> int | None:
    if isinstance(named, str):
        return place.get(named.strip().lower())
    return next((place[alias] for alias in aliases if alias in place), None)


def _lines(data: bytes) -> Iterator[str]:
    return iter(data.decode("utf-8-sig", "replace").splitlines())


def _rows(data: bytes, given: ListMapping) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    lines = [line.rstrip("\r") for line in data.decode("utf-8-sig", "replace").split("\n")]
    start = next(
        (at for at, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")), len(lines)
    )
    names = list(given.columns)
    if not names:
        commented = lines[start - 1].lstrip("# ") if start else ""
        if given.delimiter in commented and any(
            n.strip(' "').lower() in _HEADS for n in commented.split(given.delimiter)
        ):
            names = _cells(commented, given.delimiter)
        elif start < len(lines):
            names = _cells(lines[start], given.delimiter)
            start += 1

    def rows() -> Iterator[tuple[int, list[str]]]:
        text = io.StringIO("\n".join(line for line in lines[start:]), newline="")
        reader = csv.reader(text, delimiter=given.delimiter, skipinitialspace=True)
        try:
            for row in reader:
                if row and any(row) and not row[0].lstrip().startswith("#"):
                    yield start + reader.line_num, row
        except csv.Error as error:
            raise InputError(f"not CSV: {error}", where=f"line {start + reader.line_num}") from error

    return names, rows()


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])


_HEADS: Final = frozenset({alias for aliases in _COLUMNS.values() for alias in aliases} | set(_ALIASES))
