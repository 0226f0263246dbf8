"""Pages of anomalies; a cursor holds a sort key and a direction."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct, structs

from pipeline.publishing.findings import of_today
from pipeline.store import COLUMNS, Place, Sort, place_of
from scoring_api.lists import cursors
from scoring_api.lists.places import LONGEST_ID, MAX_NUMBER, is_place
from scoring_api.problems import ProblemError
from scoring_api.schemas.values import SeverityName
from scoring_api.trust_cache.store_reading import Reading

_LONGEST_FILTERS = 3072  # length as a cursor: the request target then stays below 8 KiB

_Name = Annotated[str, Meta(max_length=LONGEST_ID, pattern=r"^[^\x00]*$")]
_Names = Annotated[list[_Name], Meta(max_length=64)]
_Instant = Annotated[int, Meta(ge=-MAX_NUMBER, le=MAX_NUMBER)]


class Filters(Struct, array_like=True, frozen=True):
    """Filters of anomalies; None: no filter."""

    agent_id: _Name | None = None
    severity: Annotated[list[SeverityName], Meta(max_length=64)] | None = None
    kind: _Names | None = None
    not_kind: _Names | None = None
    since_us: _Instant | None = None
    until_us: _Instant | None = None


class PageRequest(Struct, array_like=True, frozen=True):
    """A page: the anomalies after or before a sort key."""

    sort: Sort = "time"
    ascending: bool = False
    place: Place | None = None
    back: bool = False
    filters: Filters = Filters()


def page_request(
    cursor: str | None, sort: Sort | None, ascending: bool | None, filters: Filters
) -> PageRequest:
    """Give the requested page; raise a 400 `ProblemError` for contradictions.

    Without filters in the request, those of the cursor apply.
    """
    if cursor is None:
        return _bounded(PageRequest(sort or "time", bool(ascending), filters=filters))
    wanted = cursors.take(cursor, PageRequest)
    if not is_place(wanted.place, COLUMNS[wanted.sort]):
        raise ProblemError(400, "cursor must come from an answer of this route")
    if sort not in (None, wanted.sort) or ascending not in (None, wanted.ascending):
        raise ProblemError(400, "cursor has another order: leave out sort and order, or cursor")
    named = {name: one for name, one in structs.asdict(filters).items() if one is not None}
    return _bounded(structs.replace(wanted, filters=structs.replace(wanted.filters, **named)))


def _bounded(wanted: PageRequest) -> PageRequest:
    if len(cursors.give(wanted.filters)) > _LONGEST_FILTERS:
        raise ProblemError(400, "filters are too long for a cursor: name fewer types")
    return wanted


def page_of(reading: Reading, wanted: PageRequest, limit: int) -> dict[str, Any]:
    """Read a page, with the cursors of the next and the previous page.

    A cursor holds a sort key, not an offset, so new anomalies do not shift pages.
    """
    found = list(
        reading.anomalies(
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
        "anomalies": page,
        "next_cursor": _cursor(wanted, page[-1], back=False) if page and after else None,
        "previous_cursor": _cursor(wanted, page[0], back=True) if page and before else None,
    }


def _cursor(wanted: PageRequest, anomaly: dict[str, Any], *, back: bool) -> str:
    return cursors.give(structs.replace(wanted, place=place_of(anomaly, wanted.sort), back=back))
