"""State of one agent in one mode during a judgement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.trust.agent_evidence import ledger_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.baseline.profile import Profile
    from models.trust.ledger import Ledger
    from models.trust.policy import TrustPolicy
    from models.trust.state import TrustState


class AgentState:
    """State of one agent in one mode during a judgement.

    Attributes
    ----------
    stored
        Bytes of the profile when it was last written or read, if its holder keeps them.
    others
        Gives the trust states of the agent's other modes, if one has evidence that counts in all
        modes (`models.trust.agent_evidence`).
    """

    __slots__ = ("others", "profile", "stored", "trust")

    def __init__(self, profile: Profile, trust: TrustState) -> None:
        self.profile = profile
        self.trust = trust
        self.stored: bytes | None = None
        self.others: Callable[[], Sequence[TrustState]] = tuple

    def ledger(self, policy: TrustPolicy) -> Ledger:
        """Give the ledger that the agent is judged by in this mode."""
        others = self.others()
        return ledger_in(self.trust, others, policy) if others else self.trust.ledger
