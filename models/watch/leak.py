"""What leaks slowly: calls of one tool that send more than usual, time after time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.watch.scene import finding

if TYPE_CHECKING:
    from models.result import Finding
    from models.watch.scene import Scene

ALARM = 40.0
"""Spreads; of normal deviations a sum with an allowance of a quarter exceeds it with e^-20, and
closing the books at twice the volume comes to some 30."""


def leaks(scene: Scene) -> Finding | None:
    """Find a tool whose calls have sent more than they usually do for long enough."""
    event, watch = scene.event, scene.profile.facts.watch
    if watch.leak < ALARM or event.volume is None or event.volume.bytes_out is None:
        return None
    if scene.profile.state() != "active":
        return None
    why = (
        f"Calls of {event.tool} have sent more than they usually do, time after time: "
        f"{watch.leak:.1f} spreads together, where {ALARM:.0f} never happen by chance."
    )
    observed = f"{watch.leak:.1f} spreads"
    return finding("volume.exfil", "drift", observed, [(f"below {ALARM:.0f}", 1.0)], why)
