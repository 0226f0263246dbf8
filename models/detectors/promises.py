"""Fields that rules are declared over: they follow from the agent's past and its registration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from models.baseline.profile import DEPLOYED
from models.event import microseconds
from models.units import HOUR_US, MINUTE_US

if TYPE_CHECKING:
    from models.detectors.moment import Moment
    from models.event import Event

EXPIRED_US = 5 * MINUTE_US
"""Time after its end from which on a credential counts as expired, and in which bits double."""
APART_US = HOUR_US // 2
"""Time within which one credential is not expected at two locations."""
MAX_LOCATIONS = 8
MAX_CREDENTIALS = 8
MAX_VERSIONS = 16
MAX_KNOWN_LOCATIONS = 64


class Sender(Struct, frozen=True):
    """What is known of the sender of an event beside the event.

    Attributes
    ----------
    registered
        Whether the inventory has the agent; None without an inventory.
    mismatch
        Claims that are refused, in words; empty for none.
    conflict
        Whether the agent sent the event's id before with other content.
    other_mode
        Mode that the agent has acted in for days, where it begins to act in this one; empty for
        none.
    blocked
        Whether what the agent does teaches nothing and counts on no day.
    """

    registered: bool | None = None
    mismatch: str = ""
    conflict: bool = False
    other_mode: str = ""
    blocked: bool = False


def add_promises(at: Moment, event: Event, sender: Sender, credential: int) -> None:
    """Add the fields of rules to those of the event.

    Parameters
    ----------
    credential
        Mark of its credential; 0 for none.
    """
    single, numbers = at.fields.single, at.fields.numbers
    if sender.conflict:
        single["conflict"] = event.id
    if sender.registered is False:
        single["unregistered"] = event.agent.id
    if sender.other_mode:
        single["other_mode"] = f"{event.mode} instead of {sender.other_mode}"
    if sender.mismatch:
        single["mismatch"] = sender.mismatch
    if event.credential is not None and event.credential.expires_at is not None:
        late_us = at.time_us - microseconds(event.credential.expires_at)
        if late_us > EXPIRED_US:
            single["expired"] = f"{late_us / HOUR_US:.1f} hours after its end"
            numbers["expired"] = late_us / EXPIRED_US
    _two_locations(at, credential)
    version, profile = event.agent.version, at.profile
    known = not profile.versions or version in profile.versions or version == profile.announced
    if version is not None and not known and at.state != DEPLOYED:
        single["unannounced"] = version


def learn_promises(at: Moment, event: Event, credential: int) -> None:
    """Remember version and location of an event."""
    profile = at.profile
    version = event.agent.version
    if version is not None and version not in profile.versions:
        profile.versions.append(version)
        del profile.versions[:-MAX_VERSIONS]
    location = _location(at)
    if location is None:
        return
    known = profile.credentials.setdefault(credential, {})
    known[location] = max(known.get(location, 0), at.time_us)
    _bound(known, MAX_LOCATIONS)
    while len(profile.credentials) > MAX_CREDENTIALS:
        latest = {mark: max(uses.values()) for mark, uses in profile.credentials.items()}
        del profile.credentials[min(latest, key=lambda mark: (latest[mark], mark))]
    profile.locations.setdefault(location, at.day)
    _bound(profile.locations, MAX_KNOWN_LOCATIONS)


def _location(at: Moment) -> str | None:
    country = at.fields.single.get("country")
    return None if country is None else f"{country} {at.fields.single.get('asn', '')}"


def _two_locations(at: Moment, credential: int) -> None:
    """Compare the location with those where the credential was used a short time ago."""
    location = _location(at)
    if location is None or at.profile.locations.get(location, at.day) < at.day:
        return
    nearest: dict[str, tuple[int, str]] = {}
    for other, time_us in at.profile.credentials.get(credential, {}).items():
        apart_us = abs(at.time_us - time_us)
        if _are_apart(other, location) and apart_us < APART_US:
            same = _country(other) == _country(location)
            name = "other_network" if same else "other_country"
            nearest[name] = min(nearest.get(name, (apart_us, other)), (apart_us, other))
    worst = next((one for one in ("other_country", "other_network") if one in nearest), None)
    if worst is not None:
        apart_us, other = nearest[worst]
        at.fields.single[worst] = f"{_named(other)} and {_named(location)}"
        at.fields.numbers["nearness"] = APART_US / (apart_us + MINUTE_US)


def _are_apart(one: str, other: str) -> bool:
    """Tell whether two locations differ: in one country, only where both networks are known.

    >>> _are_apart("PT 1", "PT 2"), _are_apart("PT 1", "PT "), _are_apart("PT 1", "ES ")
    (True, False, True)
    """
    known = not (one.endswith(" ") or other.endswith(" "))
    return one != other and (known or _country(one) != _country(other))


def _named(location: str) -> str:
    """Write a location for people.

    >>> _named("DE 64500"), _named("BR ")
    ('DE (AS64500)', 'BR')
    """
    country, _, number = location.partition(" ")
    return f"{country} (AS{number})" if number else country


def _country(location: str) -> str:
    return location.partition(" ")[0]


def _bound(known: dict[str, int], maximum: int) -> None:
    """Forget the location with the least number, where there are too many."""
    while len(known) > maximum:
        del known[min(known, key=lambda one: (known[one], one))]
