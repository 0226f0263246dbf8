"""What is ranked among the peers, and how what is ranked shares the budget of alerts."""

from __future__ import annotations

from math import log2

from models.features.extraction import BY_METRIC, FEATURES, LEAK, METRICS

STATISTICS = ("content", "sum", "peak", "volume")
CONTENT, SUM, PEAK, VOLUME = range(len(STATISTICS))
WINDOWS = len(STATISTICS) + len(FEATURES) + len(METRICS)
"""Score windows of a group: of the statistics, of each feature, of each metric."""

FIRST_METRIC = len(STATISTICS) + len(FEATURES)

MIN_BITS = 5.0
"""What goes less far beyond the usual is not looked at more closely."""

_KINDS = [one.anomaly for one in FEATURES] + [BY_METRIC[name] for name in METRICS]
_RANKED = [one.anomaly for one in FEATURES if one.alone]
_RANKED += [BY_METRIC[name] for at, name in enumerate(METRICS) if at != LEAK]
PARTS = {"goal.drift": 48.0, "time.unusual": 3.0}
"""Of the budget, where a type has not one.

A session strays once, goes beyond what was asked for once, or is at an odd hour; others are tested
with each of its calls.
"""
SHARED_BITS = tuple(log2(max(1, _RANKED.count(kind)) / PARTS.get(kind, 1.0)) for kind in _KINDS)
"""By feature, then metric: what tells of one type of anomaly shares that type's part of the budget.

Without, a type that three windows of time look for would take three parts of it.
"""
