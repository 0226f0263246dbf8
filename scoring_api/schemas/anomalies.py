"""Schemas of anomalies."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from scoring_api.schemas.values import ModeName, SeverityName, Share


class AnomalyReason(BaseModel):
    """Contribution of one feature: bits of surprise, observed and expected values."""

    feature: str
    bits: float
    observed: str
    expected: list[tuple[str, Share]]
    why: str


class FoundType(BaseModel):
    """What a case or an anomaly holds of one type: its detector and subject, and why it is rare."""

    anomaly: str
    detector: str
    subject: str
    bits: float
    why: str


class Surprise(BaseModel):
    """Sum and maximum of the surprise of all features, in bits."""

    sum: float
    max: float


class EventPosition(BaseModel):
    """One event of the anomaly, and its position in the source."""

    id: str
    position: str


class ScoreChange(BaseModel):
    """Score, 0 to 100, before the first event of the anomaly and after the last one."""

    before: float | None
    after: float | None


class AnomalyAgents(BaseModel):
    """The agents of a finding of several agents: number, ten ids, and shared values.

    `first` begins with agents that do more than read; `operations` holds their most severe
    operation. `conflicts` counts events that reuse an id with other content.
    """

    count: Annotated[int, Field(ge=1)]
    first: list[str]
    operations: dict[str, str] = {}
    conflicts: Annotated[int, Field(ge=0)] = 0
    shared: dict[str, str]


class ListedAgents(AnomalyAgents):
    """The agents of a finding of several agents, with at most 1,000 of their ids."""

    members: list[str] = []


class Anomaly(BaseModel):
    """One anomaly with its reasons; a later version of the same id replaces the earlier one.

    It equals the message on the topic `agent.anomalies`.
    """

    model_config = ConfigDict(extra="allow")

    id: str
    version: Annotated[int, Field(ge=1)]
    agent_id: str
    agents: AnomalyAgents | None = None
    mode: ModeName
    owner: str | None
    session: str | None
    event_id: str
    tool: str
    time: str
    first_time: str
    anomaly: str
    severity: SeverityName
    facet: str
    rank: float
    bits: Surprise
    p: Share | None
    p_pool: Literal["agent", "role", "fleet", "newcomers"] | None
    p_n: Annotated[int, Field(ge=0)]
    session_p: Share | None
    reasons: list[AnomalyReason]
    findings: list[FoundType]
    tags: dict[str, list[str]]
    key: str
    case_id: str | None
    count: Annotated[int, Field(ge=1)]
    events: list[EventPosition]
    position: str
    snapshot: int
    status: Literal["open", "confirmed", "dismissed"]
    trust: ScoreChange
    config_version: str


class OpenedAnomaly(Anomaly):
    """One anomaly, requested by its id."""

    agents: ListedAgents | None = None


class Assessment(BaseModel):
    """The judgement of one event, as `habitus replay` writes it; null while not calibrated."""

    rank: float
    return_period_days: float | None
    case_id: str | None
    s_sum: float
    s_max: float
    p: Share | None
    p_pool: Literal["agent", "role", "fleet", "newcomers"] | None
    p_n: Annotated[int, Field(ge=0)]
    session_p: Share | None
    alert: bool
    severity: SeverityName | None
    anomaly: str | None
    types: list[str]
    learned: bool
    reasons: list[AnomalyReason]
    tags: dict[str, list[str]]


class AgentOfEvent(BaseModel):
    """The agent that acted."""

    model_config = ConfigDict(extra="allow")

    id: str


class RecentEvent(BaseModel):
    """One event in the native format, with its assessment."""

    model_config = ConfigDict(extra="allow")

    id: str
    time: str
    agent: AgentOfEvent
    tool: str
    assessment: Assessment


class EventPage(BaseModel):
    """A page of the latest events, with the cursor of the next, older one."""

    events: list[RecentEvent]
    next_cursor: str | None


class AnomalyPage(BaseModel):
    """A page of anomalies, with the cursors of the next and the previous one."""

    anomalies: list[Anomaly]
    next_cursor: str | None
    previous_cursor: str | None
