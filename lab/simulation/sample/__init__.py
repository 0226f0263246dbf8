"""The bundled sample and its generator: made-up agents at work, some of them misbehaving.

Everything follows from a seed: no clock, no network, no library whose arithmetic differs between
platforms. `sample` is three weeks of a dozen agents with six incidents; `fleet_events` is a plain
fleet of any size.
"""

from __future__ import annotations

from lab.simulation.sample.bundle import sample
from lab.simulation.sample.fleet import fleet_events

__all__ = ["fleet_events", "sample"]
