"""Suppressions: what they hide, making one with a preview, and ending one."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response

from models.event import microseconds
from pipeline.casework import suppressions
from pipeline.casework.desk import Desk
from pipeline.casework.scope import Scope
from scoring_api.authentication.principal import Principal
from scoring_api.lists import cursors
from scoring_api.requests.models import body_as
from scoring_api.routes.answers import NO_NUL, json_answer
from scoring_api.schemas.suppressions import (
    EndRequest,
    Suppression,
    SuppressionAnswer,
    SuppressionPage,
    SuppressionRequest,
    SuppressionScope,
)
from scoring_api.service import DESCRIBED, Shared, body_of, needs, problems, require_json
from scoring_api.work import at_work

_READER = needs("anomaly:read")
_WRITER = needs("anomaly:write")
router = APIRouter(tags=["cases"], dependencies=[*DESCRIBED])

SuppressionId = Annotated[str, Path(min_length=1, max_length=64, pattern=NO_NUL)]


@router.get(
    "/v1/suppressions",
    summary="Suppressions, page by page",
    response_model=SuppressionPage,
    responses=problems(503),
)
async def list_suppressions(
    service: Shared,
    caller: Annotated[Principal, _READER],
    state: Annotated[Literal["active", "expired", "ended"] | None, Query()] = None,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """List suppressions, the newest first, each with the number of cases that it has hidden."""
    before = cursors.take(cursor, int) if cursor else None
    rows, place = await at_work(
        service,
        caller,
        lambda desk: suppressions.listed(
            desk.store.audit, desk.at_us, state=state, before=before, limit=limit
        ),
    )
    following = None if place is None else cursors.give(place)
    return json_answer({"suppressions": rows, "next_cursor": following})


@router.post(
    "/v1/suppressions",
    summary="Suppress expected cases",
    response_model=SuppressionAnswer,
    responses=problems(409, 413, 415, 503),
    dependencies=[Depends(require_json)],
    openapi_extra=body_of(SuppressionRequest),
)
async def create_suppression(
    request: Request,
    service: Shared,
    caller: Annotated[Principal, _WRITER],
    preview: Annotated[bool, Query(description="Count the cases, and save nothing.")] = False,
) -> Response:
    """Hide new cases within a scope until an instant, and say what it would have hidden.

    A hidden case has the status `suppressed`: it raises no message and is in no queue. Scores,
    findings and evidence against trust continue. A case that gets a signal or an agent outside the
    scope returns to the queue with a message. Cases that are in the queue already stay there.
    """
    asked = body_as(SuppressionRequest, await request.body())
    scope, until_us = scope_of(asked.scope), microseconds(asked.until)

    def make(desk: Desk) -> dict[str, Any]:
        suppressions.suppressing(desk, scope, asked.reason, until_us)
        found = suppressions.preview(desk, scope)
        if preview:
            return {"suppression": None, "would_have_hidden": found}
        made = suppressions.suppress(desk, scope, asked.reason, until_us)
        return {
            "suppression": suppressions.shown(made, desk.at_us),
            "would_have_hidden": found,
        }

    return json_answer(await at_work(service, caller, make))


@router.post(
    "/v1/suppressions/{suppression_id}/end",
    summary="End a suppression",
    response_model=Suppression,
    responses=problems(404, 409, 413, 415, 503),
    dependencies=[Depends(require_json)],
    openapi_extra=body_of(EndRequest),
)
async def end_suppression(
    suppression_id: SuppressionId,
    request: Request,
    service: Shared,
    caller: Annotated[Principal, _WRITER],
) -> Response:
    """End a suppression now. The open cases that it hides return to the queue.

    What happened before is no message, and from then on messages are as without it. An expiry does
    the same.
    """
    asked = body_as(EndRequest, await request.body())
    ended = await at_work(
        service,
        caller,
        lambda desk: suppressions.shown(
            suppressions.end(desk, suppression_id, asked.reason), desk.at_us
        ),
    )
    return json_answer(ended)


def scope_of(asked: SuppressionScope) -> Scope:
    """Give the scope of a request."""
    return Scope(**asked.model_dump())
