"""Simulated fleets of any size with ground truth, for measuring detection.

`simulate` streams events in order of time, `Truth` describes a planted case, and
`lab.simulation.output.files.write` writes both to files. The seed determines everything, and the
first agents of a larger fleet equal the smaller fleet.
"""

from __future__ import annotations

from lab.simulation.fleet.cases import Truth
from lab.simulation.fleet.config import ATTACKS, SimulationConfig
from lab.simulation.fleet.novelties import NOVELTIES
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
