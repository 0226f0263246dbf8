"""One event to judge, in one mode of its agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from models.baseline.agent_state import AgentState
    from models.baseline.identity import Declared
    from models.event import Event, Origin
    from pipeline.processing.stream_types import RawRecord


class EventInMode(NamedTuple):
    """An event of a batch in one mode of its agent.

    Attributes
    ----------
    record
        The record as received.
    origin
        Class, network and country of the source address.
    time_us
        Event time, microseconds since 1970.
    declared
        Entry of the agent in the inventory.
    position
        Index of the event in the batch.
    among
        Index among the modes that the event applies to.
    """

    record: RawRecord
    event: Event
    origin: Origin
    time_us: int
    agent_state: AgentState
    declared: Declared
    position: int
    among: int = 0

    @property
    def in_first_mode(self) -> bool:
        """Whether this is the first mode; an event of several modes is counted once."""
        return self.among == 0
