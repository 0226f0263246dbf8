"""Admit connections, end slow ones, and count refusals by reason."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, Literal, Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from scoring_api.requests.clients import source_of
from scoring_api.serving.limits import LOCAL_RESERVE, Limits
from scoring_api.serving.proxies import Proxies

log = logging.getLogger(__name__)

LOG_EVERY_S: Final = 10.0
_LOCAL: Final = frozenset({source_of("127.0.0.1"), source_of("::1")})

Reason = Literal[
    "connections",
    "address_connections",
    "address_requests",
    "header_bytes",
    "target_bytes",
    "header_time",
    "body_time",
    "send_time",
    "pipelined",
    "malformed",
    "handshake",
]


class Timed(Protocol):
    """A connection with a deadline."""

    def expire(self, now: float) -> None:
        """End the connection if its deadline has passed at `now`, the time of the loop."""


class Admission:
    """Counts the connections of one server, in total and by address.

    Examples
    --------
    >>> door = Admission(Limits(connections=3, connections_per_address=2))
    >>> [door.enter("192.0.2.1") for _ in range(3)]
    [None, None, 'address_connections']
    >>> door.enter("192.0.2.2"), door.enter("192.0.2.3"), door.enter("127.0.0.1")
    (None, 'connections', None)
    >>> door.leave("192.0.2.1"); door.leave("127.0.0.1"); door.enter("192.0.2.3")
    """

    def __init__(self, limits: Limits, proxies: Proxies | None = None) -> None:
        self.limits = limits
        self.proxies = proxies or Proxies(())
        self.refused: Counter[Reason] = Counter()
        self._held: Counter[str] = Counter()
        self._total = 0
        self._logged: Counter[Reason] = Counter()
        self._logged_at = float("-inf")

    def enter(self, host: str) -> Reason | None:
        """Admit a connection, or return the reason of its refusal.

        Connections of a trusted proxy belong to its clients. They count in total only, and
        `ProxiedClients` bounds the concurrent requests of each client.
        """
        source = source_of(host)
        room = self.limits.connections + (LOCAL_RESERVE if source in _LOCAL else 0)
        refusal: Reason | None = None
        if self._held[source] >= self.limits.connections_per_address and not self.proxies.trusts(
            host
        ):
            refusal = "address_connections"
        elif self._total >= room:
            refusal = "connections"
        if refusal is not None:
            self.refused[refusal] += 1
            if not self._held[source]:
                del self._held[source]
            return refusal
        self._held[source] += 1
        self._total += 1
        return None

    def leave(self, host: str) -> None:
        """Uncount a connection of `enter`."""
        source = source_of(host)
        self._total -= 1
        self._held[source] -= 1
        if not self._held[source]:
            del self._held[source]

    def sweep(self, connections: Iterable[Timed], now: float) -> None:
        """End connections past their deadline; called about once a second."""
        for connection in list(connections):
            connection.expire(now)
        fresh = self.refused - self._logged
        if fresh and now - self._logged_at >= LOG_EVERY_S:
            log.warning(
                "clients_refused", extra={str(reason): count for reason, count in fresh.items()}
            )
            self._logged_at = now
            self._logged = self.refused.copy()

    def collect(self) -> Iterator[Metric]:
        """Give the metrics."""
        yield GaugeMetricFamily(
            "habitus_api_connections", "Open connections of clients.", value=self._total
        )
        refused = CounterMetricFamily(
            "habitus_api_limit_exceeded",
            "Connections and requests that exceeded a limit, by limit.",
            labels=("limit",),
        )
        for reason, count in self.refused.items():
            refused.add_metric((reason,), count)
        yield refused
