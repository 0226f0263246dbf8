"""What somebody works with who decides about cases and agents: the store, the policy, who, when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pipeline.casework.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.trust.policy import TrustPolicy
    from models.trust.response import Obligation
    from models.trust.state import TrustState
    from pipeline.store.batch import HeldRow
    from pipeline.store.order import CaseSort, CaseStatus, Place
    from pipeline.store.registers.aliases import Aliases
    from pipeline.store.registers.audit import AuditLog

ALL_CASES: tuple[CaseStatus, ...] = ("open", "closed", "suppressed")


class Files(Protocol):
    """The part of a store that the work needs."""

    @property
    def audit(self) -> AuditLog:
        """The log of what people did."""

    @property
    def aliases(self) -> Aliases:
        """The identifiers of agents."""

    def shards_of(self, agents: Sequence[str], /) -> Mapping[str, str]:
        """Give the shard of each of these agents that belongs to one of several."""

    def agents_of_case(self, case_id: str, /) -> Sequence[str]:
        """Give the agents with an event of a case."""

    def case(self, case_id: str, /) -> dict[str, Any] | None:
        """Give a case by its id, or None."""

    def cases(
        self,
        *,
        agent_id: str | None,
        severity: Sequence[str] | None,
        status: CaseStatus | Sequence[CaseStatus] | None,
        sort: CaseSort,
        ascending: bool,
        after: Place | None,
        limit: int,
    ) -> Sequence[dict[str, Any]]:
        """Give sorted cases after a sort key."""

    def states(self, agent_id: str, /) -> Sequence[TrustState]:
        """Give the trust states of an agent, one per mode; none for an unknown agent."""

    def held(self, agent_id: str, /) -> Sequence[HeldRow]:
        """Give the events of an agent that are held back from learning, oldest first."""


@dataclass(frozen=True, slots=True)
class Desk:
    """A person at work.

    Parameters
    ----------
    by
        Subject of the credential.
    at_us
        Wall time, microseconds since 1970.
    obligations
        What policies require at each level.
    """

    store: Files
    policy: TrustPolicy
    obligations: Mapping[str, Obligation]
    by: str
    at_us: int

    def case(self, case_id: str) -> dict[str, Any]:
        """Give a case; refuse an unknown one."""
        found = self.store.case(case_id)
        if found is None:
            raise Refusal("missing", "no such case")
        return found

    def states(self, agent_id: str) -> Sequence[TrustState]:
        """Give the states of an agent; refuse an unknown one."""
        found = self.store.states(agent_id)
        if not found:
            raise Refusal("missing", "no such agent")
        return found
