"""Traits: the fields, and fields together, whose values are remembered long after their events are gone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rarebit.core.columns import map_unique
from rarebit.core.fields import Kind
from rarebit.core.names import is_address, normal_form
from rarebit.core.schema import kind_of
from rarebit.maths.hashing import hash_bytes
from rarebit.query.columns import text_sql

HOST: Final = "host.name"
SEPARATOR: Final = "\x1f"
"""Between the values of several fields taken together."""
LONGEST_TEXT: Final = 1_024
"""Characters of a value kept for display; its code is that of the whole."""
_NAMES: Final = frozenset({HOST, "user.name"})
_DOMAINS: Final = ("dns.question", "url", "destination")


class Trait(msgspec.Struct, frozen=True):
    """What is remembered: the values of one field, or of several together, on each host."""

    fields: tuple[str, ...]
    """Without ``host.name``: which host showed a value is always kept."""

    @property
    def name(self) -> str:
        """Fields joined by ``+``."""
        return "+".join(self.fields)

    @property
    def parts(self) -> str:
        """SQL text of the value over the columns of an event; null where a field is absent."""
        return f" || chr({ord(SEPARATOR)}) || ".join(_value_sql(name) for name in self.fields)

    @property
    def is_list(self) -> bool:
        """Whether an event can show several values of it."""
        return len(self.fields) == 1 and kind_of(self.fields[0]) is Kind.LIST

    def normal(self, values: pa.Array) -> pa.Array:
        """Normal form of texts: what is remembered, and what is looked up."""
        if len(self.fields) > 1:
            return pc.utf8_lower(values)
        name = self.fields[0]
        if name in _NAMES:
            return pc.utf8_lower(map_unique(values, normal_form(name)))
        return pc.utf8_rtrim(pc.utf8_lower(values), ".") if is_domain(name) else pc.utf8_lower(values)


def _value_sql(name: str) -> str:
    return f"nullif({text_sql(name)}, '')"


def is_domain(field: str) -> bool:
    """Whether the values of a field are domain names."""
    return field in {"dns.question.name", *(f"{part}.domain" for part in _DOMAINS), *REGISTERED.values()}


REGISTERED: Final = {
    "dns.question.name": "dns.question.registered_domain",
    "url.domain": "url.registered_domain",
    "destination.domain": "destination.registered_domain",
}
"""Fields of domain names, and the trait made of the part of each that somebody has registered."""

DEFAULT: Final[tuple[Trait, ...]] = tuple(
    Trait(tuple(name.split("+")))
    for name in (
        HOST, "process.name", "process.hash.sha256", "process.hash.sha1", "process.hash.md5", "process.pe.imphash",
        "file.hash.sha256", "destination.ip", "destination.domain", "source.ip", "user.name", "user.name+source.ip",
        "dns.question.name", "dns.resolved_ip", "url.domain", *REGISTERED.values(),
    )
)  # fmt: skip
"""What every installation remembers."""


def trait_of(fields: Sequence[str]) -> tuple[Trait, bool]:
    """Trait of a combination of fields, and whether its values count for each host by itself.

    ``host.name`` with others is no part of the trait: the host of every value is kept anyway.
    """
    rest = tuple(name for name in fields if name != HOST)
    return (Trait(rest), len(rest) < len(fields)) if rest else (Trait((HOST,)), False)


def codes_of_text(values: pa.Array) -> NDArray[np.int64]:
    """Codes (int64[n]) of texts; 0 where absent."""
    if len(values) == 0:
        return np.zeros(0, np.int64)
    plain = values.cast(pa.large_string())
    _, offsets, data = plain.buffers()
    ends = np.frombuffer(offsets, np.int64)[plain.offset : plain.offset + len(plain) + 1]
    codes = hash_bytes(np.ascontiguousarray(ends), np.frombuffer(data or b"", np.uint8))
    return np.where(plain.is_valid().to_numpy(zero_copy_only=False), codes, 0)


def registered(values: pa.Array) -> pa.Array:
    """The registered part of each domain name, by the list of public suffixes this release carries.

    Names under no public suffix, such as those of a site's own network, give their last two labels; addresses and
    single labels give null.
    """
    split = _splitter()

    def part(name: str) -> str | None:
        if is_address(name):
            return None
        found: str = split(name)
        labels = name.split(".")
        return found or (".".join(labels[-2:]) if len(labels) > 1 else None)

    return map_unique(values, part)


@cache
def _splitter() -> Callable[[str], str]:
    import tldextract

    extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

    def split(name: str) -> str:
        found: str = extract.extract_str(name).top_domain_under_public_suffix
        return found

    return split
