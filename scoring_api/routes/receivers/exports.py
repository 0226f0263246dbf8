"""Payloads that frameworks and gateways post by themselves."""

from __future__ import annotations

from asyncio import to_thread
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response

from models.errors import HabitusError, MalformedEvent
from scoring_api.authentication.principal import Principal
from scoring_api.problems import ProblemError
from scoring_api.routes.answers import json_answer
from scoring_api.routes.receivers.hooks import reporter_of
from scoring_api.schemas.exports import Received
from scoring_api.service import DESCRIBED, Service, Shared, media_of, needs, problems

_WRITER = needs("actions:write")  # runs before the request is read; called once
router = APIRouter(tags=["exports"], dependencies=[*DESCRIBED, _WRITER])

_EXPECTED = {
    "litellm": "logging payloads of LiteLLM, each an object with `id` and `call_type`",
    "openai-agents": "`data` with traces and spans, each an object with `object` and `id`",
}
_MEDIA = ("application/json", "application/x-ndjson")
_SCHEMA = {
    "description": "One record, several of them, or a record a line.",
    "anyOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}, "minItems": 1}],
}
_BODY = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": _SCHEMA}}},
}


@router.post(
    "/v1/litellm",
    summary="Records of LiteLLM",
    status_code=202,
    response_model=Received,
    responses=problems(413, 415, 503),
    openapi_extra=_BODY,
)
async def post_litellm(
    request: Request, service: Shared, caller: Annotated[Principal, _WRITER]
) -> Response:
    """Accept what the callback `generic_api` of LiteLLM sends: an array, lines, or one record."""
    return await _take("litellm", request, service, caller)


@router.post(
    "/v1/openai-traces",
    summary="Traces of the OpenAI Agents SDK",
    status_code=202,
    response_model=Received,
    responses=problems(413, 415, 503),
    openapi_extra=_BODY,
)
async def post_openai_traces(
    request: Request, service: Shared, caller: Annotated[Principal, _WRITER]
) -> Response:
    """Accept what `BackendSpanExporter` of the OpenAI Agents SDK sends."""
    return await _take("openai-agents", request, service, caller)


async def _take(fmt: str, request: Request, service: Service, caller: Principal) -> Response:
    media = media_of(request)
    if media not in _MEDIA:
        raise ProblemError(415, f"the body must be {' or '.join(_MEDIA)}")
    if caller.bindings:
        raise ProblemError(403, "a credential of some agents alone may not report them")
    body, reporter = await request.body(), reporter_of(caller)
    try:
        found = await to_thread(service.examine, fmt, body)
    except MalformedEvent as error:
        raise ProblemError(400, f"expected {_EXPECTED[fmt]}: {error}") from None
    if found.rejected == found.records:
        fault = f": {found.detail}" if found.faults else ", got no record"
        raise ProblemError(400, f"expected {_EXPECTED[fmt]}{fault}")
    try:
        await service.cache.read(lambda: service.reading.report(fmt, reporter, [body]))
    except HabitusError:
        raise ProblemError(503, "the store cannot accept payloads now") from None
    return json_answer(
        {"received": found.records, "rejected": found.rejected, "detail": found.detail}, 202
    )
