"""Schemas of the answer to events."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, Field

from scoring_api.schemas.problem import Problem

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
