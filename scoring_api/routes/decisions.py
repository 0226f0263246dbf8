"""Decisions about cases: benign, expected change, malicious or unclear, and taking one back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from models.errors import HabitusError
from models.event import microseconds, rfc3339
from pipeline.processing.judging.decided_cases import effect_of
from pipeline.store.registers.decisions import Decision
from scoring_api.authentication.principal import Principal
from scoring_api.clock import wall_us
from scoring_api.problems import ProblemError
from scoring_api.requests.models import body_as
from scoring_api.routes.answers import json_answer
from scoring_api.routes.cases import CaseId
from scoring_api.schemas.decisions import DispositionRequest, Effect, UndoRequest
from scoring_api.schemas.values import DispositionName
from scoring_api.service import DESCRIBED, Shared, body_of, needs, problems, require_json

_WRITER = needs("anomaly:write")  # runs before the request is read; called once
router = APIRouter(tags=["cases"], dependencies=[*DESCRIBED, _WRITER])

_PREVIEW = Query(description="Give the effect, and save nothing.")


@router.post(
    "/v1/cases/{case_id}/disposition",
    summary="Decide about a case",
    response_model=Effect,
    responses=problems(404, 409, 413, 415, 503),
    dependencies=[Depends(require_json)],
    openapi_extra=body_of(DispositionRequest),
)
async def decide_case(
    case_id: CaseId,
    request: Request,
    service: Shared,
    caller: Annotated[Principal, _WRITER],
    preview: Annotated[bool, _PREVIEW] = False,
) -> Response:
    """Decide about the newest version of a case, and give the effect on the agent that opened it.

    `benign` and `expected_change` dismiss the evidence and release values that wait to be learned.
    `malicious` confirms the evidence: a case of high severity becomes critical, and the gate of its
    agents shuts. `unclear` is a note and changes nothing else. All others close the case. The
    worker applies a decision in its next commit. Another version than the newest, or one with a
    decision, is 409 with the newest case. The log keeps the subject of the credential.
    """
    asked = body_as(DispositionRequest, await request.body())
    until = None if asked.until is None else rfc3339(microseconds(asked.until))
    return json_answer(
        await _decide(
            service, case_id, asked.version, asked.disposition, asked.reason, caller.subject,
            preview, scope=asked.scope, until=until,
        )
    )  # fmt: skip


@router.post(
    "/v1/cases/{case_id}/undo",
    summary="Take a decision back",
    response_model=Effect,
    responses=problems(404, 409, 413, 415, 503),
    dependencies=[Depends(require_json)],
    openapi_extra=body_of(UndoRequest),
)
async def undo_case(
    case_id: CaseId,
    request: Request,
    service: Shared,
    caller: Annotated[Principal, _WRITER],
    preview: Annotated[bool, _PREVIEW] = False,
) -> Response:
    """Take the latest decision about a case back, and give the effect.

    The evidence counts again, values wait again, the case opens again, and a gate that the decision
    shut opens. A case without a decision is 409 with the newest case.
    """
    asked = body_as(UndoRequest, await request.body())
    return json_answer(
        await _decide(service, case_id, asked.version, None, asked.reason, caller.subject, preview)
    )


async def _decide(
    service: Shared,
    case_id: str,
    version: int,
    disposition: DispositionName | None,
    reason: str,
    by: str,
    preview: bool,
    *,
    scope: dict[str, str] | None = None,
    until: str | None = None,
) -> dict[str, Any]:
    """Compute the effect of a decision; save it unless it is a preview."""
    service.cache.require_ready()
    reading, policy = service.reading, service.cache.policy

    def decide() -> dict[str, Any]:
        case = reading.case(case_id)
        if case is None:
            raise ProblemError(404, "no such case")
        if version != case["version"]:
            raise _conflict("version is not that of the newest case", case)
        if disposition is None and case["disposition"] is None:
            raise _conflict("the case has no decision to take back", case)
        agent_id = case["agent_id"]
        decision = Decision(
            case_id, version, agent_id, disposition, by, wall_us(), reason, scope, until
        )
        states, held = reading.states(agent_id), reading.held(agent_id)
        effect = effect_of(case, decision, states, held, policy)
        if not preview and not reading.decisions.add(decision):
            raise _conflict("this version of the case has a decision already", case)
        return effect

    try:
        return await service.cache.read(decide)
    except HabitusError:
        raise ProblemError(503, "the store cannot save decisions now; nothing was saved") from None


def _conflict(why: str, case: dict[str, Any]) -> ProblemError:
    return ProblemError(409, f"{why}; read it again, then decide", members={"case": case})
