"""The scope of a suppression: which cases it covers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import asdict

if TYPE_CHECKING:
    from collections.abc import Mapping


class Scope(Struct, frozen=True, omit_defaults=True):
    """Cases of these agents, with these causes; None: any.

    Attributes
    ----------
    agent, role, mode
        Every agent of a case must be this one, have this role, and act in this mode.
    anomaly, detector, subject
        Every signal of a case must be of this type, from this detector, and about this subject. A
        subject that ends with ``*`` is a prefix.

    Examples
    --------
    >>> signal = {"anomaly": "rate.burst", "detector": "amounts", "subject": "backup.run"}
    >>> case = {"agents": ["a"], "agent_count": 1, "roles": ["clerk"], "modes": ["delegated"]}
    >>> case["signals"] = [signal]
    >>> Scope(role="clerk", subject="backup.*").covers(case), Scope(agent="b").covers(case)
    (True, False)
    >>> case["signals"] = [signal, signal | {"anomaly": "tool.new"}]
    >>> Scope(agent="a", anomaly="rate.burst").covers(case)
    False
    """

    agent: str | None = None
    role: str | None = None
    mode: str | None = None
    anomaly: str | None = None
    detector: str | None = None
    subject: str | None = None

    @property
    def is_wide(self) -> bool:
        """Whether it names neither agents nor causes: a mode alone may be that of all agents."""
        return all(value is None for name, value in asdict(self).items() if name != "mode")

    def members(self) -> dict[str, str]:
        """Give the members that it names."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def covers(self, case: Mapping[str, Any]) -> bool:
        """Tell whether a case is within the scope, with all its agents and signals."""
        return self._covers_agents(case) and self._covers_causes(case["signals"])

    def _covers_agents(self, case: Mapping[str, Any]) -> bool:
        if self.agent is not None and (case["agents"] != [self.agent] or case["agent_count"] != 1):
            return False
        if self.mode is not None and case["modes"] != [self.mode]:
            return False
        return self.role is None or bool(case["roles"] == [self.role])

    def _covers_causes(self, signals: list[dict[str, Any]]) -> bool:
        if (self.anomaly, self.detector, self.subject) == (None, None, None):
            return True
        return bool(signals) and all(map(self._covers_signal, signals))

    def _covers_signal(self, signal: Mapping[str, Any]) -> bool:
        if self.anomaly not in (None, signal["anomaly"]):
            return False
        if self.detector not in (None, signal["detector"]):
            return False
        if self.subject is None:
            return True
        if self.subject.endswith("*"):
            return bool(signal["subject"].startswith(self.subject[:-1]))
        return bool(signal["subject"] == self.subject)
