"""Cases: what people read, the most severe and rarest first."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from pipeline.casework.comments import with_comments
from pipeline.publishing.findings import of_today
from pipeline.store import CaseSort, CaseStatus
from scoring_api.lists.cases import (
    CaseFilters,
    case_page_of,
    case_page_request,
)
from scoring_api.lists.kinds import Kinds, check_kinds
from scoring_api.problems import ProblemError
from scoring_api.routes.answers import NO_NUL, json_answer
from scoring_api.schemas.cases import CasePage, CaseWithComments
from scoring_api.schemas.values import SeverityName
from scoring_api.service import DESCRIBED, Shared, needs, problems
from scoring_api.trust_cache.store_reading import Reading

router = APIRouter(tags=["cases"], dependencies=[*DESCRIBED, needs("anomaly:read")])

CaseId = Annotated[str, Path(min_length=1, max_length=256, pattern=NO_NUL)]


@router.get(
    "/v1/cases",
    summary="Cases, page by page",
    response_model=CasePage,
    responses=problems(503),
)
async def list_cases(
    service: Shared,
    agent: Annotated[str | None, Query(pattern=NO_NUL, max_length=256)] = None,
    severity: Annotated[list[SeverityName] | None, Query(description="One or more.")] = None,
    status: Annotated[CaseStatus | None, Query(description="Open, closed, or suppressed.")] = None,
    kind: Kinds = None,
    sort: Annotated[
        CaseSort | None,
        Query(description="`severity` by default; `last` sorts by the latest event."),
    ] = None,
    order: Annotated[Literal["desc", "asc"] | None, Query(description="`desc` by default.")] = None,
    cursor: Annotated[str | None, Query(max_length=4096)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """List cases, the most severe first, and the rarest first among equals.

    Closed cases come last. Suppressed ones are listed only with `status=suppressed`. `agent` finds
    every case with an event of the agent, and `kind` every case with a finding of the type,
    whatever leads it. A case that grows may move to a page already read; the first page then shows
    it. A cursor holds its order, and its filters unless the request has others.
    """
    check_kinds(kind)
    service.cache.require_ready()
    filters = CaseFilters(agent, severity, status, kind)
    ascending = None if order is None else order == "asc"
    wanted = case_page_request(cursor, sort, ascending, filters)
    return json_answer(
        await service.cache.read(lambda: case_page_of(service.reading, wanted, limit))
    )


@router.get(
    "/v1/cases/{case_id}",
    summary="One case",
    response_model=CaseWithComments,
    responses=problems(404, 503),
)
async def get_case(case_id: CaseId, service: Shared) -> Response:
    """Give one case with its signals, reasons, newest events, sessions, traces and comments."""
    service.cache.require_ready()
    found = await service.cache.read(lambda: _case(service.reading, case_id))
    if found is None:
        raise ProblemError(404, "no such case")
    return json_answer(found)


def _case(reading: Reading, case_id: str) -> dict[str, Any] | None:
    found = reading.case(case_id)
    return None if found is None else with_comments(of_today(found), reading.audit)
