"""The latest events with their assessment."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from fastapi.responses import Response
from msgspec import Meta

from scoring_api.clock import wall_us
from scoring_api.lists import cursors
from scoring_api.routes.answers import json_answer
from scoring_api.schemas.anomalies import EventPage
from scoring_api.service import DESCRIBED, Service, Shared, needs, problems

router = APIRouter(tags=["events"], dependencies=[*DESCRIBED, needs("anomaly:read")])

_Number = Annotated[int, Meta(ge=1, le=(1 << 63) - 1)]
_SECOND_US = 1_000_000


@router.get(
    "/v1/events",
    summary="The latest events, page by page",
    response_model=EventPage,
    responses=problems(503),
)
async def list_events(
    service: Shared,
    cursor: Annotated[str | None, Query(max_length=256)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """List the latest events in the native format, in the order of judgement, the newest first.

    `assessment` holds what `habitus replay` writes of an event, without its trust. The settings
    `HABITUS_RECENT_EVENTS` and `HABITUS_RECENT_EVENTS_S` bound their number and age. Arguments,
    purposes, values of origins and most attributes are listed only with `HABITUS_RECENT_CONTENT`.
    """
    before = None if cursor is None else cursors.take(cursor, _Number)
    service.cache.require_ready()
    return json_answer(await service.cache.read(lambda: _page(service, before, limit)))


def _page(service: Service, before: int | None, limit: int) -> dict[str, Any]:
    since_us = wall_us() - service.config.recent_events_s * _SECOND_US
    rows = service.reading.recent_events(before, since_us, limit + 1)
    page = rows[:limit]
    return {
        "events": [msgspec.Raw(value) for _, value in page],
        "next_cursor": cursors.give(page[-1][0]) if len(rows) > limit else None,
    }
