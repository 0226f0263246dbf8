"""The audit log: who did what, when and why."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from pipeline.casework.auditing import shown
from pipeline.store.registers.audit import Action
from scoring_api.lists import cursors
from scoring_api.lists.places import MAX_NUMBER
from scoring_api.problems import ProblemError
from scoring_api.routes.answers import NO_NUL, json_answer
from scoring_api.schemas.audit import AuditPage
from scoring_api.service import DESCRIBED, Shared, needs, problems

router = APIRouter(tags=["audit"], dependencies=[*DESCRIBED, needs("admin")])


@router.get(
    "/v1/audit",
    summary="What people did, page by page",
    response_model=AuditPage,
    responses=problems(503),
)
async def list_audit(
    service: Shared,
    action: Annotated[list[Action] | None, Query(description="One or more.")] = None,
    object_id: Annotated[
        str | None,
        Query(alias="object", pattern=NO_NUL, max_length=256, description="A case, an agent …"),
    ] = None,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """List decisions, comments, suppressions, quarantines and releases, the newest first.

    The log is append-only: the store refuses to change or delete a row.
    """
    service.cache.require_ready()
    before = cursors.take(cursor, int) if cursor else None
    if before is not None and not 0 <= before <= MAX_NUMBER:
        raise ProblemError(400, "cursor must come from an answer of this route")
    found = await service.cache.read(
        lambda: service.reading.audit.page(
            before=before, actions=action or (), name=object_id, limit=limit + 1
        )
    )
    page = found[:limit]
    following = cursors.give(page[-1][0]) if len(found) > limit else None
    return json_answer(
        {"entries": [shown(number, entry) for number, entry in page], "next_cursor": following}
    )
