"""State of one agent in one mode, and the scores of one event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from models.trust.agent_evidence import ledger_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.baseline.frequency_model import Surprise
    from models.baseline.profile import Profile
    from models.peers.fleet import GroupView
    from models.provenance.argument_detector import CallScore
    from models.trust.ledger import Ledger
    from models.trust.policy import TrustPolicy
    from models.trust.state import TrustState
    from models.watch.measure import Measure


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

    __slots__ = ("others", "profile", "stored", "trust", "view")

    def __init__(self, profile: Profile, trust: TrustState) -> None:
        self.profile = profile
        self.trust = trust
        self.view: GroupView | None = None
        self.stored: bytes | None = None
        self.others: Callable[[], Sequence[TrustState]] = tuple

    def ledger(self, policy: TrustPolicy) -> Ledger:
        """Give the ledger that the agent is judged by in this mode."""
        return ledger_in(self.trust, self.others(), policy)


class EventScores(Struct):
    """The bits of one event, by detector.

    Attributes
    ----------
    categories
        The surprise that is judged.
    learned
        The surprise that is learned: `categories` without a `models.features.selection.Selection`.
    quantities
        (name, running sum of the open window, bits).
    new_tool
        Whether a deployment announced the new tool: `models.changing.brought`.
    counted, decisive
        Content bits that count, and those of them that decide on alerts; None without content.
    measures, metrics
        Results of `models.watch.measure`, and the bits of every metric, in order.
    volume
        Rarity among the peers, in bits, of the rarest metric.
    """

    categories: Surprise
    learned: Surprise
    quantities: list[tuple[str, float, float]]
    content: CallScore | None
    new_tool: bool = False
    counted: float | None = None
    decisive: float | None = None
    measures: list[Measure] = []
    metrics: list[float] = []
    volume: float = 0.0
