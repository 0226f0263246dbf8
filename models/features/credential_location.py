"""Locations of a credential, and its moves within an hour."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

from models.baseline.profile import CredentialUse
from models.features.extraction import OWN_NETWORKS
from models.units import MINUTE_US

if TYPE_CHECKING:
    from models.event import Origin
    from models.watch.scene import Scene

_MAX_CREDENTIALS = 16


class Move(NamedTuple):
    """A credential that was at another location within the hour.

    Attributes
    ----------
    before, here
        The two locations.
    apart_us
        Time between, in microseconds.
    """

    before: str
    here: str
    apart_us: int


def move_of(scene: Scene) -> Move | None:
    """Give the move of an event's credential. None where it stays, or is in an own network."""
    here = _here(scene)
    credential = scene.event.credential
    before = scene.profile.facts.credentials.get(credential.id) if credential else None
    if before is None or not here or before.location == here:
        return None
    apart_us = abs(scene.time_us - before.time_us)
    if apart_us > scene.config.credential_minutes * MINUTE_US:
        return None
    return Move(before.location, here, apart_us)


def note_credential(scene: Scene) -> None:
    """Store the location of a credential, for every event."""
    here, credential = _here(scene), scene.event.credential
    if credential is None or here is None:
        return
    known = scene.profile.facts.credentials
    known[credential.id] = CredentialUse(here, scene.time_us)
    if len(known) > _MAX_CREDENTIALS:
        del known[min(known, key=lambda name: (known[name].time_us, name))]


def _here(scene: Scene) -> str | None:
    """Name the location of an event's agent. None in an own network or without an address."""
    network = scene.event.network
    if network is None or network.source_ip is None or scene.origin.egress in OWN_NETWORKS:
        return None
    return location_of(network.source_ip, scene.origin)


def location_of(address: str, origin: Origin) -> str:
    """Name the location of an address: country and operator where known, else its network.

    >>> from models.event import Origin
    >>> location_of("192.0.2.7", Origin()), location_of("192.0.2.7", Origin("direct", 64500, "SE"))
    ('192.0.0.0/16', 'SE AS64500')
    """
    return _location(address, origin.country, origin.asn)


@lru_cache(maxsize=20_000)
def _location(address: str, country: str | None, asn: int | None) -> str:
    if country is not None or asn is not None:
        operator = f"AS{asn}" if asn is not None else "unknown operator"
        return f"{country or 'unknown country'} {operator}"
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    bits = 16 if parsed.version == 4 else 32
    whole = parsed.max_prefixlen
    head = int(parsed) >> (whole - bits) << (whole - bits)
    return f"{type(parsed)(head)}/{bits}"
