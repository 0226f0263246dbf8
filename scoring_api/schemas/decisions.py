"""Schemas of decisions about cases."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from scoring_api.schemas.cases import CaseScore
from scoring_api.schemas.suppressions import Hides, SuppressionScope, Text
from scoring_api.schemas.values import DispositionName, GateName


class UndoRequest(BaseModel):
    """Why a decision is taken back, and the version of the case that was read."""

    model_config = ConfigDict(extra="forbid")

    reason: Text
    version: Annotated[int, Field(ge=1)]


class DispositionRequest(UndoRequest):
    """A decision, its reason, and the version of the case that was read.

    An expected change may have a `scope` and `until`: they make a suppression of further cases.
    """

    disposition: DispositionName
    scope: SuppressionScope | None = None
    until: AwareDatetime | None = None

    @model_validator(mode="after")
    def _scope_of_a_change(self) -> Self:
        if self.disposition != "expected_change" and (self.scope or self.until):
            raise ValueError("scope and until belong to an expected_change")
        if (self.scope is None) != (self.until is None):
            raise ValueError("scope and until need each other")
        return self


class TrustEffect(BaseModel):
    """Trust of the agent that opened the case without the decision and with it."""

    before: CaseScore | None
    after: CaseScore | None


class Effect(BaseModel):
    """What a decision does: trust, closed cases, held events learned or dropped, and the gate.

    `hides` says what the suppression of an expected change would have hidden; null without one.
    """

    trust: TrustEffect
    closes: list[str]
    events_learned: Annotated[int, Field(ge=0)]
    events_dropped: Annotated[int, Field(ge=0)]
    gate: GateName
    hides: Hides | None


class CommentRequest(BaseModel):
    """A comment on a case."""

    model_config = ConfigDict(extra="forbid")

    text: Text
