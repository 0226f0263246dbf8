"""Rules: what breaks a promise, each with the bits that it declares."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING, NamedTuple

from models.event import microseconds
from models.features.family import Family
from models.units import HOUR_US, MINUTE_US, SECOND_US

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
VERSION_BITS = 9.0

FAMILIES: dict[str, Family] = {
    "unregistered": Family("unregistered", "unregistered"),
    "expired": Family("expired", "credential"),
    "two_locations": Family("two_locations", "net", shared=True),
    "version": Family("version", "version", shared=True),
}


class Broken(NamedTuple):
    """A broken rule."""

    series: str
    bits: float
    text: str


class Rules:
    """Checks the rules of one event; remembers where credentials were used."""

    def __init__(self) -> None:
        self._locations: dict[str, dict[tuple[str, int | None], int]] = {}

    def check(self, at: Moment, event: Event, *, registered: bool | None) -> Iterator[Broken]:
        """Give the rules that an event breaks.

        Parameters
        ----------
        registered
            Whether the inventory has the agent; None without an inventory.
        """
        if registered is False:
            yield Broken("unregistered", UNREGISTERED_BITS, event.agent.id)
        credential = event.credential
        if credential is not None and credential.expires_at is not None:
            late = at.time_us - microseconds(credential.expires_at)
            if late > EXPIRED_US:
                bits = EXPIRED_BITS + log2(late / EXPIRED_US)
                yield Broken("expired", bits, f"{late / HOUR_US:.1f} h after its end")
        yield from self._two_locations(at, event)
        version = event.agent.version
        if version is not None and version not in at.agent.versions:
            if at.agent.versions and not _deployed(at.agent, at.time_us):
                yield Broken("version", VERSION_BITS, version)
            at.agent.versions.add(version)

    def _two_locations(self, at: Moment, event: Event) -> Iterator[Broken]:
        single = at.fields.single
        country = single.get("country")
        if country is None:
            return
        asn = single.get("asn")
        location = (country, None if asn is None else int(asn))
        used_by = event.credential.id if event.credential is not None else event.agent.id
        known = self._locations.setdefault(used_by, {})
        name = f"{country} {asn}"
        for other, time_us in known.items():
            apart = abs(at.time_us - time_us)
            new_today = at.agent.locations.get(name, at.day) >= at.day
            if other != location and apart < APART_US and new_today:
                bits = OTHER_COUNTRY_BITS if other[0] != country else OTHER_NETWORK_BITS
                bits += log2((APART_US / SECOND_US) / (apart / SECOND_US + 60))
                yield Broken("two_locations", bits, f"{other[0]} {other[1]} and {name}")
        known[location] = at.time_us
        at.agent.locations.setdefault(name, at.day)
        if len(known) > MAX_LOCATIONS:
            del known[min(known, key=lambda one: (known[one], str(one)))]


def _deployed(agent: Behaviour, time_us: int) -> bool:
    return agent.state(time_us) == "deployed"
