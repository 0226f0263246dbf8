"""Pages of anomalies: a place in an order, which a cursor carries both ways."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct, structs

from pipeline.store import COLUMNS, Place, Sort, place_of
from scoring_api.lists import cursors
from scoring_api.problems import ProblemError
from scoring_api.schemas import SeverityName
from scoring_api.trust_cache.store_reading import Reading

_MOST = 2**63 - 1
_LONGEST_ID = 256
_LONGEST_FILTERS = 3072  # as a cursor: with it and the filters a request target stays below 8 KiB

_Name = Annotated[str, Meta(max_length=_LONGEST_ID, pattern=r"^[^\x00]*$")]
_Names = Annotated[list[_Name], Meta(max_length=64)]
_Instant = Annotated[int, Meta(ge=-_MOST, le=_MOST)]


class Filters(Struct, array_like=True, frozen=True):
    """Which anomalies are asked for; None of all."""

    agent_id: _Name | None = None
    severity: Annotated[list[SeverityName], Meta(max_length=64)] | None = None
    kind: _Names | None = None
    not_kind: _Names | None = None
    since_us: _Instant | None = None
    until_us: _Instant | None = None


class Turn(Struct, array_like=True, frozen=True):
    """Which page is asked for: the anomalies after a place in an order, or before it."""

    sort: Sort = "time"
    ascending: bool = False
    place: Place | None = None
    back: bool = False
    filters: Filters = Filters()


def turn_of(
    cursor: str | None, sort: Sort | None, ascending: bool | None, filters: Filters
) -> Turn:
    """Give the page that a request asks for; raises a 400 `ProblemError` where it contradicts.

    The filters of a cursor hold where the request names no other.
    """
    if cursor is None:
        return _bounded(Turn(sort or "time", bool(ascending), filters=filters))
    turn = cursors.take(cursor, Turn)
    if not _is_place(turn):
        raise ProblemError(400, "cursor must be one that this route gave")
    if sort not in (None, turn.sort) or ascending not in (None, turn.ascending):
        raise ProblemError(400, "cursor is of another order: leave out sort and order, or cursor")
    named = {name: one for name, one in structs.asdict(filters).items() if one is not None}
    return _bounded(structs.replace(turn, filters=structs.replace(turn.filters, **named)))


def _bounded(turn: Turn) -> Turn:
    if len(cursors.give(turn.filters)) > _LONGEST_FILTERS:
        raise ProblemError(400, "filters are too long for a cursor: name fewer types")
    return turn


def _is_place(turn: Turn) -> bool:
    if turn.place is None or len(turn.place) != len(COLUMNS[turn.sort]):
        return False
    *numbers, name = turn.place
    return (
        isinstance(name, str)
        and len(name) <= _LONGEST_ID
        and "\0" not in name
        and all(not isinstance(one, str) and abs(one) <= _MOST for one in numbers)
    )


def page_of(reading: Reading, turn: Turn, limit: int) -> dict[str, Any]:
    """Read a page with the cursors that lead on and back.

    A cursor holds a place, not a number of rows. So what arrives meanwhile moves no page.
    """
    found = list(
        reading.anomalies(
            sort=turn.sort,
            ascending=turn.ascending is not turn.back,
            after=turn.place,
            limit=limit + 1,
            **structs.asdict(turn.filters),
        )
    )
    more, page = len(found) > limit, found[:limit]
    if turn.back:
        page.reverse()
    before, after = (more, True) if turn.back else (turn.place is not None, more)
    return {
        "anomalies": page,
        "next_cursor": _cursor(turn, page[-1], back=False) if page and after else None,
        "previous_cursor": _cursor(turn, page[0], back=True) if page and before else None,
    }


def _cursor(turn: Turn, anomaly: dict[str, Any], *, back: bool) -> str:
    return cursors.give(structs.replace(turn, place=place_of(anomaly, turn.sort), back=back))
