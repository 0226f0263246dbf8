"""The bundled sample and its generator: made-up agents at work, some of them misbehaving.

Everything follows from a seed: no clock, no network, no library whose arithmetic differs between
platforms. `bundle.sample` is three weeks of a dozen agents with six incidents, `fleet.fleet_events`
a plain fleet of any size.
"""

from __future__ import annotations
