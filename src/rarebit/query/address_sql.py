"""SQL tests over an IP address kept as text, without DuckDB's inet extension.

Version 4 is compared as a number of 32 bits, version 6 as 32 hexadecimal digits; ``::ffff:10.0.0.1`` is taken
for 10.0.0.1 by networks and ranges. What is no address compares as text.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, IPv6Network, collapse_addresses, ip_address, ip_network
from typing import Any, Final

from rarebit.core.errors import QueryError
from rarebit.query import literal
from rarebit.query.text_sql import keyword_test
from rarebit.query.tree import Leaf, Match, Phrase, Range, Term, Terms

_BYTE: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_V4: Final = rf"^(?:::[fF]{{4}}:)?((?:{_BYTE}\.){{3}}{_BYTE})$"
_GROUPS: Final = "[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{1,4})*"
_V6: Final = f"(?:{_GROUPS})?::(?:{_GROUPS})?|(?:[0-9a-fA-F]{{1,4}}:){{7}}[0-9a-fA-F]{{1,4}}"
_DIGITS: Final = 32


def address_test(leaf: Leaf, text: str) -> str:
    """SQL for a leaf over the text of an address. Where the text is NULL, so may be the result.

    Raises
    ------
    QueryError
        If a network or the bound of a range is no address.
    """
    match leaf:
        case Term(value=value) | Match(text=value) | Phrase(text=value, prefix=False):
            return _any_of([literal.text_of(value)], text)
        case Terms(values=values):
            return _any_of([literal.text_of(value) for value in values], text)
        case Range():
            return _range(leaf, text)
    return keyword_test(leaf, text)


def _any_of(values: list[str], text: str) -> str:
    plain: list[str] = []
    networks: dict[int, list[Any]] = {4: [], 6: []}
    for value in values:
        network = _network(value)
        if network is None:
            plain.append(value)
        else:
            networks[network.version].append(network)
    tests = [keyword_test(Terms("", tuple(plain)), text)] if plain else []
    if networks[4]:
        tests.append(_known(_within(_v4_key(text), [f"{first} AND {last}" for first, last in _spans(networks[4])])))
    if networks[6]:
        spans = [f"'{first:032x}' AND '{last:032x}'" for first, last in _spans(networks[6])]
        tests.append(_known(f"contains({text}, ':') AND {_within(_v6_key(text), spans)}"))
    return literal.disjunction(tests)


def _network(value: str) -> IPv4Network | IPv6Network | None:
    """Network of ``10.0.0.0/8`` and of any version 6 address; None for what is compared as text."""
    try:
        network = ip_network(value, strict=False)
    except ValueError as error:
        if "/" not in value:
            return None
        raise QueryError(f"{value[:80]!r} is not a network", hint="Write for example 10.0.0.0/8.") from error
    if "/" in value:
        return network
    # One version 6 address has many spellings; one of version 4 has one, and plain equality reaches statistics.
    mapped = isinstance(network, IPv6Network) and network.network_address.ipv4_mapped is not None
    return None if mapped or isinstance(network, IPv4Network) else network


def _spans(networks: list[Any]) -> list[tuple[int, int]]:
    return [(int(net.network_address), int(net.broadcast_address)) for net in collapse_addresses(networks)]


def _within(key: str, spans: list[str]) -> str:
    """Test of a key that is worked out once, however many the spans."""
    tests = literal.disjunction([f"k BETWEEN {span}" for span in spans])
    return f"list_transform([{key}], lambda k: {tests})[1]"


def _known(test: str) -> str:
    """Test that is false, not NULL, where the text is no address."""
    return f"coalesce({test}, FALSE)"


def _range(leaf: Range, text: str) -> str:
    tests = []
    for name, sign in (("gt", ">"), ("gte", ">="), ("lt", "<"), ("lte", "<=")):
        bound = getattr(leaf, name)
        if bound is None:
            continue
        try:
            address = ip_address(literal.text_of(bound))
        except ValueError as error:
            raise QueryError(f"{str(bound)[:80]!r} is not an address, and {leaf.field} holds addresses") from error
        if isinstance(address, IPv6Address):
            tests.append(f"{_v6_key(text)} {sign} '{int(address):032x}'")
        else:
            tests.append(f"{_v4_key(text)} {sign} {int(address)}")
    return _known(" AND ".join(tests)) if tests else f"{text} IS NOT NULL"


def _v4_key(text: str) -> str:
    """SQL for the 32 bits of a version 4 address as BIGINT, NULL for other texts."""
    found = f"regexp_extract({text}, '{_V4}', 1)"
    bits = " + ".join(
        f"(TRY_CAST(split_part({found}, '.', {part}) AS BIGINT) << {32 - 8 * part})" for part in range(1, 5)
    )
    return f"CASE WHEN contains({text}, '.') THEN {bits} END"


def _v6_key(text: str) -> str:
    """SQL for the 32 hexadecimal digits of a version 6 address, NULL for other texts."""
    head, tail = (_hex(f"split_part({text}, '::', {part})") for part in (1, 2))
    zeros = f"repeat('0', {_DIGITS} - length({head}) - length({tail}))"
    return (
        f"CASE WHEN regexp_full_match({text}, '{_V6}') THEN "
        f"CASE WHEN contains({text}, '::') THEN lower({head} || {zeros} || {tail}) ELSE lower({_hex(text)}) END END"
    )


def _hex(groups: str) -> str:
    padded = f"array_to_string(list_transform(string_split({groups}, ':'), lambda g: lpad(g, 4, '0')), '')"
    return f"CASE WHEN {groups} = '' THEN '' ELSE {padded} END"
