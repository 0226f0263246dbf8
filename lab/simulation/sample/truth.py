"""Ground truth of the bundled sample, for the report and the tests, never for a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from models.event import Event, microseconds, rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence

Incident = Literal[
    "vpn_egress",
    "data_access",
    "injected_payment",
    "night_export",
    "credential_reuse",
    "shadow_agent",
]
Novelty = Literal[
    "public_holiday",
    "deployment",
    "new_agent",
    "new_colleague",
    "new_vendor",
    "first_use",
    "corporate_vpn",
    "month_end_peak",
]


class IncidentTruth(Struct, frozen=True):
    """One incident with exactly the events that belong to it."""

    incident: Incident
    agent_id: str
    first: str
    last: str
    event_ids: list[str]
    what: str


class NoveltyTruth(Struct, frozen=True):
    """One benign novelty with the first events that show it; `agent_id` is None for all agents."""

    kind: Novelty
    agent_id: str | None
    first: str
    event_ids: list[str]
    what: str


class Truth(Struct, frozen=True):
    """Ground truth of one sample."""

    seed: int
    start: str
    end: str
    events: int
    corporate_networks: list[str]
    incidents: list[IncidentTruth]
    novelties: list[NoveltyTruth]


def incident(kind: Incident, events: Sequence[Event], what: str) -> IncidentTruth:
    """Make the ground truth of an incident of these events, in order of time."""
    return IncidentTruth(
        kind, events[0].agent.id, when(events[0]), when(events[-1]), [e.id for e in events], what
    )


def novelty(kind: Novelty, events: Sequence[Event], what: str) -> NoveltyTruth:
    """Make the ground truth of a novelty that these events show first."""
    return NoveltyTruth(kind, events[0].agent.id, when(events[0]), [e.id for e in events], what)


def when(event: Event) -> str:
    """Give the time of an event as text."""
    return rfc3339(microseconds(event.time))
