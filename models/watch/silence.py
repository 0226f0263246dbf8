"""An agent that others act through, or that comes back, after it fell silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.units import HOUR_US
from models.watch.scene import finding

if TYPE_CHECKING:
    from models.result import Finding
    from models.watch.scene import Scene


def gap(scene: Scene) -> Finding | None:
    """Find an agent named in a delegation that has reported nothing for far too long."""
    delegation, heard = scene.event.delegation, scene.heard
    if not delegation or heard is None:
        return None
    hour, me = scene.time_us // HOUR_US, scene.event.agent.id
    for name in delegation:
        if name == me:
            continue
        silent = heard.silence(name, hour)
        if silent is None:
            continue
        hours, usual = silent
        why = (
            f"{name} acts through this agent, but has reported nothing itself for {hours} hours "
            f"of workdays; its longest usual silence is {usual:.0f}."
        )
        expected = [(f"silent at most {max(usual, 24):.0f} hours", 1.0)]
        return finding("telemetry.gap", "gap", f"{name} silent {hours} hours", expected, why)
    return None
