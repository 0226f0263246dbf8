"""Anomalies with reasons, expected values and certainty, for analysts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import AwareDatetime

from models.event import microseconds
from pipeline.processing.shadow_findings import with_members
from pipeline.publishing.findings import of_today
from pipeline.store import Sort
from scoring_api.lists.anomalies import Filters, page_of, page_request
from scoring_api.lists.kinds import Kind, Kinds, check_kinds
from scoring_api.problems import ProblemError
from scoring_api.routes.answers import NO_NUL, json_answer
from scoring_api.schemas.anomalies import AnomalyPage, OpenedAnomaly
from scoring_api.schemas.values import SeverityName
from scoring_api.service import DESCRIBED, Shared, needs, problems

router = APIRouter(tags=["anomalies"], dependencies=[*DESCRIBED, needs("anomaly:read")])


@router.get(
    "/v1/anomalies",
    summary="Anomalies, page by page",
    response_model=AnomalyPage,
    responses=problems(503),
)
async def list_anomalies(
    service: Shared,
    agent: Annotated[str | None, Query(pattern=NO_NUL, max_length=256)] = None,
    severity: Annotated[list[SeverityName] | None, Query(description="One or more.")] = None,
    kind: Kinds = None,
    not_kind: Annotated[
        list[Kind] | None,
        Query(max_length=64, description="Types to leave out, e.g. `identity.shadow`."),
    ] = None,
    since: Annotated[
        AwareDatetime | None, Query(description="With an event at or after this time.")
    ] = None,
    until: Annotated[
        AwareDatetime | None, Query(description="With an event before this time.")
    ] = None,
    sort: Annotated[
        Sort | None, Query(description="`time` (of the first event) by default.")
    ] = None,
    order: Annotated[Literal["desc", "asc"] | None, Query(description="`desc` by default.")] = None,
    cursor: Annotated[str | None, Query(max_length=4096)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """List anomalies, the newest first.

    Times need a zone. `sort=time` sorts by the first event, so a growing anomaly keeps its
    position. `sort=severity` puts dismissed anomalies last, and the highest rank first among
    equals. An anomaly that becomes more urgent may move to a page already read; the first page then
    shows it. A cursor holds its order, and its filters unless the request has others. New anomalies
    do not shift pages. `since` and `until` select anomalies that have an event between them or span
    them. `kind` selects those with a finding of the type, whatever leads them, and `not_kind`
    leaves out those that it leads. A finding of several agents has `agents`, and `agent` finds it
    for each of them.
    """
    check_kinds([*(kind or ()), *(not_kind or ())])
    service.cache.require_ready()
    filters = Filters(
        agent,
        severity,
        kind,
        not_kind,
        microseconds(since) if since is not None else None,
        microseconds(until) if until is not None else None,
    )
    wanted = page_request(cursor, sort, None if order is None else order == "asc", filters)
    page = await service.cache.read(lambda: page_of(service.reading, wanted, limit))
    return json_answer(page)


@router.get(
    "/v1/anomalies/{anomaly_id}",
    summary="One anomaly",
    response_model=OpenedAnomaly,
    responses=problems(404, 503),
)
async def get_anomaly(
    anomaly_id: Annotated[str, Path(min_length=1, max_length=256)], service: Shared
) -> Response:
    """Give one anomaly with its reasons, tags and positions of its events.

    A finding of several agents also lists their first 1,000 ids in order (`agents.members`).
    """
    service.cache.require_ready()

    def read() -> dict[str, Any] | None:
        known = service.reading.anomaly(anomaly_id)
        return None if known is None else with_members(of_today(known), service.reading)

    found = await service.cache.read(read)
    if found is None:
        raise ProblemError(404, "no such anomaly")
    return json_answer(found)
