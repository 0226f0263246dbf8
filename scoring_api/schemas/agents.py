"""Schemas of agents: the list, one agent, its evidence and its history."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from pipeline.inventory.coverage import Group
from scoring_api.schemas.people.identities import Identity, IdentityChange
from scoring_api.schemas.trust import Reason, Recovery, Trust
from scoring_api.schemas.values import GateName, LevelName, Points, SeverityName, Share, StateName


class Silence(BaseModel):
    """Silence of an agent that is far longer than expected.

    `since` is the hour of its last event. Weekend hours do not count for an agent that rests on
    weekends. `usual_hours` is its longest typical silence, and `times` the ratio to it.
    """

    since: str
    hours: int
    usual_hours: float
    times: float


class Coverage(BaseModel):
    """How much of the fleet the inventory covers.

    `seen` agents have an event in the last 30 days; `share` of them is in the inventory. The other
    numbers are those of the groups. `entries` and `share` are null without an inventory.
    """

    as_of: str
    seen: int
    entries: int | None
    share: Share | None
    registered: int
    shadow: int
    unowned: int
    unreviewed: int
    overdue: int
    dormant: int
    stale: int


class AgentRow(BaseModel):
    """One agent of the inventory; `silent` is null unless it has stopped reporting.

    `role` and `owner` come from the inventory, else from the agent's first claim or an announced
    change. `registered` is null without an inventory. `claims` holds the unverified role, owner and
    team of an agent outside the inventory. `sponsor`, `review_date` and `groups` come from the
    inventory. `events` counts all events about the agent, also security events. `first_seen` and
    `last_seen` are null for an agent that has not acted: it has no events, or security events
    alone.
    """

    agent_id: str
    role: str | None
    owner: str | None
    version: str | None
    registered: bool | None
    claims: dict[str, str]
    state: StateName
    level: LevelName
    gate: GateName
    score: Points
    lower: Points
    modes: list[str]
    events: int
    first_seen: str | None
    last_seen: str | None
    silent: Silence | None
    recovers: Recovery | None
    top_reason: Reason | None
    sponsor: str | None
    review_date: str | None
    groups: list[Group]


class AgentPage(BaseModel):
    """A page of agents, the least trusted first; `coverage` is null before the first count."""

    agents: list[AgentRow]
    total: int
    coverage: Coverage | None
    as_of: str
    next_cursor: str | None


class AgentDetail(AgentRow):
    """One agent with its trust, overall and by mode, and its identifiers."""

    risk_level: Literal["LOW", "MEDIUM", "HIGH"]
    trust: Trust
    by_mode: list[Trust]
    aliases: list[Identity]
    joined: Identity | None


class EvidenceItem(BaseModel):
    """One item of evidence with its exact leave-one-out effect on the mode's score, in points."""

    mode: str
    id: str
    anomaly: str
    severity: SeverityName
    facet: str
    status: Literal["open", "confirmed", "dismissed"]
    confidence: Share
    weight: Annotated[float, Field(ge=0)]
    effect: Annotated[float, Field(le=0)]
    since: str
    at: str
    half_life_days: float | None
    halves_at: str | None


class Evidence(BaseModel):
    """Evidence for the score."""

    agent_id: str
    as_of: str
    days_worked_clean: int
    items: list[EvidenceItem]


class HistoryPoint(BaseModel):
    """Trust at one instant."""

    at: str
    score: Annotated[float, Field(ge=0, le=100)]
    lower: Annotated[float, Field(ge=0, le=100)]


class History(BaseModel):
    """Trust over time, computed from the current evidence without dismissed items."""

    agent_id: str
    mode: str
    points: list[HistoryPoint]
    identities: list[IdentityChange]
