"""Bring an agent to the time of an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.baseline.agent_state import Subject
    from models.event import Event
    from models.peers.fleet import Peers

_NEWEST_DAY = 0.3  # weight of the last day in the usual number of events a day


def meet(event: Event, subject: Subject, peers: Peers, time_us: int) -> None:
    """Let an agent's counts fade to the day of an event, and count the event.

    Parameters
    ----------
    peers
        Gives the day, and counts the agents that act on it.
    time_us
        Event time in microseconds.
    """
    profile, trust, agent = subject.profile, subject.trust, event.agent
    facts, habits, day = profile.facts, profile.habits, peers.day_of(time_us)
    if facts.events == 0:
        facts.first_us = trust.first_seen_us = time_us
        habits.start(day)
        peers.seen_on(day, 0.0)
    elif day > habits.day:
        habits.roll(day)
        rate = facts.per_day or float(facts.day_events)
        facts.per_day = (1 - _NEWEST_DAY) * rate + _NEWEST_DAY * facts.day_events
        facts.day_events = 0
        peers.seen_on(day, facts.per_day)
    if facts.vote_version != peers.head.version:  # its votes are published by now
        habits.published()
        facts.vote_version = peers.head.version
    facts.events += 1
    facts.day_events += 1
    facts.last_us = max(facts.last_us, time_us)
    trust.events, trust.last_seen_us = facts.events, facts.last_us
    if agent.version is not None:
        trust.version = agent.version
