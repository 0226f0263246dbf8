"""Every parameter of the model, in one frozen and versioned place."""

from __future__ import annotations

from hashlib import sha256

import msgspec
from msgspec import Struct

from models.errors import ConfigError

_MAX = 10**9
_WITHIN = {
    "daily_cap": (1, _MAX), "agent_window": (2, _MAX), "peer_window": (2, _MAX),
    "pool_minimum": (1, _MAX), "learning_sessions": (0, _MAX), "relearning_sessions": (0, _MAX),
    "session_minimum": (1, _MAX), "session_window": (2, _MAX), "role_session_window": (2, _MAX),
    "idle_minutes": (1, _MAX), "snapshot_minutes": (1, _MAX), "excess_bits": (0, 1_000),
    "credential_minutes": (1, _MAX), "relearning_factor": (0, 1), "held_limit": (1, _MAX),
    "held_days": (1, 366), "drift_tests": (2, 1e300), "stray_limit": (0, _MAX),
    "half_life_days": (0, 36_500), "alerts_per_day": (0, 1e9),
}  # fmt: skip
"""Least and most of each number."""


class ModelConfig(Struct, frozen=True):
    """Parameters of baseline, calibration, alerting and learning.

    Attributes
    ----------
    alerts_per_day
        Alert budget B: expected false alerts a day for the whole fleet.
    half_life_days
        Half-life of counts and votes, in days of event time; evidence of trust has its own.
    daily_cap
        Most counts that are learned per agent, value and day.
    agent_window
        Scores kept of each agent for its p-values.
    peer_window
        Scores kept of each role, and of the fleet, for p-values.
    pool_minimum
        Scores that a pool needs before it gives p-values.
    gate
        p-value below which an event is held instead of learned.
    learning_sessions
        First sessions of an agent, which are learned without the gate.
    relearning_sessions
        Sessions after a deployment that are learned without the gate.
    relearning_factor
        Factor on the counts of an agent at a deployment.
    session_minimum
        Session scores needed before sessions have p-values.
    session_window
        Session scores kept of the fleet.
    role_session_window
        Session scores kept of each role.
    idle_minutes
        Minutes without an event after which a session is closed.
    snapshot_minutes
        Minutes of event time between two snapshots of the peers.
    excess_bits
        Bits from which features other than content count in the rank.
    credential_minutes
        Minutes within which one credential at two distant addresses is reported.
    held_limit
        Most held values of each agent.
    held_days
        Days on which a held value must occur before it is learned.
    drift_tests
        ``A_drift``: tests between two false alarms of the detector of slow change.
    stray_limit
        Most that this week's tool usage may differ from the anchor, in thousandths of a bit.
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
    half_life_days: float = 30.0
    daily_cap: int = 20
    agent_window: int = 2_000
    peer_window: int = 1_000_000
    pool_minimum: int = 500
    gate: float = 0.002
    learning_sessions: int = 10
    relearning_sessions: int = 40
    session_minimum: int = 50
    session_window: int = 100_000
    role_session_window: int = 2_000
    idle_minutes: int = 10
    snapshot_minutes: int = 5
    excess_bits: float = 20.0
    credential_minutes: int = 60
    relearning_factor: float = 0.2
    held_limit: int = 64
    held_days: int = 5
    drift_tests: float = 1_000.0
    stray_limit: int = 500
    degraded: tuple[tuple[int, int], ...] = ()

    def validate(self) -> ModelConfig:
        """Give itself when every value is possible, else raise `ConfigError`."""
        for name in ("alerts_per_day", "half_life_days"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name} must be above 0, got {getattr(self, name)}")
        if not 0 < self.gate < 1:
            raise ConfigError(f"gate must be a probability, got {self.gate}")
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
