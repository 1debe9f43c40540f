"""STIX patterns that name values: comparisons of one property, joined by OR. Others are told apart, not guessed at.

``[ipv4-addr:value = '198.51.100.7' OR domain-name:value = 'evil.example']`` names two values. A pattern that asks for
several things of one event or in some order (``AND``, ``FOLLOWEDBY``, ``WITHIN``, ``REPEATS``), or for a part of a
value (``LIKE``, ``MATCHES``), cannot be kept as values and is refused with that reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from rarebit.core.indicator import Kind
from rarebit.intel.values import BadValueError

LONGEST: Final = 100_000
"""Characters of a pattern."""
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<path>[a-z][a-z0-9-]*:[A-Za-z0-9_.*\[\]'-]+?)(?=[\s=!<>]|$)"
    r"|(?P<word>[A-Z]+)\b|(?P<sign>!=|<=|>=|[=<>()\[\],])|(?P<number>-?\d+(?:\.\d+)?)|(?P<other>\S))"
)
_PATHS: Final[dict[str, Kind]] = {
    "ipv4-addr:value": Kind.IP,
    "ipv6-addr:value": Kind.IP,
    "network-traffic:dst_ref.value": Kind.IP,
    "network-traffic:src_ref.value": Kind.IP,
    "domain-name:value": Kind.DOMAIN,
    "url:value": Kind.URL,
    "email-addr:value": Kind.EMAIL,
    "email-message:from_ref.value": Kind.EMAIL,
    "email-message:sender_ref.value": Kind.EMAIL,
    "file:name": Kind.FILE_NAME,
    "process:name": Kind.FILE_NAME,
    "process:image_ref.name": Kind.FILE_NAME,
    "windows-registry-key:key": Kind.REGISTRY,
}
_HASH: Final = re.compile(r"^(?:file|artifact|process):(?:image_ref\.|binary_ref\.)?hashes\.'?([A-Za-z0-9-]+)'?$")
_HASHES: Final = {
    "MD5": Kind.MD5, "SHA-1": Kind.SHA1, "SHA1": Kind.SHA1, "SHA-256": Kind.SHA256, "SHA256": Kind.SHA256,
    "IMPHASH": Kind.IMPHASH,
}  # fmt: skip
_IMPHASH: Final = re.compile(r"^file:extensions\.'?windows-pebinary-ext'?\.imphash$")
_JOINT: Final = "asks for several things at once or in order"


def values_of(pattern: str) -> list[tuple[Kind, str]]:
    """Kind and text of every value that a pattern names.

    Raises
    ------
    BadValueError
        If the pattern is wrong, or asks for more than one of some values.
    """
    if len(pattern) > LONGEST:
        raise BadValueError("a pattern that is too long")
    tokens = list(_tokens(pattern))
    found: list[tuple[Kind, str]] = []
    at = depth = 0
    while at < len(tokens):
        group, text = tokens[at]
        if group == "sign" and text in "[](":
            depth += 1 if text in "[(" else -1
            at += 1
        elif group == "sign" and text == ")":
            depth -= 1
            at += 1
        elif (group, text) == ("word", "OR"):
            at += 1
        elif group == "path":
            at = _comparison(tokens, at, found)
        else:
            reason = _JOINT if group == "word" else "not a pattern"
            raise BadValueError(f"a pattern that {reason}" if group == "word" else reason)
        if depth < 0:
            raise BadValueError("not a pattern")
    if depth or not found:
        raise BadValueError("not a pattern")
    return found


def _tokens(pattern: str) -> Iterator[tuple[str, str]]:
    at, end = 0, len(pattern.rstrip())
    while at < end:
        match = _TOKEN.match(pattern, at)
        if match is None or match.lastgroup is None:
            raise BadValueError("not a pattern")
        yield match.lastgroup, match[match.lastgroup]
        at = match.end()


def _comparison(tokens: list[tuple[str, str]], at: int, found: list[tuple[Kind, str]]) -> int:
    """Take in ``path = 'value'`` or ``path IN ('a', 'b')``; the place behind it."""
    kind = _kind(tokens[at][1])
    operator, *rest = tokens[at + 1 : at + 3] or [("", "")]
    if operator in {("sign", "="), ("word", "ISSUBSET")} and rest and rest[0][0] == "text":
        found.append((kind, _unquoted(rest[0][1])))
        return at + 3
    if operator == ("word", "IN") and rest == [("sign", "(")]:
        at += 3
        while at < len(tokens) and tokens[at] != ("sign", ")"):
            group, text = tokens[at]
            if group == "text":
                found.append((kind, _unquoted(text)))
            elif (group, text) != ("sign", ","):
                raise BadValueError("not a pattern")
            at += 1
        return at + 1
    if operator[1] in {"LIKE", "MATCHES", "ISSUPERSET", "NOT", "!=", "<", ">", "<=", ">="}:
        raise BadValueError("a pattern that compares otherwise than by equality")
    raise BadValueError("not a pattern")


def _kind(path: str) -> Kind:
    if path in _PATHS:
        return _PATHS[path]
    if _IMPHASH.match(path):
        return Kind.IMPHASH
    named = _HASH.match(path)
    if named and named[1].upper() in _HASHES:
        return _HASHES[named[1].upper()]
    raise BadValueError("a pattern over a property that events do not have")


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])
