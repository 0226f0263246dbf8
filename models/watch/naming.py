"""What an alert is called: by the feature that leads it, and by what the event is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from models.watch.counting import REMEMBERING, remembers, secret

if TYPE_CHECKING:
    from models.event import Event

_REFINED = frozenset({"tool.new", "resource.new", "goal.drift"})
_PEERS = ("agents.", "a2a.", "agent_card", "peer.")
_SETTINGS = re.compile(r"(?:^|[/._-])agents?(?:/[^/]+)?[/._-](?:settings|config)")


def refined(anomaly: str, event: Event) -> str:
    """Give the more telling type of a first use of a tool or resource, by what it is.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from models.event import Agent, Event
    >>> at = datetime(2026, 1, 5, tzinfo=UTC)
    >>> event = Event(id="1", time=at, agent=Agent(id="a"), tool="run", operation="execute")
    >>> refined("tool.new", event), refined("net.new_origin", event)
    ('code.exec', 'net.new_origin')
    """
    if anomaly not in _REFINED:
        return anomaly
    tool = event.tool.lower()
    place = event.resource.id.lower() if event.resource is not None else ""
    if _is_about_itself(event):
        return "config.change"
    if remembers(event):
        return "memory.write" if event.operation in REMEMBERING else anomaly
    if tool.startswith(_PEERS):
        return "peer.new"
    if secret(event.tool, place):
        return "secret.access"
    if event.operation == "execute":
        return "code.exec"
    if event.operation == "delete":
        return "destructive.burst"
    return anomaly


def _is_about_itself(event: Event) -> bool:
    """Tell whether an event is about settings of agents, or of the agent by its name."""
    own, place = f"{event.agent.id.lower()}/", ""
    if event.resource is not None:
        place = event.resource.id.lower()
        place = f"agent/{place[len(own) :]}" if place.startswith(own) else place
    return any(_SETTINGS.search(text) for text in (event.tool.lower(), place))
