"""Prometheus metrics of the API, prefix ``habitus_``; one registry per application."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, generate_latest

from scoring_api.status.pipeline_metrics import PipelineSeen
from scoring_api.status.request_metrics import RequestsSeen


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
        ProcessCollector(registry=self.registry)
        self.requests = RequestsSeen()
        self.registry.register(self.requests)
        self.pipeline = PipelineSeen()
        self.registry.register(self.pipeline)
        self.actions = Counter(
            "habitus_api_actions_total",
            "Events received over HTTP: accepted, duplicate, conflict or rejected with a reason.",
            ("status", "reason"),
            registry=self.registry,
        )
        self.refused = Counter(
            "habitus_api_credentials_refused_total",
            "Requests refused for their credential, and reports of agents that are not "
            "permitted, by reason.",
            ("reason",),
            registry=self.registry,
        )
        self.credentials_usable = Gauge(
            "habitus_api_credentials_usable",
            "1 while a credential store (file, jwks) can be used, 0 while it refuses all callers.",
            ("store",),
            registry=self.registry,
        )
        self.security_events = Counter(
            "habitus_api_security_events_total",
            "Security event tokens by transmitter: accepted, repeated, stream, or an error code.",
            ("transmitter", "status"),
            registry=self.registry,
        )
        self.store_errors = Counter(
            "habitus_api_store_errors_total",
            "Failed polls of the store.",
            registry=self.registry,
        )
        self.agents = Gauge(
            "habitus_api_agents", "Agents with a trust state in memory.", registry=self.registry
        )
        self.stale = Gauge(
            "habitus_api_stale",
            "1 while answers are stale: the pipeline is late or a live source is silent; else 0.",
            registry=self.registry,
        )
        self.lag = Gauge(
            "habitus_api_pipeline_lag_seconds",
            "Lag of the pipeline in answers; -1 if unknown.",
            registry=self.registry,
        )

    def page(self) -> bytes:
        """Give all metrics in the text format."""
        return generate_latest(self.registry)
