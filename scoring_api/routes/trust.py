"""Trust look-ups: for policy decision points and enforcement points."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import Response

from scoring_api.clock import wall_us
from scoring_api.requests.models import body_as
from scoring_api.schemas.trust import Trust, TrustAnswers, TrustQuery
from scoring_api.schemas.values import ModeName, OperationName
from scoring_api.service import DESCRIBED, AgentPath, Shared, body_of, needs, problems, require_json
from scoring_api.trust_cache.fast_path import not_modified

router = APIRouter(tags=["trust"], dependencies=[*DESCRIBED, needs("trust:read")])


@router.get(
    "/v1/agents/{agent_id}/trust",
    response_model=Trust,
    responses={304: {"description": "The caller already has this answer."}, **problems(503)},
    summary="Trust of one agent",
)
async def get_agent_trust(
    request: Request,
    agent_id: AgentPath,
    service: Shared,
    mode: Annotated[ModeName | None, Query()] = None,
    operation: Annotated[OperationName | None, Query()] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Answer for an agent in one keyed look-up.

    An unknown agent gets a normal answer with state `unknown`. `Cache-Control` gives the validity
    of the answer: until it could change by itself. `operation` is the planned operation; an
    irreversible one shortens the validity. Without `mode`, the answer is that of the least trusted
    mode.
    """
    service.cache.require_ready()
    now = wall_us()
    entry = service.cache.entry(agent_id, (mode, operation), now)
    headers = {k.decode(): v.decode() for k, v in entry.headers(now)}
    condition = ", ".join(request.headers.getlist("if-none-match")) if if_none_match else ""
    if condition and not_modified(condition.encode("latin-1"), entry.tag):
        for name in ("content-length", "content-type"):
            del headers[name]
        return Response(status_code=304, headers=headers)
    return Response(entry.body, headers=headers)


async def _asked(request: Request) -> TrustQuery:
    return body_as(TrustQuery, await request.body())


@router.post(
    "/v1/trust/query",
    response_model=TrustAnswers,
    responses=problems(413, 415, 503),
    dependencies=[Depends(require_json)],
    openapi_extra=body_of(TrustQuery),
    summary="Trust of many agents",
)
async def query_trust(asked: Annotated[TrustQuery, Depends(_asked)], service: Shared) -> Response:
    """Answer for up to 1000 agents, in the requested order."""
    service.cache.require_ready()
    now = wall_us()
    bodies = []
    for place, agent_id in enumerate(asked.agents):
        bodies.append(service.cache.entry(agent_id, (asked.mode, asked.operation), now).body)
        if place % 20 == 19:
            # Single look-ups must not wait for a whole batch.
            await asyncio.sleep(0)
    body = b'{"answers":[' + b",".join(bodies) + b"]}"
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})
