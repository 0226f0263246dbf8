"""From event to features: the categorical values of one action, each with its context."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from models.event import Event, Origin

HOUR_US = 3_600_000_000
_DIGITS = re.compile(r"[0-9a-f]*\d[0-9a-f]*")
WEEK = 7
OWN_NETWORKS = frozenset({"corporate", "internal"})


class Feature(Struct, frozen=True):
    """One categorical feature.

    Attributes
    ----------
    universe
        ``V_k``: how many values there could be; a constant, so that "never seen by anyone" costs
        the same whatever has been seen.
    context
        Feature whose value gives a more specific level of the chain, None without one.
    anomaly, facet
        What an alert led by this feature is called, and which facet of trust it moves.
    words
        How the feature is named in a sentence.
    """

    name: str
    universe: int
    context: str | None
    anomaly: str
    facet: str
    words: str


FEATURES: tuple[Feature, ...] = (
    Feature("tool", 1 << 12, "previous_tool", "tool.new", "tools", "tool"),
    Feature("resource", 1 << 16, None, "resource.new", "data", "kind of resource"),
    Feature("sensitivity", 8, "tool", "resource.new", "data", "data sensitivity"),
    Feature("egress", 8, None, "net.new_origin", "network", "egress"),
    Feature("asn", 1 << 16, "egress", "net.new_origin", "network", "network operator"),
    Feature("country", 256, "egress", "net.new_origin", "network", "country"),
    Feature("hour", 48, None, "time.unusual", "tools", "hour of the week"),
    Feature("outcome", 4, "tool", "auth.failure_burst", "tools", "outcome"),
)


@lru_cache(maxsize=50_000)
def resource_class(identifier: str) -> str:
    """Give the class of a resource: at most three path parts, digits blanked.

    >>> resource_class("crm/customers/4711/notes/2")
    'crm/customers/#'
    """
    return "/".join(_DIGITS.sub("#", identifier.lower()).split("/")[:3])[:128]


@lru_cache(maxsize=200)
def hour_name(hours: int) -> str:
    """Name an hour since 1970 as hour of the day and kind of day; 1970 began on a Thursday.

    >>> hour_name(8), hour_name(48 + 3)
    ('workday 08', 'weekend 03')
    """
    weekend = (hours // 24 + 3) % WEEK >= WEEK - 2
    return f"{'weekend' if weekend else 'workday'} {hours % 24:02d}"


def extract(event: Event, origin: Origin, previous_tool: str, time_us: int) -> dict[str, str]:
    """Give the categorical features that an event carries; a missing field gives none.

    Parameters
    ----------
    previous_tool
        The session's tool before this one, or ``START``.
    time_us
        Event time in microseconds.
    """
    found = {"tool": event.tool, "previous_tool": previous_tool}
    resource = event.resource
    if resource is not None:
        kind = resource_class(resource.id)
        found["resource"] = f"{resource.type}:{kind}" if resource.type else kind
        if resource.sensitivity is not None:
            found["sensitivity"] = resource.sensitivity
    if origin.egress != "unknown":
        found["egress"] = origin.egress
        if origin.egress not in OWN_NETWORKS:  # the operator's exits are no new place
            if origin.asn is not None:
                found["asn"] = str(origin.asn)
            if origin.country is not None:
                found["country"] = origin.country
    found["hour"] = hour_name(time_us // HOUR_US % (WEEK * 24))
    if event.outcome is not None:
        found["outcome"] = event.outcome
    return found
