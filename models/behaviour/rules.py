"""Rules: what breaks a promise, each with the bits that it declares."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING, NamedTuple

from models.event import microseconds
from models.features.family import Family
from models.units import HOUR_US, MINUTE_US

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.behaviour.novelty import Moment
    from models.behaviour.state import Behaviour
    from models.event import Event

UNREGISTERED_BITS = 12.0
EXPIRED_BITS = 8.0
EXPIRED_US = 5 * MINUTE_US
"""Time after its end from which on a credential counts as expired, and in which bits double."""
OTHER_COUNTRY_BITS, OTHER_NETWORK_BITS = 9.0, 5.0
APART_US = HOUR_US // 2
"""Time within which one credential is not expected at two locations."""
MAX_LOCATIONS = 8
MAX_CREDENTIALS = 8
VERSION_BITS = 9.0
UNVERIFIED_BITS = 10.0
CONFLICT_BITS = 12.0

FAMILIES: dict[str, Family] = {
    "unregistered": Family("unregistered", "unregistered"),
    "expired": Family("expired", "credential"),
    "two_locations": Family("two_locations", "net", shared=True),
    "version": Family("version", "version", shared=True),
    "unverified_peer": Family("unverified_peer", "peer"),
    "conflict": Family("conflict", "telemetry"),
}


class Broken(NamedTuple):
    """A broken rule."""

    series: str
    bits: float
    text: str


def broken_rules(
    at: Moment,
    event: Event,
    credential_mark: int,
    *,
    registered: bool | None,
    conflict: bool = False,
) -> Iterator[Broken]:
    """Give the rules that an event breaks.

    Parameters
    ----------
    credential_mark
        Mark of its credential; 0 for none.
    registered
        Whether the inventory has the agent; None without an inventory.
    conflict
        Whether the agent sent the event's id before with other content.
    """
    if conflict:
        yield Broken("conflict", CONFLICT_BITS, event.id)
    if (event.attributes or {}).get("peer_verified") is False:
        yield Broken("unverified_peer", UNVERIFIED_BITS, at.fields.single.get("destination", ""))
    if registered is False:
        yield Broken("unregistered", UNREGISTERED_BITS, event.agent.id)
    credential = event.credential
    if credential is not None and credential.expires_at is not None:
        late = at.time_us - microseconds(credential.expires_at)
        if late > EXPIRED_US:
            bits = EXPIRED_BITS + log2(late / EXPIRED_US)
            yield Broken("expired", bits, f"{late / HOUR_US:.1f} h after its end")
    yield from _two_locations(at, credential_mark)
    version = event.agent.version
    if version is not None and version not in at.agent.versions:
        if at.agent.versions and not _deployed(at.agent, at.time_us):
            yield Broken("version", VERSION_BITS, version)
        at.agent.versions.add(version)


def _two_locations(at: Moment, credential_mark: int) -> Iterator[Broken]:
    """Compare the location with those where the credential was used a short time ago."""
    country = at.fields.single.get("country")
    if country is None:
        return
    location = f"{country} {at.fields.single.get('asn', '')}"
    new_today = at.agent.locations.get(location, at.day) >= at.day
    known = at.agent.credentials.setdefault(credential_mark, {})
    for other, time_us in known.items():
        apart_us = abs(at.time_us - time_us)
        if other != location and apart_us < APART_US and new_today:
            same_country = other.partition(" ")[0] == country
            bits = OTHER_NETWORK_BITS if same_country else OTHER_COUNTRY_BITS
            bits += log2(APART_US / (apart_us + MINUTE_US))
            yield Broken("two_locations", bits, f"{other} and {location}")
    known[location] = max(known.get(location, 0), at.time_us)
    at.agent.locations.setdefault(location, at.day)
    _bound(known, MAX_LOCATIONS)
    credentials = at.agent.credentials
    if len(credentials) > MAX_CREDENTIALS:
        del credentials[next(iter(credentials))]


def _bound(known: dict[str, int], maximum: int) -> None:
    """Forget the location that was used longest ago, where there are too many."""
    if len(known) > maximum:
        del known[min(known, key=lambda one: (known[one], one))]


def _deployed(agent: Behaviour, time_us: int) -> bool:
    return agent.state(time_us) == "deployed"
