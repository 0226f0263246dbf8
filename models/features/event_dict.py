"""One event as a plain dict: what registered detectors score and learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.features.counters import COUNTERS
from models.units import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.event import Event
    from models.features.fields import Fields

_AMOUNTS = tuple((counter.id, f"session_{counter.name}") for counter in COUNTERS)


def event_dict(
    event: Event, fields: Fields, role: str, time_us: int, amounts: Mapping[int, float]
) -> dict[str, Any]:
    """Give an event with what its session has done so far, as a dict.

    The keys are ``id``, ``agent``, ``role``, ``mode``, ``session``, ``time`` in seconds since 1970,
    ``arguments`` and ``attributes``. The fields of `models.features.fields` follow under their
    names: texts, numbers above 0, and lists of records. ``session_calls``, ``session_bytes_out``
    and so on are the counters of `models.features.counters`, with this event. A key is missing
    where nothing is known.

    Parameters
    ----------
    role
        Role that the agent is compared with.
    amounts
        Counter -> amount of the session.

    Examples
    --------
    >>> from datetime import datetime, UTC
    >>> from models.event import Agent, Event
    >>> from models.features.fields import Fields
    >>> at = datetime(2026, 1, 5, 8, tzinfo=UTC)
    >>> event = Event(id="e", time=at, agent=Agent(id="a"), tool="t")
    >>> x = event_dict(event, Fields({"tool": "t"}, {}, {"bytes_out": 9.0}), "clerk", 5_000_000, {})
    >>> x["agent"], x["role"], x["tool"], x["bytes_out"], x["time"]
    ('a', 'clerk', 't', 9.0, 5.0)
    """
    found: dict[str, Any] = {
        "id": event.id,
        "agent": event.agent.id,
        "role": role,
        "session": event.session or "",
        "time": time_us / SECOND_US,
        "arguments": event.arguments or {},
        "attributes": event.attributes or {},
        **fields.records,
        **fields.numbers,
        **fields.single,
        "mode": event.mode,
    }
    for number, name in _AMOUNTS:
        if number in amounts:
            found[name] = amounts[number]
    return found
