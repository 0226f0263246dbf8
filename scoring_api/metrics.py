"""Numbers about the API itself for Prometheus, prefix ``habitus_``; one registry an application."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5)


class Metrics:
    """Counters and gauges of one application.

    Examples
    --------
    >>> metrics = Metrics()
    >>> metrics.actions.labels("accepted", "").inc()
    >>> b'habitus_api_actions_total{reason="",status="accepted"} 1.0' in metrics.page()
    True
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "habitus_api_requests_total",
            "Requests by route and status.",
            ("route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "habitus_api_request_seconds",
            "Time from the request to the end of the answer.",
            ("route",),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.actions = Counter(
            "habitus_api_actions_total",
            "Events received over HTTP, by status and reason of rejection.",
            ("status", "reason"),
            registry=self.registry,
        )
        self.store_errors = Counter(
            "habitus_api_store_errors_total",
            "Looks at the store that failed.",
            registry=self.registry,
        )
        self.agents = Gauge(
            "habitus_api_agents", "Agents with a trust state in memory.", registry=self.registry
        )
        self.stale = Gauge(
            "habitus_api_stale",
            "1 while answers are stale because the pipeline is late, else 0.",
            registry=self.registry,
        )
        self.lag = Gauge(
            "habitus_api_pipeline_lag_seconds",
            "Lag of the pipeline as answers take it into account; -1 when unknown.",
            registry=self.registry,
        )

    def page(self) -> bytes:
        """Give the page in the text format."""
        return generate_latest(self.registry)
