"""The orders in which anomalies are listed, and the place of one in each of them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

from models.event import microseconds

if TYPE_CHECKING:
    from pipeline.store.batch import AnomalyRow

Sort = Literal["time", "severity", "rank"]
Place = list[int | float | str]
"""What an order compares, the id last: no two anomalies have the same place."""

_URGENCY = {"critical": 4, "high": 3, "medium": 2, "low": 1}
# As the indexes have them, letter by letter.
_URGENT = (
    "(case when status = 'dismissed' then 0 else case severity "
    "when 'critical' then 4 when 'high' then 3 when 'medium' then 2 else 1 end end)"
)
_RANK = "(coalesce(rank, 0))"
COLUMNS: dict[Sort, tuple[str, ...]] = {
    "time": ("first_us", "id"),
    "rank": (_RANK, "first_us", "id"),
    "severity": (_URGENT, _RANK, "first_us", "id"),
}
"""Expressions that each order compares; by severity, the dismissed come last."""


def place_of(anomaly: AnomalyRow, sort: Sort) -> Place:
    """Give the place of an anomaly; time is that of its first event, so no later one moves it.

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
