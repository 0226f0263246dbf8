"""Detectors beside content and habits: one in each file, one line each below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.watch import claims, leak, modes, silence

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.result import Finding
    from models.watch.scene import Scene

RULES: dict[str, Callable[[Scene], Finding | None]] = {
    "mode.shift": modes.shifted,
    "telemetry.gap": silence.gap,
    "volume.exfil": leak.leaks,
    "tool.definition_changed": claims.definition,
    "peer.unverified": claims.unverified,
    "approval.pattern": claims.hasty,
}
"""What is worth saying whatever the statistics, by anomaly type."""
