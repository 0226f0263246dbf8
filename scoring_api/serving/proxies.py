"""Trusted proxies, whose ``X-Forwarded-For`` header is believed."""

from __future__ import annotations

import ipaddress
from functools import lru_cache


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
