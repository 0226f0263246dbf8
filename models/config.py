"""Every parameter of the model, in one frozen and versioned place."""

from __future__ import annotations

from hashlib import sha256

import msgspec
from msgspec import Struct

from models.constants import HELD_DAYS
from models.errors import ConfigError

_MAX = 10**9
_WITHIN = {
    "learning_sessions": (0, _MAX), "relearning_sessions": (0, _MAX), "idle_minutes": (1, _MAX),
    "snapshot_minutes": (1, _MAX), "held_days": (1, 366), "alerts_per_day": (0, 1e9),
}  # fmt: skip
"""Least and most of each number."""
RETIRED = frozenset({
    "half_life_days", "daily_cap", "agent_window", "peer_window", "pool_minimum", "gate",
    "session_minimum", "session_window", "role_session_window", "excess_bits",
    "credential_minutes", "relearning_factor", "held_limit", "drift_tests", "stray_limit",
})  # fmt: skip
"""Parameters of the judge before 0.3, which a stored configuration may still name."""


class ModelConfig(Struct, frozen=True):
    """Parameters of baseline, calibration, alerting and learning.

    Attributes
    ----------
    alerts_per_day
        Alert budget B: expected false cases a day for the whole fleet.
    learning_sessions
        First sessions of an agent, in which its trust answer says that it is learning.
    relearning_sessions
        The same after a deployment.
    idle_minutes
        Minutes without an event after which a session is closed.
    snapshot_minutes
        Minutes of event time between two snapshots of what agents share.
    held_days
        Days on which a value from a rare session must be used before its agent knows it.
    degraded
        Windows of degraded telemetry, in microseconds of event time: judged, not learned.

    Examples
    --------
    >>> ModelConfig().version == ModelConfig().version
    True
    >>> ModelConfig(alerts_per_day=0).validate()
    Traceback (most recent call last):
    models.errors.ConfigError: alerts_per_day must be above 0, got 0
    """

    alerts_per_day: float = 5.0
    learning_sessions: int = 10
    relearning_sessions: int = 40
    idle_minutes: int = 60
    snapshot_minutes: int = 5
    held_days: int = HELD_DAYS
    degraded: tuple[tuple[int, int], ...] = ()

    def validate(self) -> ModelConfig:
        """Give itself when every value is possible, else raise `ConfigError`."""
        if self.alerts_per_day <= 0:
            raise ConfigError(f"alerts_per_day must be above 0, got {self.alerts_per_day}")
        for name, (minimum, maximum) in _WITHIN.items():
            if not minimum <= getattr(self, name) <= maximum:
                given = getattr(self, name)
                raise ConfigError(f"{name} must be from {minimum:g} to {maximum:g}, got {given}")
        return self

    def numbers(self) -> dict[str, float]:
        """Give the parameters that can be tuned: all but what an operator lists."""
        values = msgspec.structs.asdict(self)
        return {name: value for name, value in values.items() if isinstance(value, int | float)}

    @property
    def version(self) -> str:
        """Twelve digits that change whenever a parameter does."""
        values = msgspec.structs.asdict(self)
        return sha256(msgspec.json.encode(values)).hexdigest()[:12]
