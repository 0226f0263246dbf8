"""What an address says: the operator's own networks, anonymisers, hosts of destinations."""

from __future__ import annotations

import re
from functools import lru_cache

OWN_NETWORKS = frozenset({"corporate", "internal"})
"""Classes of the operator's own exits: they are no new location."""
ANONYMISERS = frozenset({"vpn", "proxy", "tor"})
"""Classes of exits that hide where the agent is."""


@lru_cache(maxsize=50_000)
def host_of(destination: str) -> str:
    """Give the host of a destination: without scheme, path, port and user.

    >>> host_of("https://api.example.com:443/v1/send"), host_of("192.0.2.7")
    ('api.example.com', '192.0.2.7')
    """
    rest = destination.partition("://")[2] or destination
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2].lower()
    if host.startswith("["):
        return host.partition("]")[0][1:]
    return host.partition(":")[0] if host.count(":") == 1 else host
