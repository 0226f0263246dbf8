"""What people write to cases: decisions, taking one back, and comments."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from models.event import microseconds
from pipeline.casework.comments import comment
from pipeline.casework.deciding import decide
from scoring_api.authentication.principal import Principal
from scoring_api.requests.models import body_as
from scoring_api.routes.answers import json_answer
from scoring_api.routes.cases import CaseId
from scoring_api.routes.suppressions import scope_of
from scoring_api.schemas.cases import Comment
from scoring_api.schemas.decisions import CommentRequest, DispositionRequest, Effect, UndoRequest
from scoring_api.service import DESCRIBED, Shared, body_of, needs, problems, require_json
from scoring_api.work import at_work

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
    agents shuts. `unclear` is a note and changes nothing else. All others close the case. An
    `expected_change` with `scope` and `until` also suppresses further cases, as
    `POST /v1/suppressions` does. The worker applies a decision in its next commit. Another version
    than the newest, or one with a decision, is 409 with the newest case. The audit log keeps the
    subject of the credential.
    """
    asked = body_as(DispositionRequest, await request.body())
    scope = None if asked.scope is None else scope_of(asked.scope)
    until_us = None if asked.until is None else microseconds(asked.until)
    return json_answer(
        await at_work(
            service,
            caller,
            lambda desk: decide(
                desk, case_id, asked.version, asked.disposition, asked.reason,
                scope=scope, until_us=until_us, preview=preview,
            ),
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

    The evidence counts again, values wait again, the case opens again, a gate that the decision
    shut opens, and a suppression that it made ends. A case without a decision is 409 with the
    newest case.
    """
    asked = body_as(UndoRequest, await request.body())
    return json_answer(
        await at_work(
            service,
            caller,
            lambda desk: decide(desk, case_id, asked.version, None, asked.reason, preview=preview),
        )
    )


@router.post(
    "/v1/cases/{case_id}/comments",
    summary="Comment on a case",
    response_model=Comment,
    responses=problems(404, 409, 413, 415, 503),
    dependencies=[Depends(require_json)],
    openapi_extra=body_of(CommentRequest),
)
async def comment_case(
    case_id: CaseId, request: Request, service: Shared, caller: Annotated[Principal, _WRITER]
) -> Response:
    """Add a comment, at most 2,000 characters; a case has at most 200.

    `GET /v1/cases/{case_id}` lists them. A comment changes no version of the case.
    """
    asked = body_as(CommentRequest, await request.body())
    return json_answer(
        await at_work(service, caller, lambda desk: comment(desk, case_id, asked.text))
    )
