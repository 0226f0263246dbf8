"""Events over HTTP, for installations without a broker."""

from __future__ import annotations

from asyncio import to_thread
from collections import Counter
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from models.errors import HabitusError
from models.event import Event
from pipeline.events.schema import EXAMPLES
from scoring_api.authentication.principal import Principal
from scoring_api.problems import ProblemError
from scoring_api.requests.batches import separate, split
from scoring_api.requests.clients import client_of
from scoring_api.schemas.actions import STATUSES, ActionResults
from scoring_api.service import DESCRIBED, Shared, needs, problems, require_json

_WRITER = needs("actions:write")  # runs before the request is read; called once
router = APIRouter(tags=["actions"], dependencies=[*DESCRIBED, _WRITER])

_EVENT = {"$ref": "#/components/schemas/Event"}
_BATCH = {"$ref": "#/components/schemas/EventBatch"}
_MIN, _FULL = EXAMPLES["least"], EXAMPLES["full"]
_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "anyOf": [_EVENT, _BATCH, {"type": "array", "items": _EVENT, "maxItems": 1000}]
            },
            "examples": {
                "event": {"summary": "One event", "value": _MIN},
                "batch": {"summary": "Several events", "value": {"events": [_MIN, _FULL]}},
                "array": {"summary": "Several events as an array", "value": [_MIN, _FULL]},
            },
        }
    },
}


@router.post(
    "/v1/actions",
    summary="Events in",
    status_code=202,
    response_model=ActionResults,
    responses=problems(413, 415, 422, 503),
    dependencies=[Depends(require_json)],
    openapi_extra={"requestBody": _BODY},
)
async def post_actions(
    request: Request, service: Shared, caller: Annotated[Principal, _WRITER]
) -> Any:
    """Accept native events: one, an array, or `{"events": […]}`, up to 1000 of 1 MiB each.

    Each event has its own result. `accepted`: it is judged. `duplicate`: the agent sent the same
    content under this id before, and nothing changes. `conflict`: the agent used this id for other
    content; the event is judged separately and is a finding. `rejected`: it is invalid. Accepted
    and conflicting events are stored durably before the answer, with marks in place of
    credentials. An event of an agent that the
    credential may not report is rejected as `not_permitted`. If every event is rejected, the answer
    is 422 with the results. Only a body that cannot be parsed is 400. Unknown members are kept in
    `attributes`, and listed in `warnings`.
    """
    body = await request.body()
    items = await to_thread(split, body, service.config.max_batch)

    def permitted(item: bytes) -> tuple[Event, tuple[str, ...]]:
        event, unknown = service.validate(item)
        caller.check_report(event.agent.id)
        return event, unknown

    def take() -> Any:
        found = separate(items, permitted, service.config.max_event)
        if found.good:
            found.kept(service.reading.inbox([service.hide(one) for one in found.good]))
        return found

    try:
        found = await service.cache.read(take)
    except HabitusError:
        raise ProblemError(
            503, "the store cannot accept events now; no event of this batch was stored"
        ) from None
    for result in found.results:
        service.metrics.actions.labels(result.status, result.reason or "").inc()
    others = sum(result.reason == "not_permitted" for result in found.results)
    if others:
        service.auth.refusals.not_permitted(client_of(request.scope), caller, others)
    count = Counter(result.status for result in found.results)
    rejected = count["rejected"]
    if items and rejected == len(items):
        raise ProblemError(
            422,
            f"every event was rejected ({rejected}), expected at least one that can be accepted",
            members={"results": [result.model_dump() for result in found.results]},
        )
    return {
        **{status: count[status] for status in STATUSES},
        "results": found.results,
        "warnings": found.warnings,
    }
