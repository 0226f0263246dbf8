"""The numbers of an event that fitted models see."""

from __future__ import annotations

from math import cos, log1p, pi, sin
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

COLUMNS: tuple[str, ...] = (
    "hour_sin",
    "hour_cos",
    "weekend",
    "bytes_in",
    "bytes_out",
    "records",
    "duration",
    "arguments",
    "delegation",
    "irreversible",
    "sensitive",
    "failed",
    "session_calls",
    "session_resources",
    "session_tools",
    "session_errors",
)
"""Names of the columns; quantities are logarithms, flags are 0 or 1."""

_IRREVERSIBLE = frozenset({"pay", "delete", "admin", "send", "execute"})
_SENSITIVE = frozenset({"confidential", "restricted"})
_AMOUNTS = ("bytes_in", "bytes_out", "records", "duration")
_SESSION = ("session_calls", "session_resources", "session_tools", "session_errors")
_HOUR, _DAY = 3_600, 24


def row_of(x: Mapping[str, Any]) -> list[float]:
    """Give an event's numbers in the order of `COLUMNS`; an unknown value is 0.

    Parameters
    ----------
    x
        An event (`models.features.event_dict.event_dict`).

    Examples
    --------
    >>> row = row_of({"time": 6 * 3600.0, "operation": "pay", "session_calls": 3.0})
    >>> [name for name, number in zip(COLUMNS, row, strict=True) if number > 0.1]
    ['hour_sin', 'irreversible', 'session_calls']
    """
    hours = int(x["time"]) // _HOUR
    angle = 2 * pi * (hours % _DAY) / _DAY
    return [
        sin(angle),
        cos(angle),
        float((hours // _DAY + 3) % 7 >= 5),  # 1970 began on a Thursday
        *(log1p(x.get(name, 0.0)) for name in _AMOUNTS),
        float(len(x.get("arguments", ()))),
        float(x.get("depth", 0)),
        float(x.get("operation") in _IRREVERSIBLE),
        float(x.get("sensitivity") in _SENSITIVE),
        float(x.get("outcome") in ("denied", "error")),
        *(log1p(x.get(name, 0.0)) for name in _SESSION),
    ]
