"""Values of indicators: their normal form, and what cannot be an indicator."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from rarebit.core.columns import map_unique
from rarebit.core.indicator import Kind

LONGEST: Final = 4_096
"""Characters of a value."""
WIDEST: Final = {4: 8, 6: 19}
"""Shortest prefix of a network by IP version; what is wider names too much of the Internet."""
_DIGITS: Final = {Kind.MD5: 32, Kind.SHA1: 40, Kind.SHA256: 64, Kind.IMPHASH: 32, Kind.JA3: 32, Kind.JA3S: 32}
_EMPTY: Final = frozenset(
    {
        "d41d8cd98f00b204e9800998ecf8427e",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    }
)
_PRIVATE: Final = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.168.0.0/16", "224.0.0.0/3", "::/127", "fc00::/7", "fe80::/10", "ff00::/8",
    )
)  # fmt: skip
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_DEFANGED: Final = ((re.compile(r"^hxxp", re.IGNORECASE), "http"), (re.compile(r"\[(\.|:|@|:\/\/)\]"), r"\1"),
                    (re.compile(r"\[(?:dot)\]|\((?:dot|\.)\)", re.IGNORECASE), "."))  # fmt: skip
_PORT: Final = r"^(http://[^/:]+):80(/|$)|^(https://[^/:]+):443(/|$)"


class BadValueError(ValueError):
    """A value that cannot be an indicator; its text is the reason, by which such are counted."""


def refanged(text: str) -> str:
    """The value as it was before somebody made it harmless to click on: ``hxxp://evil[.]example``."""
    text = text.strip()
    for pattern, by in _DEFANGED:
        text = pattern.sub(by, text)
    return text


def clean(kind: Kind, text: str, *, bad: bool = True) -> tuple[Kind, str]:
    """Kind and normal form of a value; a network of one address is that address.

    Parameters
    ----------
    kind : Kind
        What the list says it is.
    text : str
        The value as the list has it.
    bad : bool
        Whether it is to be looked for; lists of harmless values may name private networks.

    Raises
    ------
    BadValueError
        If it is no such value, or would match what everybody has.
    """
    text = refanged(text)
    if not text or len(text) > LONGEST:
        raise BadValueError("no value" if not text else f"a value of more than {LONGEST:,} characters")
    if kind in (Kind.IP, Kind.CIDR):
        return _network(text, bad=bad)
    if kind in _DIGITS:
        value = text.lower()
        if len(value) != _DIGITS[kind] or not re.fullmatch("[0-9a-f]+", value):
            raise BadValueError(f"not of the form of {kind}")
        if bad and value in _EMPTY:
            raise BadValueError("the hash of an empty file")
        return kind, value
    return kind, _CLEAN[kind](text, bad)


def _network(text: str, *, bad: bool) -> tuple[Kind, str]:
    try:
        found = ip_network(text.split("%", maxsplit=1)[0], strict=False)
    except ValueError:
        raise BadValueError("not an address") from None
    if isinstance(found, IPv6Network) and found.prefixlen >= _MAPPED and found.network_address.ipv4_mapped:
        found = ip_network(f"{found.network_address.ipv4_mapped}/{found.prefixlen - 96}")
    if bad and any(found.version == each.version and found.subnet_of(each) for each in _PRIVATE):  # type: ignore[arg-type]
        raise BadValueError("an address of no public network")
    if bad and found.prefixlen < WIDEST[found.version]:
        raise BadValueError("a network too wide to mean anything")
    return (Kind.IP, str(found.network_address)) if found.num_addresses == 1 else (Kind.CIDR, str(found))


_MAPPED: Final = 96


def _domain(text: str, bad: bool) -> str:
    name = text.lower().removeprefix("*.").strip(".")
    try:
        name = name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        raise BadValueError("not a domain name") from None
    labels = name.split(".")
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():  # noqa: PLR2004
        raise BadValueError("not a domain name")
    if bad and name in _suffixes():
        raise BadValueError("a public suffix: names of everybody lie below it")
    return name


def _url(text: str, _bad: bool) -> str:
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://[^/\s]", text):
        raise BadValueError("not a URL")
    return str(normal(Kind.URL, pa.array([text]))[0].as_py())


def _email(text: str, _bad: bool) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text):
        raise BadValueError("not an e-mail address")
    return text.lower()


def _name(text: str, _bad: bool) -> str:
    if "/" in text or "\\" in text or len(text) < 3:  # noqa: PLR2004
        raise BadValueError("not the name of a file")
    return text.lower()


def _path(text: str, _bad: bool) -> str:
    if "/" not in text and "\\" not in text:
        raise BadValueError("not a path")
    return text.lower()


_CLEAN: Final[dict[Kind, Callable[[str, bool], str]]] = {
    Kind.DOMAIN: _domain,
    Kind.URL: _url,
    Kind.EMAIL: _email,
    Kind.FILE_NAME: _name,
    Kind.FILE_PATH: _path,
    Kind.REGISTRY: _path,
}


@cache
def _suffixes() -> frozenset[str]:
    import tldextract

    extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)
    return frozenset(extract.tlds)


def normal(kind: Kind, values: pa.Array) -> pa.Array:
    """Normal form of what events show in a field, as :func:`clean` gives it for indicators of that kind."""
    if kind in (Kind.IP, Kind.CIDR):
        long = pc.match_substring(values, ":")
        return pc.if_else(long, _canonical(pc.if_else(long, values, None)), values) if pc.any(long).as_py() else values
    lower = pc.utf8_lower(values)
    if kind is Kind.DOMAIN:
        return pc.utf8_rtrim(lower, ".")
    if kind is Kind.URL:
        bare = pc.replace_substring_regex(pc.replace_substring_regex(lower, "#.*$", ""), _PORT, r"\1\3\2\4")
        return pc.utf8_rtrim(bare, "/")
    return lower


def _canonical(values: pa.Array) -> pa.Array:
    """IPv6 addresses in their one short form, mapped ones as IPv4; what is no address stays as it is."""

    def one(text: str) -> str:
        try:
            found = ip_address(text.split("%", maxsplit=1)[0])
        except ValueError:
            return text
        mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
        return str(mapped or found)

    return map_unique(values, one)


def networks(values: list[str]) -> list[IPv4Network | IPv6Network]:
    """Networks of normal forms."""
    return [ip_network(value) for value in values]
