"""Schemas of suppressions."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from pipeline.casework.comments import LONGEST
from scoring_api.schemas.values import ModeName

Text = Annotated[str, Field(min_length=1, max_length=LONGEST, pattern=r"^[^\x00]*$")]
Name = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00]*$")]


class SuppressionScope(BaseModel):
    """Which cases: all agents and all signals of a case have to fit every member that is given.

    At least one member beside `mode` is needed. A `subject` that ends with `*` is a prefix.
    """

    model_config = ConfigDict(extra="forbid")

    agent: Name | None = None
    role: Name | None = None
    mode: ModeName | None = None
    anomaly: Name | None = None
    detector: Name | None = None
    subject: Name | None = None

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not any((self.agent, self.role, self.anomaly, self.detector, self.subject)):
            raise ValueError("a scope needs agent, role, anomaly, detector or subject")
        return self


class SuppressionRequest(BaseModel):
    """What to hide, why, and until when: at most 365 days from now."""

    model_config = ConfigDict(extra="forbid")

    scope: SuppressionScope
    reason: Text
    until: AwareDatetime


class EndRequest(BaseModel):
    """Why a suppression is ended."""

    model_config = ConfigDict(extra="forbid")

    reason: Text


class Hides(BaseModel):
    """Cases of the last days that a scope covers: their number, and the newest ids.

    Of more than 20,000 cases the newest are counted, and `complete` is false.
    """

    days: Annotated[int, Field(ge=1)]
    count: Annotated[int, Field(ge=0)]
    complete: bool
    cases: list[str]


class SuppressionEnd(BaseModel):
    """Who ended a suppression, when and why."""

    by: str
    at: str
    reason: str


class Suppression(BaseModel):
    """A suppression, and the number of cases that it has hidden."""

    id: str
    state: Literal["active", "expired", "ended"]
    scope: SuppressionScope
    reason: str
    by: str
    created: str
    until: str
    case_id: str | None
    ended: SuppressionEnd | None
    hidden: Annotated[int, Field(ge=0)]


class SuppressionPage(BaseModel):
    """A page of suppressions, with the cursor of the next one."""

    suppressions: list[Suppression]
    next_cursor: str | None


class SuppressionAnswer(BaseModel):
    """A new suppression, null for a preview, and what it would have hidden."""

    suppression: Suppression | None
    would_have_hidden: Hides
