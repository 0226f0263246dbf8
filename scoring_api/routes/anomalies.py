"""What is unusual, why, against what, and how sure: for analysts."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import AwareDatetime

from models.event import microseconds
from scoring_api import cursors
from scoring_api.problems import ProblemError
from scoring_api.schemas import Anomaly, AnomalyPage, SeverityName
from scoring_api.service import DESCRIBED, Shared, needs, problems

router = APIRouter(tags=["anomalies"], dependencies=[*DESCRIBED, needs("anomaly:read")])

NO_STORE = {"Cache-Control": "no-store"}


def _json(content: Any) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json", headers=NO_STORE)


@router.get(
    "/v1/anomalies",
    summary="Anomalies, the newest first",
    response_model=AnomalyPage,
    responses=problems(503),
)
async def list_anomalies(
    service: Shared,
    agent: Annotated[str | None, Query(max_length=256)] = None,
    severity: Annotated[SeverityName | None, Query()] = None,
    kind: Annotated[str | None, Query(max_length=128, description="Type of anomaly.")] = None,
    since: Annotated[AwareDatetime | None, Query(description="Event time, with zone.")] = None,
    cursor: Annotated[str | None, Query(max_length=2048)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """List anomalies, the newest first."""
    service.cache.require_ready()
    before = cursors.take(cursor, str) if cursor else None
    found = await service.cache.read(
        lambda: service.reading.anomalies(
            agent_id=agent,
            severity=severity,
            kind=kind,
            since_us=microseconds(since) if since is not None else None,
            before=before,
            limit=limit + 1,
        )
    )
    page = list(found[:limit])
    following = cursors.give(page[-1]["id"]) if len(found) > limit else None
    return _json({"anomalies": page, "next_cursor": following})


@router.get(
    "/v1/anomalies/{anomaly_id}",
    summary="One anomaly",
    response_model=Anomaly,
    responses=problems(404, 503),
)
async def get_anomaly(
    anomaly_id: Annotated[str, Path(min_length=1, max_length=256)], service: Shared
) -> Response:
    """Give one anomaly with its reasons, tags and the position of its evidence."""
    service.cache.require_ready()
    found = await service.cache.read(lambda: service.reading.anomaly(anomaly_id))
    if found is None:
        raise ProblemError(404, "no such anomaly")
    return _json(found)
