"""Indicators: what kinds there are, which fields of an event they stand in, and what a match with them is."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec


class Kind(StrEnum):
    """What an indicator's value is. A hash is of the kind its list says, never of the kind its length suggests."""

    IP = "ip"
    CIDR = "cidr"
    DOMAIN = "domain"
    """The name and every name below it."""
    URL = "url"
    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    IMPHASH = "imphash"
    EMAIL = "email"
    FILE_NAME = "file-name"
    FILE_PATH = "file-path"
    REGISTRY = "registry"
    JA3 = "ja3"
    JA3S = "ja3s"


class Worth(StrEnum):
    """What a list says of its values."""

    BAD = "bad"
    KNOWN = "known"
    """Well known and mostly harmless: halves the confidence of indicators it names."""
    BENIGN = "benign"
    """A known false positive: indicators it names are not matched."""


NETWORK: Final = frozenset({Kind.IP, Kind.CIDR, Kind.DOMAIN, Kind.URL, Kind.JA3, Kind.JA3S})
HASHES: Final = frozenset({Kind.MD5, Kind.SHA1, Kind.SHA256, Kind.IMPHASH})

_ADDRESSES: Final = ("source.ip", "destination.ip", "dns.resolved_ip")
FIELDS: Final[dict[Kind, tuple[str, ...]]] = {
    Kind.IP: _ADDRESSES,
    Kind.CIDR: _ADDRESSES,
    Kind.DOMAIN: (
        "dns.question.name", "url.domain", "destination.domain", "source.domain", "tls.client.server_name",
    ),
    Kind.URL: ("url.full",),
    Kind.MD5: ("process.hash.md5", "file.hash.md5", "dll.hash.md5"),
    Kind.SHA1: ("process.hash.sha1", "file.hash.sha1", "dll.hash.sha1"),
    Kind.SHA256: ("process.hash.sha256", "file.hash.sha256", "dll.hash.sha256"),
    Kind.IMPHASH: ("process.pe.imphash", "file.pe.imphash", "dll.pe.imphash"),
    Kind.EMAIL: ("user.email", "email.from.address", "email.to.address"),
    Kind.FILE_NAME: ("process.name", "file.name", "dll.name"),
    Kind.FILE_PATH: ("process.executable", "file.path", "dll.path"),
    Kind.REGISTRY: ("registry.path",),
    Kind.JA3: ("tls.client.ja3",),
    Kind.JA3S: ("tls.server.ja3s",),
}  # fmt: skip
"""Fields in which an indicator of each kind is looked for, and no others."""


class Indicator(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a list."""

    source: str
    kind: Kind
    value: str
    worth: Worth
    confidence: float
    """0 to 100, as the list gives it; 50 where it gives none."""
    valid_from: str | None
    valid_until: str | None
    first_import: str
    last_seen: str
    """When the list last had it."""
    tlp: str
    label: str
    """What the list says it is: a family, a campaign, a title."""
    reference: str
    """Its id in the list."""


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """An indicator seen on one entity on one day."""

    id: str
    kind: Kind
    value: str
    """Of the indicator."""
    seen: str
    """What the events showed: the value, an address inside the network, a name below the domain."""
    field: str
    """Field of the events in which it stood."""
    entity_type: str
    """``host``; where events name none, ``user`` or ``address``."""
    entity_id: str
    day: str
    first: str
    last: str
    hits: int
    """Events that went through: outbound, local, or a successful logon."""
    inbound: int
    """Events of connections from outside that were not refused and are no logon: scans, mostly."""
    attempts: int
    """Events that were refused, blocked or failed."""
    event_ids: tuple[str, ...]
    """The first of them, those that went through before the others."""
    sources: tuple[str, ...]
    labels: tuple[str, ...] = ()
    tlp: str = ""
    confidence: float
    """0 to 100, of the best source, after decay and what is well known."""
    half_life_days: float
    """With which the confidence decays from the day the list last had it; 0 where it does not."""
    known: tuple[str, ...] = ()
    """Lists of well-known values that name it."""
    alert: bool = False
    """Whether a source of it is to alert by itself."""

    @property
    def outcome(self) -> str:
        """``hit`` if an event went through, else ``inbound`` or ``attempt``."""
        return "hit" if self.hits else "inbound" if self.inbound else "attempt"
