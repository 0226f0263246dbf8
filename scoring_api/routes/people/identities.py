"""Identities: proposals, and merging, splitting or refusing them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from pipeline.casework.alias_list import listed
from pipeline.casework.desk import Desk
from pipeline.casework.identities import merge, refuse, split
from pipeline.identity.alias import AliasState
from scoring_api.authentication.principal import Principal
from scoring_api.lists import cursors
from scoring_api.requests.models import body_as
from scoring_api.routes.answers import NO_NUL, json_answer
from scoring_api.schemas.people.identities import (
    IdentityAnswer,
    IdentityPage,
    MergeRequest,
    RefuseRequest,
    SplitRequest,
)
from scoring_api.service import DESCRIBED, Service, Shared, body_of, needs, problems, require_json
from scoring_api.work import at_work

_READER = needs("trust:read")
_ADMIN = needs("admin")
router = APIRouter(tags=["identities"], dependencies=[*DESCRIBED])

Caller = Annotated[Principal, _ADMIN]
Preview = Annotated[bool, Query(description="Say what it does, and save nothing.")]
_WRITE: dict[str, Any] = {
    "response_model": IdentityAnswer,
    "responses": problems(404, 409, 413, 415, 503),
    "dependencies": [Depends(require_json)],
}


@router.get(
    "/v1/identities",
    summary="Identifiers of agents, page by page",
    response_model=IdentityPage,
    responses=problems(503),
)
async def list_identities(
    service: Shared,
    caller: Annotated[Principal, _READER],
    state: Annotated[AliasState | None, Query()] = None,
    agent: Annotated[
        str | None, Query(pattern=NO_NUL, max_length=256, description="As agent or identifier.")
    ] = None,
    cursor: Annotated[str | None, Query(max_length=4096)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """List which identifiers belong to which agents: proposals, and what people decided."""
    after = cursors.take(cursor, tuple[str, str]) if cursor else None
    rows, last = await at_work(
        service,
        caller,
        lambda desk: listed(desk.store, state=state, agent_id=agent, after=after, limit=limit),
    )
    following = None if last is None else cursors.give(last)
    return json_answer({"identities": rows, "next_cursor": following})


@router.post(
    "/v1/identities/merge",
    summary="Let an identifier be judged as an agent",
    openapi_extra=body_of(MergeRequest),
    **_WRITE,
)
async def merge_identity(
    request: Request, service: Shared, caller: Caller, preview: Preview = False
) -> Response:
    """Confirm a proposal, or merge two agents, by the worker's next commit.

    New events of the identifier are those of the agent, and look-ups of it answer for the agent.
    Nothing of the past is judged again. A quarantined identifier shuts the gate of the agent.
    """
    asked = body_as(MergeRequest, await request.body())
    return await _decided(
        service,
        caller,
        lambda desk: merge(
            desk, asked.alias, asked.agent_id, asked.reason, kind=asked.kind, preview=preview
        ),
    )


@router.post(
    "/v1/identities/split",
    summary="Let an identifier be judged as itself again",
    openapi_extra=body_of(SplitRequest),
    **_WRITE,
)
async def split_identity(
    request: Request, service: Shared, caller: Caller, preview: Preview = False
) -> Response:
    """Take a merge back, by the worker's next commit.

    What the agent learned meanwhile stays with it. A quarantine of the agent stays for both.
    """
    asked = body_as(SplitRequest, await request.body())
    return await _decided(
        service, caller, lambda desk: split(desk, asked.alias, asked.reason, preview=preview)
    )


@router.post(
    "/v1/identities/refuse",
    summary="Refuse a proposal",
    openapi_extra=body_of(RefuseRequest),
    **_WRITE,
)
async def refuse_identity(
    request: Request, service: Shared, caller: Caller, preview: Preview = False
) -> Response:
    """Refuse a proposal; the same identifier is not proposed for this agent again."""
    asked = body_as(RefuseRequest, await request.body())
    return await _decided(
        service,
        caller,
        lambda desk: refuse(desk, asked.alias, asked.agent_id, asked.reason, preview=preview),
    )


async def _decided(
    service: Service, caller: Principal, work: Callable[[Desk], dict[str, Any]]
) -> Response:
    return json_answer(await at_work(service, caller, work))
