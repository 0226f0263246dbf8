"""Quarantine and release of an agent: the first call says what it does, the second does it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from pipeline.casework.gates import GateAction, set_gate
from scoring_api.authentication.principal import Principal
from scoring_api.problems import ProblemError
from scoring_api.requests.models import body_as
from scoring_api.routes.agent import AgentId
from scoring_api.routes.answers import json_answer
from scoring_api.schemas.gates import GateAnswer, GateRequest
from scoring_api.service import (
    DESCRIBED,
    AgentPath,
    Service,
    Shared,
    body_of,
    needs,
    problems,
    require_json,
)
from scoring_api.work import at_work

_WRITER = needs("anomaly:write")
router = APIRouter(
    tags=["agents"],
    dependencies=[*DESCRIBED, _WRITER, Depends(require_json)],
    responses=problems(404, 409, 413, 415, 503),
)

Caller = Annotated[Principal, _WRITER]
Preview = Annotated[bool, Query(description="Say what it does, also with a confirmation.")]


@router.post(
    "/v1/agents/{agent_id}/quarantine",
    summary="Quarantine an agent",
    response_model=GateAnswer,
    openapi_extra=body_of(GateRequest),
)
async def quarantine_agent(
    agent_id: AgentPath, request: Request, service: Shared, caller: Caller, preview: Preview = False
) -> Response:
    """Shut the gate of an agent until a person releases it, whatever its score.

    Without `confirm` the answer says what this does, and has a confirmation. With it the gate is
    shut by the worker's next commit. A confirmation holds for five minutes, for the same caller,
    agent and action, while the gate does not change; another one is 409.
    """
    return await _set_gate(service, caller, agent_id, "quarantine", request, preview)


@router.post(
    "/v1/agents/{agent_id}/release",
    summary="Release an agent from quarantine",
    response_model=GateAnswer,
    openapi_extra=body_of(GateRequest),
)
async def release_agent(
    agent_id: AgentPath, request: Request, service: Shared, caller: Caller, preview: Preview = False
) -> Response:
    """Open the gate of an agent, in two steps as its quarantine.

    The evidence stays as it is, also that of a case which a person confirmed.
    """
    return await _set_gate(service, caller, agent_id, "release", request, preview)


@router.post(
    "/v1/agent/quarantine",
    summary="Quarantine an agent, by query",
    response_model=GateAnswer,
    openapi_extra=body_of(GateRequest),
)
async def quarantine_agent_by_query(
    agent_id: AgentId, request: Request, service: Shared, caller: Caller, preview: Preview = False
) -> Response:
    """Shut the gate of an agent, as `/v1/agents/{agent_id}/quarantine` does."""
    return await _set_gate(service, caller, agent_id, "quarantine", request, preview)


@router.post(
    "/v1/agent/release",
    summary="Release an agent from quarantine, by query",
    response_model=GateAnswer,
    openapi_extra=body_of(GateRequest),
)
async def release_agent_by_query(
    agent_id: AgentId, request: Request, service: Shared, caller: Caller, preview: Preview = False
) -> Response:
    """Open the gate of an agent, as `/v1/agents/{agent_id}/release` does."""
    return await _set_gate(service, caller, agent_id, "release", request, preview)


async def _set_gate(
    service: Service,
    caller: Principal,
    agent_id: str,
    action: GateAction,
    request: Request,
    preview: bool,
) -> Response:
    if "\0" in agent_id:
        raise ProblemError(404, "no such agent")
    asked = body_as(GateRequest, await request.body())
    confirm = None if preview else asked.confirm
    return json_answer(
        await at_work(
            service,
            caller,
            lambda desk: set_gate(desk, agent_id, action, asked.reason, confirm),
        )
    )
