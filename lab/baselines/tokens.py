"""Features of an event for baselines: categories, numbers and identifiers."""

from __future__ import annotations

from collections import OrderedDict
from math import log1p
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from models.event import Event

_START = "START"
_KEPT = 100_000


class Course:
    """Tracks the last tool and the number of calls of each session."""

    def __init__(self) -> None:
        self._of: OrderedDict[tuple[str, str], tuple[str, int]] = OrderedDict()

    def step(self, event: Event) -> tuple[str, int]:
        """Give the session's previous tool and its number of calls so far, then advance."""
        key = (event.agent.id, event.session or event.id)
        previous, calls = self._of.pop(key, (_START, 0))
        self._of[key] = (event.tool, calls + 1)
        if len(self._of) > _KEPT:
            self._of.popitem(last=False)
        return previous, calls


def categories(event: Event, previous: str) -> dict[str, str]:
    """Give the categories of an event by name; missing fields are left out."""
    resource, network = event.resource, event.network
    found = {
        "tool": event.tool,
        "previous_tool": previous,
        "operation": event.operation,
        "outcome": event.outcome,
        "hour": f"{event.time:%H}",
        "mode": event.mode,
        "human": event.human.id if event.human else None,
        "resource": resource.id if resource else None,
        "sensitivity": resource.sensitivity if resource else None,
        "source": network.source_ip if network else None,
        "destination": network.destination if network else None,
    }
    for key, values in (event.argument_origins or {}).items():
        origins = sorted({origin for _, several in values for origin in several}) or ["made up"]
        found[f"origin of {key}"] = " ".join(origins)
    return {name: value for name, value in found.items() if value is not None}


def identifiers(event: Event) -> list[str]:
    """Give the identifiers among the arguments, each with its key."""
    return [
        f"{key}={value}"
        for key, values in (event.argument_origins or {}).items()
        for value, _ in values
    ]


def numbers(event: Event, calls: int) -> dict[str, float]:
    """Give the counts and volumes of an event; a volume v is given as log(1 + v)."""
    volume = event.volume
    found = {"calls": float(calls)}
    if volume is not None:
        sizes = {"bytes_in": volume.bytes_in, "bytes_out": volume.bytes_out,
                 "records": volume.records}  # fmt: skip
        found |= {name: log1p(size) for name, size in sizes.items() if size is not None}
    return found


def hashed(event: Event, previous: str, calls: int, width: int) -> list[float]:
    """Encode an event as numbers from 0 to 1: hashed categories, then volumes.

    Parameters
    ----------
    width
        Number of columns for categories; four more are for the numbers.
    """
    row = [0.0] * (width + 4)
    for name, value in categories(event, previous).items():
        row[crc32(f"{name}={value}".encode()) % width] = 1.0
    for place, name in enumerate(("calls", "bytes_in", "bytes_out", "records")):
        row[width + place] = min(1.0, numbers(event, calls).get(name, 0.0) / 20)
    return row
