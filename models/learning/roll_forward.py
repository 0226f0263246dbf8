"""Roll an agent forward to the time of an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.baseline.agent_state import AgentState
    from models.event import Event
    from models.peers.fleet import Fleet

_NEWEST_DAY = 0.3  # weight of the last day in the mean number of events a day


def roll_forward(event: Event, agent_state: AgentState, fleet: Fleet, time_us: int) -> None:
    """Decay an agent's counts to the day of an event, and count the event.

    Parameters
    ----------
    fleet
        Gives the day, and counts the agents that act on it.
    time_us
        Event time in microseconds.
    """
    profile, trust, agent = agent_state.profile, agent_state.trust, event.agent
    facts, frequency_model, day = profile.facts, profile.frequency_model, fleet.day_of(time_us)
    if facts.events == 0:
        facts.first_us = trust.first_seen_us = time_us
        frequency_model.start(day)
        fleet.count_active_agent(day, 0.0)
    elif day > frequency_model.day:
        frequency_model.roll(day)
        rate = facts.per_day or float(facts.day_events)
        facts.per_day = (1 - _NEWEST_DAY) * rate + _NEWEST_DAY * facts.day_events
        facts.day_events = 0
        fleet.count_active_agent(day, facts.per_day)
    if facts.vote_version != fleet.head.version:  # its votes are published
        frequency_model.published()
        facts.vote_version = fleet.head.version
    facts.events += 1
    facts.day_events += 1
    facts.last_us = max(facts.last_us, time_us)
    trust.events, trust.last_seen_us = facts.events, facts.last_us
    if agent.version is not None:
        trust.version = agent.version
