"""Interface of a registered detector."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from models.baseline.profile import Facts
    from models.event import Event
    from models.result import Reason, Result


class Act(NamedTuple):
    """One event as the product has judged it.

    Attributes
    ----------
    facts
        The plain part of the agent's profile, after the event.
    """

    event: Event
    result: Result
    facts: Facts


class Detector(ABC):
    """Gives a second opinion on events.

    Equal events must give equal opinions: no clock, no randomness without a seed, no I/O.

    Attributes
    ----------
    name
        A word; opinions are shown under it, state is kept under it.
    version
        Changes whenever kept state would be read in another way.

    Examples
    --------
    >>> from models.result import Reason
    >>> class NewTool(Detector):
    ...     name = "new_tool"
    ...     def __init__(self):
    ...         self.known = set()
    ...     def judge(self, act):
    ...         if (act.facts.agent_id, act.event.tool) in self.known:
    ...             return None
    ...         return Reason(self.name, 6.0, act.event.tool, [], "First use of this tool.")
    ...     def learn(self, act):
    ...         self.known.add((act.facts.agent_id, act.event.tool))
    """

    name = ""
    version = "1"

    @abstractmethod
    def judge(self, act: Act) -> Reason | None:
        """Give a reason with bits (0 or more, higher is more unusual), or None.

        Asked only of events that have reasons: reported events, or all events where all are
        explained (``habitus replay``, ``habitus evaluate``). Must change nothing.
        """

    def learn(self, act: Act) -> None:  # noqa: B027  # most learn nothing
        """Take in an event that the product has learned: none that it holds back."""

    def dump(self) -> bytes:
        """Write the learned state, for a restart; empty for nothing."""
        return b""

    def load(self, raw: bytes) -> None:  # noqa: B027  # most have no state
        """Read what `dump` wrote; `ValueError` where it cannot be read."""
