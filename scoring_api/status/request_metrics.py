"""Requests by route: counts by status, and durations.

Counters of the metrics library lock and search at each call, which takes a third of a trust
look-up. All requests run in one event loop, so plain numbers suffice. They become metrics on
collection.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

BUCKETS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5)


class Route:
    """Statistics of one route."""

    __slots__ = ("seconds", "statuses", "within")

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.within = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0

    def saw(self, status: int, seconds: float) -> None:
        """Count one request."""
        self.statuses[status] += 1
        self.within[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds


class RequestsSeen:
    """Collector of the statistics of all routes.

    Examples
    --------
    >>> seen = RequestsSeen()
    >>> seen.of("/livez").saw(200, 0.0002)
    >>> [metric.name for metric in seen.collect()]
    ['habitus_api_requests', 'habitus_api_request_seconds']
    """

    def __init__(self) -> None:
        self._routes: dict[str, Route] = {}

    def of(self, route: str) -> Route:
        """Give the statistics of a route; `route` is its pattern, never a path."""
        found = self._routes.get(route)
        if found is None:
            found = self._routes[route] = Route()
        return found

    def collect(self) -> Iterator[Metric]:
        """Give the metrics."""
        requests = CounterMetricFamily(
            "habitus_api_requests", "Requests by route and status.", labels=("route", "status")
        )
        times = HistogramMetricFamily(
            "habitus_api_request_seconds",
            "Time from the request to the end of the answer.",
            labels=("route",),
        )
        for name, route in self._routes.items():
            for status, count in route.statuses.items():
                requests.add_metric((name, str(status)), count)
            bounds = (*map(str, BUCKETS), "+Inf")
            within = list(zip(bounds, accumulate(route.within), strict=True))
            times.add_metric((name,), within, route.seconds)
        yield requests
        yield times
