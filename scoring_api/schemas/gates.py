"""Schemas of quarantine and release."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from scoring_api.schemas.suppressions import Text
from scoring_api.schemas.trust import Obligation
from scoring_api.schemas.values import GateName, LevelName, Points


class GateRequest(BaseModel):
    """Why, and in the second step the confirmation that the first one gave."""

    model_config = ConfigDict(extra="forbid")

    reason: Text
    confirm: Annotated[str, Field(min_length=1, max_length=128)] | None = None


class GateState(BaseModel):
    """What policy decision points get."""

    gate: GateName
    level: LevelName
    score: Points
    lower: Points
    obligations: Obligation


class GateAnswer(BaseModel):
    """What the action does, and whether it is done.

    `confirm` does it in a second call of the same caller until `confirm_until`; both are null once
    it is done. `known` is false for an agent without an event so far: the gate holds from its
    first call.
    """

    agent_id: str
    action: Literal["quarantine", "release"]
    known: bool
    done: bool
    effect: str
    before: GateState
    after: GateState
    confirm: str | None
    confirm_until: str | None
