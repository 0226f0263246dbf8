"""OTLP over HTTP: traces and logs of agents, as every exporter sends them."""

from __future__ import annotations

import zlib
from asyncio import to_thread
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response

from models.errors import HabitusError, MalformedEvent
from scoring_api.authentication.principal import Principal
from scoring_api.problems import ProblemError
from scoring_api.requests.otlp_answers import JSON, PROTOBUF, Signal, accepted
from scoring_api.routes.receivers.hooks import reporter_of
from scoring_api.schemas.otlp import OtlpAnswer, OtlpStatus
from scoring_api.service import DESCRIBED, Shared, media_of, needs, problems

_WRITER = needs("actions:write")  # runs before the request is read; called once
router = APIRouter(tags=["otlp"], dependencies=[*DESCRIBED, _WRITER])

MAX_PLAIN = 16 << 20
"""Most bytes of a payload that was compressed."""
MAX_MEMBERS = 100
"""Most members of a gzip: each one copies what is left of the body."""
_ENVELOPES: dict[Signal, str] = {"traces": "resourceSpans", "logs": "resourceLogs"}
_FORMATS = {
    ("traces", JSON): "otlp", ("logs", JSON): "otlp",
    ("traces", PROTOBUF): "otlp-proto-traces", ("logs", PROTOBUF): "otlp-proto-logs",
}  # fmt: skip
_BODY = {
    "requestBody": {
        "required": True,
        "content": {JSON: {"schema": {"type": "object"}}},
    }
}
_STATUS = {JSON: {"schema": {"$ref": "#/components/schemas/OtlpStatus"}}}
_RESPONSES = {
    status: problem | {"model": OtlpStatus, "content": problem["content"] | _STATUS}
    for status, problem in problems(413, 415, 503).items()
}


@router.post(
    "/v1/traces",
    summary="Spans of agents",
    response_model=OtlpAnswer,
    responses=_RESPONSES,
    openapi_extra=_BODY,
)
async def post_traces(
    request: Request, service: Shared, caller: Annotated[Principal, _WRITER]
) -> Response:
    """Accept an OTLP payload of spans: JSON, or `application/x-protobuf`; with gzip or without.

    Spans of tools become events; the agent is that of the nearest span with one, else the service.
    Spans that cannot be used are counted in `partialSuccess`. Every error is a `Status` in the
    encoding of the request; send again after 429, 502, 503 and 504 only.
    """
    return await _take("traces", request, service, caller)


@router.post(
    "/v1/logs",
    summary="Log records of agents",
    response_model=OtlpAnswer,
    responses=_RESPONSES,
    openapi_extra=_BODY,
)
async def post_logs(
    request: Request, service: Shared, caller: Annotated[Principal, _WRITER]
) -> Response:
    """Accept an OTLP payload of log records, as `POST /v1/traces` accepts spans.

    Claude Code, Codex and Gemini CLI report their calls as log records.
    """
    return await _take("logs", request, service, caller)


async def _take(signal: Signal, request: Request, service: Shared, caller: Principal) -> Response:
    media = media_of(request)
    fmt = _FORMATS.get((signal, media))
    if fmt is None:
        raise ProblemError(415, f"the body must be {JSON} or {PROTOBUF}")
    if caller.bindings:
        raise ProblemError(403, "a credential of some agents alone may not report OTLP")
    try:
        body = _plain(await request.body(), request.headers.get("content-encoding", ""))
        found = await to_thread(service.examine, fmt, body)
    except MalformedEvent as error:
        raise ProblemError(400, str(error)) from None
    if others := found.signals - {signal}:
        got = ", ".join(sorted(others))
        raise ProblemError(400, f"expected `{_ENVELOPES[signal]}` at $, got {got}")
    reporter = reporter_of(caller)
    try:
        await service.cache.read(lambda: service.reading.report(fmt, reporter, [body]))
    except HabitusError:
        raise ProblemError(
            503, "the store cannot accept payloads now", {"Retry-After": "5"}
        ) from None
    return accepted(signal, media, found.rejected, found.detail)


def _plain(body: bytes, encoding: str) -> bytes:
    """Decompress all members of a body; raise for more than `MAX_PLAIN` bytes."""
    encoding = encoding.lower()
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise ProblemError(415, "the content encoding must be gzip or none")
    plain = bytearray()
    for _ in range(MAX_MEMBERS):
        unpack = zlib.decompressobj(31)
        try:
            plain += unpack.decompress(body, MAX_PLAIN + 1 - len(plain))
        except zlib.error:
            raise MalformedEvent("malformed_json", "the body is no gzip") from None
        if len(plain) > MAX_PLAIN:
            raise ProblemError(413, f"a payload has at most {MAX_PLAIN} bytes")
        if not unpack.eof:
            raise MalformedEvent("malformed_json", "the gzip ends too early")
        body = unpack.unused_data
        if not body:
            return bytes(plain)
    raise ProblemError(413, f"a gzip has at most {MAX_MEMBERS} members")
