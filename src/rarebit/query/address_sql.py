"""SQL tests over an IP address kept as text, without DuckDB's inet extension.

Version 4 is compared as a number of 32 bits, version 6 as 32 hexadecimal digits; ``::ffff:10.0.0.1`` is taken
for 10.0.0.1 by networks and ranges. What is no address compares as text.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

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
    tests: list[str] = []
    for value in values:
        if "/" in value:
            tests.append(_network(value, text))
        elif (address := _v6(value)) is not None:
            tests.append(_known(f"contains({text}, ':') AND {_v6_key(text)} = '{int(address):032x}'"))
        else:
            plain.append(value)
    if plain:
        tests.insert(0, keyword_test(Terms("", tuple(plain)), text))
    return literal.disjunction(tests)


def _known(test: str) -> str:
    """Test that is false, not NULL, where the text is no address."""
    return f"coalesce({test}, FALSE)"


def _v6(value: str) -> IPv6Address | None:
    try:
        address = ip_address(value)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.scope_id is None and address.ipv4_mapped is None:
        return address
    return None


def _network(value: str, text: str) -> str:
    try:
        network: IPv4Network | IPv6Network = ip_network(value, strict=False)
    except ValueError as error:
        raise QueryError(f"{value[:80]!r} is not a network", hint="Write for example 10.0.0.0/8.") from error
    first, last = int(network.network_address), int(network.broadcast_address)
    if isinstance(network, IPv6Network):
        return _known(f"contains({text}, ':') AND {_v6_key(text)} BETWEEN '{first:032x}' AND '{last:032x}'")
    return _known(f"{_v4_key(text)} BETWEEN {first} AND {last}")


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
