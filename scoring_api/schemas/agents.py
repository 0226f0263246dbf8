"""Schemas of agents: the list, one agent, its evidence and its history."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

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


class AgentRow(BaseModel):
    """One agent of the inventory; `silent` is null unless it has stopped reporting.

    `role` and `owner` come from the inventory, else from the agent's first claim or an announced
    change. `registered` is null without an inventory. `claims` holds the unverified role, owner and
    team of an agent outside the inventory.
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
    first_seen: str
    last_seen: str
    silent: Silence | None
    recovers: Recovery | None
    top_reason: Reason | None


class AgentPage(BaseModel):
    """A page of agents, the least trusted first."""

    agents: list[AgentRow]
    total: int
    as_of: str
    next_cursor: str | None


class AgentDetail(AgentRow):
    """One agent with its trust, overall and by mode."""

    risk_level: Literal["LOW", "MEDIUM", "HIGH"]
    trust: Trust
    by_mode: list[Trust]


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
