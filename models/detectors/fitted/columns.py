"""The numbers of a judged event that fitted models see."""

from __future__ import annotations

from math import cos, log1p, pi, sin
from typing import TYPE_CHECKING

from models.units import HOUR_US

if TYPE_CHECKING:
    from models.detectors.detector import Act

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
    "bits_sum",
    "bits_most",
    "events_today",
)
"""Names of the columns; quantities are logarithms, flags are 0 or 1."""

_IRREVERSIBLE = frozenset({"pay", "delete", "admin", "send", "execute"})
_SENSITIVE = frozenset({"confidential", "restricted"})
_DAY = 24


def row_of(act: Act) -> list[float]:
    """Give an event's numbers in the order of `COLUMNS`; an unknown value is 0."""
    event, result = act.event, act.result
    hours = result.time_us // HOUR_US
    angle = 2 * pi * (hours % _DAY) / _DAY
    volume, resource = event.volume, event.resource
    amounts = (volume.bytes_in, volume.bytes_out, volume.records) if volume else (0, 0, 0)
    return [
        sin(angle),
        cos(angle),
        float((hours // _DAY + 3) % 7 >= 5),  # 1970 began on a Thursday
        *(log1p(amount or 0) for amount in amounts),
        log1p(event.duration_ms or 0.0),
        float(len(event.arguments or ())),
        float(len(event.delegation or ())),
        float(event.operation in _IRREVERSIBLE),
        float(resource is not None and resource.sensitivity in _SENSITIVE),
        float(event.outcome in ("denied", "error")),
        result.s_sum,
        result.s_max,
        log1p(act.facts.day_events),
    ]
