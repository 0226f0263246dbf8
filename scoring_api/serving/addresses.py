"""Who a connection counts for: an address, or a network where one client owns all of it."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Final

UNKNOWN: Final = "unknown"
LOCAL: Final = frozenset({"127.0.0.1", "::1"})

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=4096)
def source_of(host: str) -> str:
    """Give what the connections of a host are counted under.

    One client has a whole IPv6 network of 64 bits, so its addresses count together.

    >>> source_of("192.0.2.1"), source_of("::ffff:192.0.2.1")
    ('192.0.2.1', '192.0.2.1')
    >>> source_of("2001:db8::1") == source_of("2001:db8::2")
    True
    >>> source_of("::1"), source_of("not an address")
    ('::1', 'unknown')
    """
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return UNKNOWN
    if address.version == 4 or str(address) in LOCAL:
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


class Proxies:
    """The proxies whose ``X-Forwarded-For`` is believed.

    Examples
    --------
    >>> proxies = Proxies(("192.0.2.0/28", "2001:db8::7"))
    >>> proxies.trusts("192.0.2.3"), proxies.trusts("192.0.2.77"), proxies.trusts("2001:db8::7")
    (True, False, True)
    >>> proxies.trusts("::ffff:192.0.2.3"), Proxies(()).trusts("127.0.0.1")
    (True, False)
    """

    def __init__(self, networks: tuple[str, ...]) -> None:
        self.networks = tuple(ipaddress.ip_network(each, strict=False) for each in networks)
        self.trusts = lru_cache(maxsize=4096)(self._trusts)

    def __bool__(self) -> bool:
        return bool(self.networks)

    def _trusts(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        known = getattr(address, "ipv4_mapped", None) or address
        return any(known in network for network in self.networks)
