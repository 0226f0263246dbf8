"""Attacks, one planter each: its events, and the feature that reveals it."""

from __future__ import annotations

from lab.simulation.fleet.attacks import access, conduct, content, crowd, origin, pace, slow
from lab.simulation.fleet.attacks.planter import Planter

PLANTERS: dict[str, Planter] = {
    planter.name: planter
    for module in (origin, access, conduct, content, pace, slow, crowd)
    for planter in module.PLANTERS
}

__all__ = ["PLANTERS", "Planter"]
