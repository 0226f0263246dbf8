"""Client address of a request."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from scoring_api.problems import Scope

UNKNOWN = "unknown"


def client_of(scope: Scope) -> str:
    """Give the address of the client of a request.

    >>> client_of({"client": ("192.0.2.7", 5000)}), client_of({"client": None})
    ('192.0.2.7', 'unknown')
    """
    client = scope.get("client")
    return str(client[0]) if client else UNKNOWN


@lru_cache(maxsize=4096)
def source_of(address: str) -> str:
    """Give the unit of limits for an address: an IPv4 address, or an IPv6 /64 network.

    >>> source_of("192.0.2.7"), source_of("::ffff:192.0.2.7"), source_of("2001:db8::7:8")
    ('192.0.2.7', '192.0.2.7', '2001:db8::/64')
    >>> source_of("no address")
    'unknown'
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return UNKNOWN
    mapped = getattr(found, "ipv4_mapped", None) or found
    if mapped.version == 4:
        return str(mapped)
    return str(ipaddress.ip_network((mapped, 64), strict=False))
