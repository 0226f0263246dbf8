"""What the pipeline counted, as metrics: events, rejected ones, anomalies; and how late it is.

The worker has no port of its own; it counts in the store, with each batch, so that no crash counts
twice, and every replica tells the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from pipeline.events.unknown_members import PREFIX as MEMBER

# Prefix of the counter in the store, metric, label, help.
_FAMILIES: Final = (
    ("rejected_", "habitus_pipeline_rejected", "reason", "Records set aside, by reason."),
    ("anomalies_", "habitus_pipeline_anomalies", "anomaly", "Anomalies found, by type."),
    (
        MEMBER,
        "habitus_pipeline_unknown_members",
        "member",
        "Events with a member that the native format does not know, by name.",
    ),
    (
        "failed_detector_",
        "habitus_pipeline_detector_failures",
        "detector",
        "Events of which a detector failed to say or learn something.",
    ),
)


class PipelineSeen:
    """The counters of the store, and lags in seconds, as a collector of the metrics library.

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
            "Age of the oldest event of a partition that was not judged yet.",
            labels=("partition",),
        )
        for partition, late in sorted(self.lags.items()):
            lags.add_metric((partition,), late)
        yield lags
        ages = GaugeMetricFamily(
            "habitus_pipeline_last_event_age_seconds",
            "Age of the newest event of a source, by event time; answers look at live ones.",
            labels=("source", "feed"),
        )
        for one in self.sources:
            if one["age_s"] is not None:
                ages.add_metric((one["source"], one["feed"]), one["age_s"])
        yield ages
        yield GaugeMetricFamily(
            "habitus_pipeline_waiting_messages",
            "Results that the sink has not taken.",
            self.waiting,
        )
        yield GaugeMetricFamily(
            "habitus_pipeline_silent_agents",
            "Agents that have reported nothing for far longer than usual, and not yet 30 days.",
            self.silent,
        )
