"""Every parameter of the model, in one frozen and versioned place."""

from __future__ import annotations

from hashlib import sha256

import msgspec
from msgspec import Struct

from models.errors import ConfigError

_MOST = 10**9
_WITHIN = {
    "daily_cap": (1, _MOST), "agent_window": (2, _MOST), "peer_window": (2, _MOST),
    "pool_minimum": (1, _MOST), "learning_sessions": (0, _MOST), "relearning_sessions": (0, _MOST),
    "session_minimum": (1, _MOST), "session_window": (2, _MOST), "role_session_window": (2, _MOST),
    "idle_minutes": (1, _MOST), "snapshot_minutes": (1, _MOST), "excess_bits": (0, 1_000),
    "credential_minutes": (1, _MOST), "relearning_factor": (0, 1), "held_limit": (1, _MOST),
    "held_days": (1, 366), "drift_tests": (2, 1e300), "stray_limit": (0, _MOST),
    "half_life_days": (0, 36_500), "alerts_per_day": (0, 1e9),
}  # fmt: skip
"""Least and most of each number."""


class ModelConfig(Struct, frozen=True):
    """Parameters of baseline, calibration, alerting and learning (science.md 16).

    Attributes
    ----------
    alerts_per_day
        The budget B: expected false alerts a day for the whole fleet. The one knob of an operator.
    half_life_days
        Event-time half-life of counts and votes.
    daily_cap
        At most this many counts are learned per agent, value and day.
    agent_window, peer_window, pool_minimum
        Scores kept for calibration, and how many a pool needs before it speaks.
    gate
        p below: the event is held instead of learned.
    learning_sessions
        An agent's first sessions are learned without the gate.
    relearning_sessions, relearning_factor
        After a deployment so many are learned without the gate, over counts scaled by the factor.
    drift_tests
        ``A_drift``: tests between two false alarms of the detector of slow change.
    stray_limit
        How far this week's mixture of tools may lie from the anchor, in thousandths of a bit.
    degraded
        Windows of event time, in microseconds, of degraded telemetry: judged, not learned.
    silent
        Features that are not looked at when an event is judged, by name: `models.silent`.
    session_minimum
        Session scores needed before sessions have p-values.
    session_window, role_session_window
        Session scores kept of the fleet, and of each role.
    idle_minutes
        A session without an event for so long is closed.
    snapshot_minutes
        How often peer snapshots are published, in event time.

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
    silent: tuple[str, ...] = ()

    def validate(self) -> ModelConfig:
        """Give itself when every value is possible, else raise `ConfigError`."""
        for name in ("alerts_per_day", "half_life_days"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name} must be above 0, got {getattr(self, name)}")
        if not 0 < self.gate < 1:
            raise ConfigError(f"gate must be a probability, got {self.gate}")
        for name, (least, most) in _WITHIN.items():
            if not least <= getattr(self, name) <= most:
                given = getattr(self, name)
                raise ConfigError(f"{name} must be from {least:g} to {most:g}, got {given}")
        return self

    def numbers(self) -> dict[str, float]:
        """Give the parameters that can be tuned: all but what an operator lists."""
        values = msgspec.structs.asdict(self)
        return {name: value for name, value in values.items() if isinstance(value, int | float)}

    @property
    def version(self) -> str:
        """Twelve digits that change whenever a parameter does."""
        values = msgspec.structs.asdict(self)
        if not self.silent:  # a model that looks at everything is named as it always was
            del values["silent"]
        return sha256(msgspec.json.encode(values)).hexdigest()[:12]
