"""Made-up fleets of any size with ground truth: what detection is measured on.

`simulate` streams events in order of time, `Truth` says what was planted, and
`lab.simulation.output.files.write` puts both into files. Everything follows from the seed; the
first agents of a larger fleet are the smaller fleet.
"""

from __future__ import annotations

from lab.simulation.fleet.cases import Truth
from lab.simulation.fleet.config import ATTACKS, NOVELTIES, SimulationConfig
from lab.simulation.fleet.personas import inventory
from lab.simulation.fleet.stream import simulate

__all__ = [
    "ATTACKS",
    "NOVELTIES",
    "SimulationConfig",
    "Truth",
    "inventory",
    "simulate",
]
