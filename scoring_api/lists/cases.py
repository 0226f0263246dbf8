"""Pages of cases; a cursor holds a sort key and a direction."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct, structs

from pipeline.publishing.findings import of_today
from pipeline.store import CASE_COLUMNS, CaseSort, CaseStatus, Place, case_place_of
from scoring_api.lists import cursors
from scoring_api.lists.places import LONGEST_ID, is_place
from scoring_api.problems import ProblemError
from scoring_api.schemas.values import SeverityName
from scoring_api.trust_cache.store_reading import Reading

_Name = Annotated[str, Meta(max_length=LONGEST_ID, pattern=r"^[^\x00]*$")]


class CaseFilters(Struct, array_like=True, frozen=True):
    """Filters of cases; None: no filter."""

    agent_id: _Name | None = None
    severity: Annotated[list[SeverityName], Meta(max_length=64)] | None = None
    status: CaseStatus | None = None
    kind: Annotated[list[_Name], Meta(max_length=64)] | None = None


class CasePageRequest(Struct, array_like=True, frozen=True):
    """A page: the cases after or before a sort key."""

    sort: CaseSort = "severity"
    ascending: bool = False
    place: Place | None = None
    back: bool = False
    filters: CaseFilters = CaseFilters()


def case_page_request(
    cursor: str | None, sort: CaseSort | None, ascending: bool | None, filters: CaseFilters
) -> CasePageRequest:
    """Give the requested page; raise a 400 `ProblemError` for contradictions.

    Without filters in the request, those of the cursor apply.
    """
    if cursor is None:
        return CasePageRequest(sort or "severity", bool(ascending), filters=filters)
    wanted = cursors.take(cursor, CasePageRequest)
    if not is_place(wanted.place, CASE_COLUMNS[wanted.sort]):
        raise ProblemError(400, "cursor must come from an answer of this route")
    if sort not in (None, wanted.sort) or ascending not in (None, wanted.ascending):
        raise ProblemError(400, "cursor has another order: leave out sort and order, or cursor")
    named = {name: one for name, one in structs.asdict(filters).items() if one is not None}
    return structs.replace(wanted, filters=structs.replace(wanted.filters, **named))


def case_page_of(reading: Reading, wanted: CasePageRequest, limit: int) -> dict[str, Any]:
    """Read a page, with the cursors of the next and the previous page."""
    found = list(
        reading.cases(
            sort=wanted.sort,
            ascending=wanted.ascending is not wanted.back,
            after=wanted.place,
            limit=limit + 1,
            **structs.asdict(wanted.filters),
        )
    )
    more, page = len(found) > limit, [of_today(one) for one in found[:limit]]
    if wanted.back:
        page.reverse()
    before, after = (more, True) if wanted.back else (wanted.place is not None, more)
    return {
        "cases": page,
        "next_cursor": _cursor(wanted, page[-1], back=False) if page and after else None,
        "previous_cursor": _cursor(wanted, page[0], back=True) if page and before else None,
    }


def _cursor(wanted: CasePageRequest, case: dict[str, Any], *, back: bool) -> str:
    place = case_place_of(case, wanted.sort)
    return cursors.give(structs.replace(wanted, place=place, back=back))
