"""Security event tokens that transmitters push (RFC 8935)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response

from models.errors import HabitusError
from scoring_api.authentication.principal import Principal
from scoring_api.problems import ProblemError
from scoring_api.routes.answers import NO_STORE, json_answer
from scoring_api.schemas.exports import SetRefused
from scoring_api.service import DESCRIBED, Shared, media_of, needs, problems
from scoring_api.signals.verification import KeysUnavailable, SetError

_WRITER = needs("signals:write")  # runs before the request is read; called once
router = APIRouter(tags=["security events"], dependencies=[*DESCRIBED, _WRITER])

MEDIA = "application/secevent+jwt"
_TOKEN = {"type": "string", "format": "binary", "description": "A signed token, compact form."}
_BODY = {"requestBody": {"required": True, "content": {MEDIA: {"schema": _TOKEN}}}}
_RESPONSES = problems(404, 413, 503)
_RESPONSES[400] = _RESPONSES[400] | {
    "model": SetRefused,
    "content": _RESPONSES[400]["content"]
    | {"application/json": {"schema": {"$ref": "#/components/schemas/SetRefused"}}},
}


@router.post(
    "/v1/ssf/events",
    summary="Security event tokens",
    status_code=202,
    response_class=Response,
    responses=_RESPONSES,
    openapi_extra=_BODY,
)
async def post_security_event(
    request: Request, service: Shared, caller: Annotated[Principal, _WRITER]
) -> Response:
    """Accept a token of a trusted transmitter (CAEP, RISC); it is stored before the answer.

    A token that was accepted before is accepted again, and counts once. A refused one is 400 with
    an error code of RFC 8935.
    """
    if caller.bindings:
        raise ProblemError(403, "a credential of some agents alone may not report security events")
    if not service.signals.verifiers:
        raise ProblemError(404, "no transmitter is trusted: HABITUS_SSF_TRANSMITTERS is not set")
    media = media_of(request)
    body = await request.body()
    try:
        if media != MEDIA:
            raise SetError("invalid_request", f"the body must be {MEDIA}")
        await service.signals.pushed(body)
    except SetError as error:
        return json_answer(error.body, 400)
    except KeysUnavailable:
        raise ProblemError(
            503, "the key set of the transmitter cannot be used now", {"Retry-After": "30"}
        ) from None
    except HabitusError:
        raise ProblemError(503, "the store cannot accept tokens now") from None
    return Response(status_code=202, headers=NO_STORE)
