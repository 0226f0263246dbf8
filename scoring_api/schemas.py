"""Schemas of the API for OpenAPI; versioned separately from the types of `models`.

msgspec encodes answers from the types of `models`. These schemas document them, and a test compares
both. Only request bodies are validated here.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

ModeName = Literal["delegated", "autonomous", "unknown"]
OperationName = Literal["read", "write", "delete", "execute", "send", "pay", "admin", "unknown"]
LevelName = Literal["trusted", "normal", "watch", "restricted"]
StateName = Literal["active", "learning", "relearning", "stale", "unknown"]
SeverityName = Literal["low", "medium", "high", "critical"]
GateName = Literal["open", "quarantined"]

Points = Annotated[int, Field(ge=0, le=100)]
Share = Annotated[float, Field(ge=0, le=1)]
AgentId = Annotated[str, Field(min_length=1, max_length=256)]


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str


class Facets(BaseModel):
    """Score of each facet of the agent."""

    tools: Points
    data: Points
    network: Points
    volume: Points
    identity: Points


class Reason(BaseModel):
    """One anomaly that lowers the score, with its effect in points."""

    anomaly: str
    severity: SeverityName
    effect: Annotated[int, Field(le=0)]
    at: str
    id: str


class Obligation(BaseModel):
    """Requirements that a policy should impose."""

    max_credential_ttl_s: Annotated[int, Field(ge=0)]
    step_up: bool


class Recovery(BaseModel):
    """The next level, and the clean days until it."""

    to: LevelName
    clean_days: Annotated[
        int,
        Field(
            ge=0,
            description="Whole clean days from `as_of` until the agent has that level at the "
            "latest, including margin and patience.",
        ),
    ]


class Trust(BaseModel):
    """The trust answer. `state` and `gate` show when a policy must not rely on `score`."""

    agent_id: str
    score: Points
    lower: Points
    belief: Share
    disbelief: Share
    uncertainty: Share
    level: LevelName
    gate: GateName
    state: StateName
    mode: str
    facets: Facets
    reasons: list[Reason]
    obligations: Obligation
    recovers: Recovery | None
    as_of: str
    computed_at: str
    valid_until: str
    config_version: str


class TrustQuery(BaseModel):
    """Agents to answer for, in the order of the answer."""

    model_config = ConfigDict(extra="forbid")

    agents: Annotated[list[AgentId], Field(min_length=1, max_length=1000)]
    mode: ModeName | None = None
    operation: OperationName | None = None


class TrustAnswers(BaseModel):
    """One answer for each requested agent, including unknown ones."""

    answers: list[Trust]


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


class AnomalyReason(BaseModel):
    """Contribution of one feature: bits of surprise, observed and expected values."""

    feature: str
    bits: float
    observed: str
    expected: list[tuple[str, Share]]
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
    ground: Literal["rule", "several", "event", "session", "together"] | None = None
    p: Share | None
    p_pool: Literal["agent", "role", "fleet", "newcomers"] | None
    p_n: Annotated[int, Field(ge=0)]
    session_p: Share | None
    together_p: Share | None = None
    reasons: list[AnomalyReason]
    tags: dict[str, list[str]]
    key: str
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


class AnomalyPage(BaseModel):
    """A page of anomalies, with the cursors of the next and the previous one."""

    anomalies: list[Anomaly]
    next_cursor: str | None
    previous_cursor: str | None


ActionStatus = Literal["accepted", "duplicate", "conflict", "rejected"]
STATUSES = get_args(ActionStatus)


class ActionResult(BaseModel):
    """Result of one event. `id` is null if the event has no readable id.

    A `duplicate` has the content sent under its id before; a `conflict` has other content.
    """

    index: int
    id: str | None
    status: ActionStatus
    reason: str | None
    detail: str | None


class UnknownMember(BaseModel):
    """An unknown member of accepted events, with a suggestion.

    `count` is the number of events with it. `(other)` is the sum over names that are too long, have
    special characters, or exceed the number of counters.
    """

    member: str
    count: Annotated[int, Field(ge=1)]
    suggestion: str | None


class ActionResults(BaseModel):
    """Results of all events, in the order sent, with counts by status.

    Accepted and conflicting events are stored durably, and judged.
    """

    accepted: int
    duplicate: int
    conflict: int
    rejected: int
    results: list[ActionResult]
    warnings: list[UnknownMember]


class RejectedActions(Problem):
    """Problem details of a request whose events were all rejected, with a result for each."""

    results: list[ActionResult]


class SourceSeen(BaseModel):
    """Time of the last event of a source; `age_s` is null before the first.

    A `live` source is `quiet` if that event is older than the staleness bound. The silence of a
    source without events counts from the newest event of all sources.
    """

    source: str
    feed: Literal["live", "batch"]
    last_event: str | None
    age_s: float | None
    quiet: bool


class Health(BaseModel):
    """Liveness and readiness of the process."""

    status: Literal["ok", "loading"]
    pipeline: Literal["running", "drained", "stopped", "none"] | None = None
    stale: bool | None = None
    lag_s: float | None = None
    as_of: str | None = None
    sources: list[SourceSeen] | None = None
