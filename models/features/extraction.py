"""From event to features: the categorical values of one action, each with its context."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

from models.units import HOUR_US

if TYPE_CHECKING:
    from datetime import datetime

    from models.event import Event, Origin

_DIGITS = re.compile(r"[0-9a-f]*\d[0-9a-f]*")
WEEK = 7
REST = 6
DAWN, DUSK = 6, 18
NOBODY = "nobody"
OWN_NETWORKS = frozenset({"corporate", "internal"})
OPEN_DATA = frozenset({"public", "internal"})
OPEN = "public or internal"


class Feature(Struct, frozen=True):
    """One categorical feature.

    Attributes
    ----------
    universe
        ``V_k``: number of possible values, a constant. So the bits of an unseen value do not depend
        on other values.
    context
        Feature whose value gives a more specific level of the chain, None without one.
    extends
        Earlier feature of the same values whose chain this one extends. It then has counts after
        its context only, and no votes.
    alone
        Whether a new value alone is surprising. Otherwise it adds to the sum only.
    steady
        Whether a new version of the agent leaves it unchanged.
    row
        Ordered values. A value near a typical one is less surprising than a distant one.
    together
        Whether peers have counts after a context as well.
    anomaly, facet
        Anomaly type of an alert led by this feature, and the facet of trust that it changes.
    words
        Name of the feature in a sentence.
    """

    name: str
    universe: int
    context: str | None
    anomaly: str
    facet: str
    words: str
    extends: str | None = None
    alone: bool = True
    steady: bool = True
    row: tuple[str, ...] = ()
    together: bool = False


FEATURES: tuple[Feature, ...] = (
    Feature(
        "tool", 1 << 12, "previous_tool", "tool.new", "tools", "tool", steady=False, together=True
    ),
    Feature(
        "sequence",
        1 << 12,
        "previous_two",
        "tool.sequence",
        "tools",
        "tool order",
        "tool",
        alone=False,
        steady=False,
    ),
    Feature(
        "resource",
        1 << 16,
        None,
        "resource.new",
        "data",
        "kind of resource",
        alone=False,
        steady=False,
    ),
    Feature("area", 1 << 12, None, "resource.new", "data", "area"),
    Feature("sensitivity", 8, "tool", "resource.new", "data", "data sensitivity"),
    Feature("egress", 8, None, "net.new_origin", "network", "egress"),
    Feature("asn", 1 << 16, "egress", "net.new_origin", "network", "network operator"),
    Feature("country", 256, "egress", "net.new_origin", "network", "country"),
    Feature("destination", 1 << 16, "tool", "resource.new", "data", "destination"),
    Feature(
        "hour",
        14,
        None,
        "time.unusual",
        "tools",
        "hour of the day",
        row=tuple(f"{hour:02d}" for hour in range(DAWN, DUSK)),
    ),
    Feature("day", 2, None, "time.unusual", "tools", "kind of day", None, alone=False),
    Feature("outcome", 4, "tool", "auth.failure_burst", "tools", "outcome", None, alone=False),
    Feature("human", 1 << 16, None, "delegation.anomaly", "identity", "person", None, alone=False),
    Feature("delegation", 1 << 12, None, "delegation.anomaly", "identity", "delegation"),
    Feature("scope", 1 << 12, None, "scope.escalation", "identity", "scopes"),
    Feature("credential", 64, None, "cred.lifetime", "identity", "lifetime of the credential"),
)
TOOL = 0
"""Index of the tool in `FEATURES`."""

BY_METRIC = {
    "bytes_in_hour": "volume.exfil",
    "bytes_out_hour": "volume.exfil",
    "records_hour": "volume.exfil",
    "cost": "cost.spike",
    "bytes_out_day": "volume.exfil",
    "drift": "volume.exfil",
    "rate_minute": "rate.burst",
    "rate": "rate.burst",
    "rate_day": "rate.burst",
    "failures_hour": "auth.failure_burst",
    "failures_day": "auth.failure_burst",
    "destructive": "destructive.burst",
    "discovery": "discovery.sweep",
    "secret": "secret.access",
    "disorder": "tool.sequence",
    "astray": "goal.drift",
    "memory": "memory.write",
    "excess": "goal.drift",
}
"""Metrics per window of time, in bits, each with the anomaly type that it leads.

