"""Configuration of a simulation, and names of attacks."""

from __future__ import annotations

from msgspec import Struct

from lab.simulation.fleet.novelties import NOVELTIES
from models.errors import ConfigError
from models.units import DAY_US

ATTACKS: tuple[str, ...] = (
    "net.anonymiser",
    "net.new_origin",
    "cred.reuse",
    "cred.lifetime",
    "auth.failure_burst",
    "scope.escalation",
    "delegation.anomaly",
    "mode.shift",
    "time.unusual",
    "rate.burst",
    "volume.exfil",
    "resource.new",
    "discovery.sweep",
    "tool.new",
    "tool.sequence",
    "goal.drift",
    "code.exec",
    "destructive.burst",
    "secret.access",
    "memory.write",
    "config.change",
    "peer.new",
    "cost.spike",
    "cascade",
    "identity.shadow",
    "telemetry.gap",
    "injection",
    "slow.frog",
    "slow.exfil",
    "slow.many",
    "approval.pattern",
    "peer.unverified",
    "tool.definition_changed",
)
"""Names of attacks, equal to the anomaly type if there is one."""

START_US = 1_788_739_200_000_000
"""Default start of a simulation: 2026-09-07T00:00:00Z, a Monday."""

_MAX_AGENTS, _MAX_DAYS, _MAX_SEED = 1_000_000, 3_650, 2**63 - 1


class SimulationConfig(Struct, frozen=True, kw_only=True):
    """One simulation.

    Attributes
    ----------
    seed
        Equal configurations give equal bytes.
    agents, days
        Size of the fleet and length in days, from `start_us`, a midnight.
    attacked
        Share of attacked agents, 0 to 1; attack types alternate.
    attacks, novelties
        Planted cases; names of `ATTACKS` and `NOVELTIES`.
    novelties_per_week
        Benign novelties of single agents, per agent and week. Novelties of a peer group
        (deployment, new resource, month end) affect each member.
    activity
        Factor on activity; 1 gives about 70 events per agent and workday.
    quiet_days
        Days without attacks at the start, as history; None: a third of all days, at most 14.

    Examples
    --------
    >>> SimulationConfig(agents=10, days=30).history_days
    10
    >>> SimulationConfig(agents=0).validate()
    Traceback (most recent call last):
    models.errors.ConfigError: agents must be 1 to 1000000, got 0
    """

    seed: int = 7
    agents: int = 1_000
    days: int = 60
    attacked: float = 0.3
    attacks: tuple[str, ...] = ATTACKS
    novelties: tuple[str, ...] = tuple(NOVELTIES)
    novelties_per_week: float = 0.05
    activity: float = 1.0
    quiet_days: int | None = None
    start_us: int = START_US

    @property
    def history_days(self) -> int:
        """Days without attacks at the start."""
        return min(14, self.days // 3) if self.quiet_days is None else self.quiet_days

    def validate(self) -> SimulationConfig:
        """Return itself if valid, else raise `ConfigError`."""
        _within("seed", self.seed, 0, _MAX_SEED)
        _within("agents", self.agents, 1, _MAX_AGENTS)
        _within("days", self.days, 1, _MAX_DAYS)
        _within("attacked", self.attacked, 0, 1)
        _within("novelties_per_week", self.novelties_per_week, 0, 7)
        _within("activity", self.activity, 0.01, 7)
        _within("quiet_days", self.history_days, 0, self.days)
        _known("attack", self.attacks, ATTACKS)
        _known("novelty", self.novelties, tuple(NOVELTIES))
        if self.start_us % DAY_US:
            raise ConfigError(f"start_us must be a midnight, got {self.start_us}")
        return self


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{name} must be {low} to {high}, got {value}")


def _known(what: str, names: tuple[str, ...], known: tuple[str, ...]) -> None:
    for name in names:
        if name not in known:
            raise ConfigError(f"unknown {what} {name!r}, expected one of {', '.join(known)}")
