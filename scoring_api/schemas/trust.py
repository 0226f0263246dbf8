"""Schemas of trust answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from scoring_api.schemas.values import (
    AgentId,
    GateName,
    LevelName,
    ModeName,
    OperationName,
    Points,
    SeverityName,
    Share,
    StateName,
)


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
