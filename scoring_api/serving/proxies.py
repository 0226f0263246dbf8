"""Trusted proxies: whose word on the client's address is taken, and what each client may ask."""

from __future__ import annotations

import ipaddress
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

from scoring_api.problems import App, ProblemError, Receive, Scope, Send, send_problem
from scoring_api.requests.clients import client_of, source_of

if TYPE_CHECKING:
    from scoring_api.serving.door import Door


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


class ProxiedClients:
    """Bound the requests of each client address.

    A connection of a proxy belongs to many clients, so the limit of connections from one address
    is one of requests under way here. The address is the one that uvicorn took from
    ``X-Forwarded-For``.
    """

    def __init__(self, app: App, door: Door) -> None:
        self._app = app
        self._door = door
        self._busy: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse with 429."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        source = source_of(client_of(scope))
        if self._busy[source] >= self._door.limits.connections_per_address:
            self._door.refused["address_requests"] += 1
            error = ProblemError(
                429, "the address has too many requests under way", {"Retry-After": "1"}
            )
            await send_problem(send, error)
            return
        self._busy[source] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._busy[source] -= 1
            if not self._busy[source]:
                del self._busy[source]
