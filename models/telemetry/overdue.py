"""Who has stopped reporting: a list for people, which no judgement depends on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from models.event import rfc3339
from models.telemetry.last_seen import MIN_GAP, MIN_SILENCE, TIMES, Activity, LastSeen, silence_of
from models.units import HOUR_US

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RETIRED_HOURS = 30 * 24
"""An agent that was seen last before that has ended, and is missed no more."""


class Overdue(NamedTuple):
    """An agent that has reported nothing for far too long.

    Attributes
    ----------
    last
        Hour since 1970 in which it was last seen.
    hours
        How long it is silent, without weekends where it rests then.
    usual
        Its longest expected silence, counted likewise; 0 where it was never silent for hours.
    """

    agent_id: str
    last: int
    hours: int
    usual: float

    @property
    def times(self) -> float:
        """How many times what is expected; a day is twice that of an agent that hardly rests."""
        return self.hours / max(self.usual, MIN_SILENCE / TIMES)

    def fields(self) -> dict[str, Any]:
        """Describe the silence for programs; shorter ones than four hours are not noted."""
        return {
            "since": rfc3339(self.last * HOUR_US),
            "hours": self.hours,
            "usual_hours": round(max(self.usual, MIN_GAP), 1),
            "times": round(self.times, 1),
        }


def overdue(parts: Iterable[Mapping[str, bytes]], hour: int) -> list[Overdue]:
    """List the agents that are silent for far too long, those the most times over it first.

    The rule is that of `LastSeen.silence`. It is a report: a telemetry that broke is shown where
    nothing else would show it, and costs no agent trust. Blind to agents that were seen over less
    than three days, and to those gone for more than thirty.

    Parameters
    ----------
    parts
        What `LastSeen.dump` wrote, once for each shard. Every shard knows all agents, some of them
        later than their own: an agent seen by any of them was seen.
    hour
        Up to which events were judged, in hours since 1970: of the stream, never of a clock, or
        everyone would be silent when the whole stream is.

    Examples
    --------
    >>> seen = LastSeen()
    >>> for hour in range(0, 100, 9):
    ...     seen.note("billing-7", "delegated", hour)
    >>> stored = dict(seen.dump())
    >>> overdue([stored], 110)
    []
    >>> overdue([stored], 130)
    [Overdue(agent_id='billing-7', last=99, hours=31, usual=9.0)]
    >>> overdue([stored], 99 + RETIRED_HOURS + 1)
    []
    """
    found = []
    for agent_id, activity in _last_seen(parts).items():
        silent = silence_of(activity, hour)
        if silent is not None and hour - activity.last <= RETIRED_HOURS:
            found.append(Overdue(agent_id, activity.last, *silent))
    return in_order(found)


def in_order(found: Iterable[Overdue]) -> list[Overdue]:
    """Put those first that are the most times over their expected silence."""
    return sorted(found, key=lambda one: (-one.times, one.agent_id))


def _last_seen(parts: Iterable[Mapping[str, bytes]]) -> dict[str, Activity]:
    """Give of each agent what the shard knows that saw it last."""
    latest: dict[str, Activity] = {}
    for part in parts:
        seen = LastSeen()
        seen.load(dict(part))
        for agent_id, activity in seen.activities():
            known = latest.get(agent_id)
            if known is None or (activity.last, activity.reach) > (known.last, known.reach):
                latest[agent_id] = activity
    return latest
