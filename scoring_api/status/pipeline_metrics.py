"""Metrics of the pipeline: events, rejected records, anomalies, and lag.

The worker has no port. It writes counters to the store with each batch, so a crash counts nothing
twice, and all replicas report the same values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from pipeline.events.unknown_members import PREFIX as MEMBER
from pipeline.inventory.coverage import GROUPS, Coverage

# Prefix of the counter in the store, metric, label, help.
_FAMILIES: Final = (
    ("rejected_", "habitus_pipeline_rejected", "reason", "Rejected records, by reason."),
    ("anomalies_", "habitus_pipeline_anomalies", "anomaly", "Anomalies found, by type."),
    ("cases_", "habitus_pipeline_cases", "change", "Cases opened, grown, closed and suppressed."),
    (
        MEMBER,
        "habitus_pipeline_unknown_members",
        "member",
        "Events with a member that the native format does not know, by name.",
    ),
    (
        "assembly_",
        "habitus_pipeline_assembly",
        "reason",
        "Parts of calls that were late, repeated, missing or dropped, by reason.",
    ),
    (
        "failed_detector_",
        "habitus_pipeline_detector_failures",
        "detector",
        "Events on which a detector failed.",
    ),
)


class PipelineSeen:
    """Collector of the store's counters, and of lags in seconds.

    Examples
    --------
    >>> seen = PipelineSeen()
    >>> seen.counters = {"events": 7, "rejected_not_utf8": 1}
    >>> [(sample.name, sample.labels, sample.value) for m in seen.collect() for sample in m.samples]
    [('habitus_pipeline_events_total', {}, 7), \
('habitus_pipeline_rejected_total', {'reason': 'not_utf8'}, 1), \
('habitus_pipeline_waiting_messages', {}, 0)]
    >>> seen.silent = 2
    >>> [(metric.name, sample.value) for metric in seen.collect() for sample in metric.samples][-1]
    ('habitus_pipeline_silent_agents', 2)
    """

    def __init__(self) -> None:
        self.counters: Mapping[str, int] = {}
        self.lags: Mapping[str, float] = {}
        self.sources: Sequence[Mapping[str, Any]] = ()
        self.waiting = 0
        self.silent: int | None = None  # not counted yet
        self.coverage: Coverage | None = None  # likewise

    def collect(self) -> Iterator[Metric]:
        """Give the metrics."""
        yield CounterMetricFamily(
            "habitus_pipeline_events", "Events judged.", self.counters.get("events", 0)
        )
        for prefix, name, label, words in _FAMILIES:
            family = CounterMetricFamily(name, words, labels=(label,))
            for counter, value in self.counters.items():
                if counter.startswith(prefix):
                    family.add_metric((counter.removeprefix(prefix),), value)
            yield family
        lags = GaugeMetricFamily(
            "habitus_pipeline_lag_seconds",
            "Age of the oldest unjudged event of a partition.",
            labels=("partition",),
        )
        for partition, late in sorted(self.lags.items()):
            lags.add_metric((partition,), late)
        yield lags
        ages = GaugeMetricFamily(
            "habitus_pipeline_last_event_age_seconds",
            "Age of the last event of a source, by event time; staleness uses live ones.",
            labels=("source", "feed"),
        )
        for one in self.sources:
            if one["age_s"] is not None:
                ages.add_metric((one["source"], one["feed"]), one["age_s"])
        yield ages
        yield GaugeMetricFamily(
            "habitus_pipeline_waiting_messages",
            "Results that the sink has not accepted.",
            self.waiting,
        )
        yield GaugeMetricFamily(
            "habitus_pipeline_silent_agents",
            "Agents that are silent for far longer than expected, and less than 30 days.",
            self.silent,
        )
        if self.coverage is not None:
            yield from _inventory(self.coverage)


def _inventory(coverage: Coverage) -> Iterator[Metric]:
    """Give the metrics of the inventory; none of registration without one.

    >>> from pipeline.inventory.coverage import Tally
    >>> [metric.name for metric in _inventory(Tally(0, entries=3).coverage())]
    ['habitus_inventory_agents', 'habitus_inventory_seen_agents', 'habitus_inventory_entries']
    """
    groups = GaugeMetricFamily(
        "habitus_inventory_agents",
        "Agents by group: registered, shadow, unowned, unreviewed, overdue, dormant or stale.",
        labels=("group",),
    )
    for name in GROUPS:
        groups.add_metric((name,), getattr(coverage, name))
    yield groups
    yield GaugeMetricFamily(
        "habitus_inventory_seen_agents", "Agents with an event in the last 30 days.", coverage.seen
    )
    if coverage.entries is not None:
        yield GaugeMetricFamily(
            "habitus_inventory_entries", "Agents in the inventory.", coverage.entries
        )
    if coverage.share is not None:
        yield GaugeMetricFamily(
            "habitus_inventory_coverage_ratio",
            "Share of the seen agents that are in the inventory.",
            coverage.share,
        )