`models.watch.counting` and others compute them.
"""

METRICS = tuple(BY_METRIC)
"""Names of the metrics, in the order of their indices."""

LEAK = METRICS.index("drift")
"""The one metric whose rarity does not count: a rule reports it."""


@lru_cache(maxsize=50_000)
def resource_class(identifier: str) -> str:
    """Give the class of a resource: at most three path parts, digits blanked.

    >>> resource_class("crm/customers/4711/notes/2")
    'crm/customers/#'
    """
    return "/".join(_DIGITS.sub("#", identifier.lower()).split("/")[:3])[:128]


@lru_cache(maxsize=200)
def hour_name(hours: int) -> str:
    """Name the hour of the day of an hour since 1970; outside 6 to 18 six of them are one.

    >>> hour_name(8), hour_name(24 + 3)
    ('08', '00-06')
    """
    hour = hours % 24
    if DAWN <= hour < DUSK:
        return f"{hour:02d}"
    start = hour // REST * REST  # rarely worked: single hours would have no typical value
    return f"{start:02d}-{start + REST:02d}"


@lru_cache(maxsize=200)
def day_name(hours: int) -> str:
    """Name the kind of day of an hour since 1970, which began on a Thursday.

    >>> day_name(8), day_name(48 + 3)
    ('workday', 'weekend')
    """
    return "weekend" if (hours // 24 + 3) % WEEK >= WEEK - 2 else "workday"


def _identity(event: Event, found: dict[str, str]) -> None:
    """Add human, delegation and credential features."""
    human, delegation, credential = event.human, event.delegation, event.credential
    who = NOBODY
    if human is not None:
        found["human"] = human.id
        who = "direct"
    if delegation:
        person = human.id if human is not None else None
        between = [one for one in delegation if one != person]
        if between:
            who = f"{who} through {len(between)}: {between[0]}"
    if human is not None or delegation or event.mode == "delegated":
        found["delegation"] = who
    if credential is not None:
        if credential.scopes:
            found["scope"] = " ".join(sorted(credential.scopes))
        begun, ends = credential.issued_at, credential.expires_at
        if begun is None and ends is None:
            found["credential"] = UNSTATED
        else:
            found["credential"] = lifetime(begun or event.time, ends)


def lifetime(issued: datetime, expires: datetime | None) -> str:
    """Name how long a credential lives, in powers of four.

    >>> from datetime import datetime, timedelta, UTC
    >>> at = datetime(2026, 1, 5, tzinfo=UTC)
    >>> lifetime(at, at + timedelta(hours=5)), lifetime(at, None)
    ('under 18 hours', 'without an end')
    """
    if expires is None:
        return _ENDLESS
    seconds = int((expires - issued).total_seconds())
    return _lifetime_name(max(0, seconds).bit_length() // 2)


@lru_cache(maxsize=64)
def _lifetime_name(step: int) -> str:
    seconds = 4 ** (step + 1)
    if seconds < 2 * 3_600:
        return f"under {seconds // 60} minutes"
    return f"under {seconds // 3_600} hours"


_ENDLESS = "without an end"
UNSTATED = "not told"
"""Lifetime of a credential without a start and an end."""
_STEPS = 32
LIFETIMES = (*map(_lifetime_name, range(_STEPS)), _ENDLESS)
"""The shortest first."""


@lru_cache(maxsize=50_000)
def host_of(destination: str) -> str:
    """Give the host of a destination: without scheme, path, port and user.

    >>> host_of("https://api.example.com:443/v1/send"), host_of("192.0.2.7")
    ('api.example.com', '192.0.2.7')
    """
    rest = destination.partition("://")[2] or destination
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2].lower()
    if host.startswith("["):
        return host.partition("]")[0][1:]
    return host.partition(":")[0] if host.count(":") == 1 else host


def extract(
    event: Event, origin: Origin, previous_tool: str, time_us: int, before: str = ""
) -> dict[str, str]:
    """Give the categorical features of an event. A missing field gives none.

    Parameters
    ----------
    previous_tool
        The session's tool before this one, or ``START``.
    before
        The one before that, or ``START``. Empty without one.
    time_us
        Event time in microseconds.
    """
    found = {"tool": event.tool, "previous_tool": previous_tool}
    if before:
        found["previous_two"] = f"{before} > {previous_tool}"
        found["sequence"] = event.tool
    resource = event.resource
    if resource is not None:
        kind = resource_class(resource.id)
        found["resource"] = f"{resource.type}:{kind}" if resource.type else kind
        area, sensitivity = resource.domain or kind.partition("/")[0], resource.sensitivity
        if sensitivity in OPEN_DATA:  # data less sensitive than expected are no risk
            found["sensitivity"] = OPEN
        elif sensitivity is not None:
            found["sensitivity"] = sensitivity
            area = f"{area} {sensitivity}"
        found["area"] = area
    if origin.egress != "unknown":
        found["egress"] = origin.egress
        if origin.egress not in OWN_NETWORKS:  # the operator's exits are no new location
            if origin.asn is not None:
                found["asn"] = str(origin.asn)
            if origin.country is not None:
                found["country"] = origin.country
    network = event.network
    if network is not None and network.destination is not None:
        found["destination"] = host_of(network.destination)
    _identity(event, found)
    hours = time_us // HOUR_US % (WEEK * 24)
    found["hour"], found["day"] = hour_name(hours), day_name(hours)
    if event.outcome is not None:
        found["outcome"] = event.outcome
    return found
