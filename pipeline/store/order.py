"""Sort orders of anomalies, and the sort key of an anomaly in each order."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

from models.event import microseconds
from models.trust.policy import SEVERITIES

if TYPE_CHECKING:
    from pipeline.store.batch import AnomalyRow

Sort = Literal["time", "severity", "rank"]
Place = list[int | float | str]
"""Sort key of an anomaly; the id is last, so keys are unique."""

_URGENCY = {severity: number for number, severity in enumerate(SEVERITIES, 1)}
_WHEN = [f"when '{name}' then {number}" for name, number in [*_URGENCY.items()][:0:-1]]
# Equal to the indexed expressions, letter by letter.
_URGENT = (
    f"(case when status = 'dismissed' then 0 else case severity {' '.join(_WHEN)} else 1 end end)"
)
_RANK = "(coalesce(rank, 0))"
COLUMNS: dict[Sort, tuple[str, ...]] = {
    "time": ("first_us", "id"),
    "rank": (_RANK, "first_us", "id"),
    "severity": (_URGENT, _RANK, "first_us", "id"),
}
"""Sort expressions of each order; dismissed anomalies are last by severity."""


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
