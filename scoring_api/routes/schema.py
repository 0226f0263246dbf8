"""The JSON Schema of a native event, for senders."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Final

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response

from pipeline.events.schema import rendered
from scoring_api.service import open_problems
from scoring_api.trust_cache.fast_path import not_modified

router = APIRouter(tags=["actions"])

_BODY: Final = rendered()
_TAG: Final = f'"{sha256(_BODY).hexdigest()[:32]}"'
_HEADERS: Final = {"ETag": _TAG, "Cache-Control": "public, max-age=3600"}
_MEDIA_TYPE: Final = "application/schema+json"


@router.get(
    "/v1/schema/event.json",
    summary="Schema of a native event",
    response_class=Response,
    responses={
        200: {
            "description": "JSON Schema, draft 2020-12.",
            "content": {_MEDIA_TYPE: {"schema": {"type": "object"}}},
        },
        304: {"description": "The caller already has this schema."},
        **open_problems(),
    },
)
async def get_event_schema(
    request: Request, if_none_match: Annotated[str | None, Header()] = None
) -> Response:
    """Give the JSON Schema of the events of `POST /v1/actions`.

    It contains no data of the installation, so it needs no credential.
    """
    condition = ", ".join(request.headers.getlist("if-none-match")) if if_none_match else ""
    if condition and not_modified(condition.encode("latin-1"), _TAG.encode()):
        return Response(status_code=304, headers=_HEADERS)
    return Response(_BODY, media_type=_MEDIA_TYPE, headers=_HEADERS)
