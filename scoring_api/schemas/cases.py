"""Schemas of cases."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.store import CaseStatus
from scoring_api.schemas.anomalies import AnomalyReason, FoundType
from scoring_api.schemas.values import DispositionName, ModeName, Points, SeverityName

Days = Annotated[float, Field(ge=0)]


class CaseSignal(BaseModel):
    """One detector's word on a case: the type, what it is about, and how rare it is."""

    detector: str
    anomaly: str
    subject: str
    bits: float
    return_period_days: Days | None
    tags: dict[str, list[str]]
    reasons: list[AnomalyReason]


class CaseEvents(BaseModel):
    """Number of the events of a case, and the ids of the newest."""

    count: Annotated[int, Field(ge=0)]
    ids: list[str]


class CaseScore(BaseModel):
    """Trust score and its cautious lower bound, 0 to 100."""

    score: Points
    lower: Points


class CaseTrust(BaseModel):
    """Trust of the agent that opened the case: before the case, and after its latest evidence."""

    before: CaseScore | None
    after: CaseScore | None


class CaseDecision(BaseModel):
    """Who made the latest decision about a case, when and why.

    `scope` and `until` say what an expected change covers. A decision that was taken back leaves a
    decision without a disposition.
    """

    by: str
    at: str
    reason: str
    scope: dict[str, str] | None
    until: str | None


class Case(BaseModel):
    """One story with its signals; a later version of the same case replaces the earlier one.

    It has the form of the messages on the topic `agent.cases`. Events that are worth no message
    still count, so `events` and `last` may be newer than the message of the same version.
    """

    model_config = ConfigDict(extra="allow")

    case_id: str
    version: Annotated[int, Field(ge=1)]
    change: Literal["opened", "grew", "closed"]
    status: CaseStatus
    agent_id: str
    agents: list[str]
    agent_count: Annotated[int, Field(ge=1)]
    mode: ModeName
    modes: list[ModeName]
    role: str | None
    roles: list[str]
    owner: str | None
    opened: str
    last: str
    severity: SeverityName
    return_period_days: Days | None
    title: str
    signals: list[CaseSignal]
    findings: list[FoundType]
    events: CaseEvents
    sessions: list[str]
    traces: list[str]
    trust: CaseTrust
    disposition: DispositionName | None
    decision: CaseDecision | None
    assignee: str | None
    comments: Annotated[int, Field(ge=0)]
    suppressed_by: str | None
    config_version: str


class Comment(BaseModel):
    """A comment on a case: who wrote it, when, and the text."""

    by: str
    at: str
    text: str


class CaseWithComments(Case):
    """One case with its comments, oldest first."""

    discussion: list[Comment]


class CasePage(BaseModel):
    """A page of cases, with the cursors of the next and the previous one."""

    cases: list[Case]
    next_cursor: str | None
    previous_cursor: str | None
