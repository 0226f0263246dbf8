"""Sort orders of anomalies and cases, and the sort key of a row in each order."""

from __future__ import annotations

from datetime import datetime
from math import log2
from typing import TYPE_CHECKING, Literal

from models.event import microseconds
from models.trust.policy import SEVERITIES

if TYPE_CHECKING:
    from pipeline.store.batch import AnomalyRow, CaseRow

Sort = Literal["time", "severity", "rank"]
CaseSort = Literal["severity", "last"]
CaseStatus = Literal["open", "closed", "suppressed"]
Place = list[int | float | str]
"""Sort key of a row; the id is last, so keys are unique."""

_URGENCY = {severity: number for number, severity in enumerate(SEVERITIES, 1)}
_WHEN = [f"when '{name}' then {number}" for name, number in [*_URGENCY.items()][:0:-1]]
# Equal to the indexed expressions, letter by letter.
_SEVERITY = f"case severity {' '.join(_WHEN)} else 1 end"
_URGENT = f"(case when status = 'dismissed' then 0 else {_SEVERITY} end)"
_URGENT_CASE = f"(case when status <> 'open' then 0 else {_SEVERITY} end)"
_RANK = "(coalesce(rank, 0))"
COLUMNS: dict[Sort, tuple[str, ...]] = {
    "time": ("first_us", "id"),
    "rank": (_RANK, "first_us", "id"),
    "severity": (_URGENT, _RANK, "first_us", "id"),
}
"""Sort expressions of each order; dismissed anomalies are last by severity."""
CASE_COLUMNS: dict[CaseSort, tuple[str, ...]] = {
    "last": ("last_us", "id"),
    "severity": (_URGENT_CASE, _RANK, "last_us", "id"),
}
"""The same of cases: the queue, by severity and in it by return period, and the latest first."""


def place_of(anomaly: AnomalyRow, sort: Sort) -> Place:
    """Give the sort key of an anomaly; it uses the time of the first event, which never changes.

    >>> a = {"id": "an-1", "time": "1970-01-01T00:00:01Z", "severity": "high", "rank": 2.5}
    >>> place_of(a, "time"), place_of(a, "severity")
    ([1000000, 'an-1'], [3, 2.5, 1000000, 'an-1'])
    """
    place: Place = [first_us(anomaly), anomaly["id"]]
    if sort == "time":
        return place
    place = [float(anomaly.get("rank") or 0.0), *place]
    if sort == "rank":
        return place
    dismissed = anomaly.get("status") == "dismissed"
    return [0 if dismissed else _URGENCY.get(anomaly["severity"], 1), *place]


def first_us(anomaly: AnomalyRow) -> int:
    """Give the time of the first event of an anomaly."""
    return microseconds(datetime.fromisoformat(anomaly.get("first_time") or anomaly["time"]))


def case_place_of(case: CaseRow, sort: CaseSort) -> Place:
    """Give the sort key of a case.

    >>> case = {"case_id": "C-1", "last": "1970-01-01T00:00:01Z", "severity": "high"}
    >>> case |= {"status": "open", "return_period_days": 8.0}
    >>> case_place_of(case, "last"), case_place_of(case, "severity")
    ([1000000, 'C-1'], [3, 3.0, 1000000, 'C-1'])
    """
    place: Place = [last_us(case), case["case_id"]]
    if sort == "last":
        return place
    urgency = _URGENCY[case["severity"]] if case["status"] == "open" else 0
    return [urgency, case_rank(case) or 0.0, *place]


def case_rank(case: CaseRow) -> float | None:
    """Give ``log2`` of the return period of a case; None while it is unknown."""
    days = case["return_period_days"]
    return None if days is None else log2(days)


def last_us(case: CaseRow) -> int:
    """Give the time of the latest event of a case."""
    return microseconds(datetime.fromisoformat(case["last"]))
