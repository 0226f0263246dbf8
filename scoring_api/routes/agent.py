"""One agent by a query parameter, for ids that are impossible in a path.

Browsers and proxies remove ``.`` and ``..`` from a path, encoded or not, and some decode ``%2F``.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response

from scoring_api.routes import agents
from scoring_api.routes import trust as look_up
from scoring_api.schemas.agents import AgentDetail, Evidence, History
from scoring_api.schemas.trust import Trust
from scoring_api.schemas.values import ModeName, OperationName
from scoring_api.service import DESCRIBED, Shared, needs, problems

router = APIRouter(dependencies=[*DESCRIBED, needs("trust:read")])

AgentId = Annotated[
    str,
    Query(
        alias="id",
        min_length=1,
        max_length=256,
        description="The agent's id, with any characters.",
        examples=["spiffe://example.com/ns/shop/sa/refunds", ".."],
    ),
]


@router.get(
    "/v1/agent",
    response_model=AgentDetail,
    responses=problems(404, 503),
    summary="One agent, by query",
    tags=["agents"],
)
async def get_agent_by_query(agent_id: AgentId, service: Shared) -> dict[str, Any]:
    """Describe one agent, as `/v1/agents/{agent_id}` does."""
    return await agents.get_agent(agent_id, service)


@router.get(
    "/v1/agent/evidence",
    response_model=Evidence,
    responses=problems(404, 503),
    summary="Evidence for the score of an agent, by query",
    tags=["agents"],
)
async def get_agent_evidence_by_query(agent_id: AgentId, service: Shared) -> dict[str, Any]:
    """List the evidence for the score, as `/v1/agents/{agent_id}/evidence` does."""
    return await agents.get_agent_evidence(agent_id, service)


@router.get(
    "/v1/agent/history",
    response_model=History,
    responses=problems(404, 503),
    summary="Scores of an agent over time, by query",
    tags=["agents"],
)
async def get_agent_history_by_query(
    agent_id: AgentId,
    service: Shared,
    mode: Annotated[ModeName | None, Query()] = None,
    days: Annotated[int, Query(ge=1, le=180)] = 30,
) -> dict[str, Any]:
    """Give the score of each of the last days, as `/v1/agents/{agent_id}/history` does."""
    return await agents.get_agent_history(agent_id, service, mode, days)


@router.get(
    "/v1/agent/trust",
    response_model=Trust,
    responses={304: {"description": "The caller already has this answer."}, **problems(503)},
    summary="Trust of one agent, by query",
    tags=["trust"],
)
async def get_agent_trust_by_query(
    request: Request,
    agent_id: AgentId,
    service: Shared,
    mode: Annotated[ModeName | None, Query()] = None,
    operation: Annotated[OperationName | None, Query()] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Answer for an agent, as `/v1/agents/{agent_id}/trust` does."""
    return await look_up.get_agent_trust(request, agent_id, service, mode, operation, if_none_match)
