"""Which addresses are those of a site."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Final

_OWN: Final = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")))
"""Networks that no site shares with the world; others kept for special use, such as examples, are not among them."""


@lru_cache(maxsize=65_536)
def is_own(text: str) -> bool:
    """Whether an address is one of a network that no site shares with the world."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return any(address in network for network in _OWN)
