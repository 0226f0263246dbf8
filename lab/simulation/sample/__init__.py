"""The bundled sample and its generator: synthetic agents, some of them misbehaving.

A seed determines everything: no clock, no network, no platform-dependent arithmetic. `sample` gives
three weeks of a dozen agents with six incidents; `fleet_events` gives a plain fleet of any size.
"""

from __future__ import annotations

from lab.simulation.sample.bundle import sample
from lab.simulation.sample.fleet import fleet_events

__all__ = ["fleet_events", "sample"]
