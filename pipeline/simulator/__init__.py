"""Made-up fleets of any size with ground truth: what detection is measured on.

`simulate` streams events in order of time, `Truth` says what was planted, `write` puts both into
files. Everything follows from the seed; the first agents of a larger fleet are the smaller fleet.
"""

from __future__ import annotations

from pipeline.simulator.cases import Truth
from pipeline.simulator.config import ATTACKS, NOVELTIES, SimulationConfig
from pipeline.simulator.files import Written, write
from pipeline.simulator.fleet import inventory
from pipeline.simulator.stream import simulate

__all__ = [
    "ATTACKS",
    "NOVELTIES",
    "SimulationConfig",
    "Truth",
    "Written",
    "inventory",
    "simulate",
    "write",
]
