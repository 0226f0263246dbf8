"""Explicit rules: what is worth saying whatever the statistics, from the first event on."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING

from models.event import SAID_BY_EVENT, microseconds
from models.features import OWN_NETWORKS
from models.profile import CredentialUse
from models.watch import RULES as WATCHED
from models.watch.scene import finding

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.assessment import Finding
    from models.event import Origin
    from models.watch.scene import Scene

ANONYMISERS = frozenset({"vpn", "proxy", "tor"})
_ENOUGH_EVENTS = 20
_COMMON_AMONG_PEERS = 0.2
_LOW_BITS = 0.0
_MOST_CREDENTIALS = 16
_MOST_VERSIONS = 16
_UNIT = 4096


def shadow(scene: Scene) -> Finding | None:
    """Find an agent that the inventory does not know."""
    if scene.registered:
        return None
    agent = scene.event.agent.id
    why = "The agent is not in the inventory: nobody registered it and nobody owns it."
    return finding("identity.shadow", "agent", agent, [("in the inventory", 1.0)], why)


def anonymiser(scene: Scene) -> Finding | None:
    """Find a VPN, proxy or Tor origin of an agent that never used one."""
    egress = scene.origin.egress
    if egress not in ANONYMISERS:
        return None
    baseline, place = scene.profile.baseline, scene.places["egress"]
    if baseline.total_of(place) < _ENOUGH_EVENTS * _UNIT:
        return None
    if baseline.count_of(place, egress) > _UNIT // 2:
        return None
    path = baseline.path(place, scene.categories)
    if path[1][1] >= _COMMON_AMONG_PEERS:
        return None
    address = scene.event.network.source_ip if scene.event.network else None
    evidence = f"is on the list {scene.origin.evidence}"
    if scene.origin.evidence == SAID_BY_EVENT:
        evidence = "is called one by the event itself"
    why = (
        f"First {egress} origin of an agent that never used one: {address or 'an unknown address'} "
        f"{evidence}."
    )
    observed = f"{egress} ({scene.origin.evidence})"
    return finding("net.anonymiser", "egress", observed, [("no anonymiser", 1.0)], why, path)


def expired(scene: Scene) -> Finding | None:
    """Find a credential used past its end."""
    credential = scene.event.credential
    if credential is None or credential.expires_at is None:
        return None
    late_us = scene.time_us - microseconds(credential.expires_at)
    if late_us <= 0:
        return None
    minutes = late_us / 60_000_000
    why = f"The credential was used {minutes:.1f} minutes after it expired."
    expected = [("used before its end", 1.0)]
    return finding("cred.lifetime", "credential", "used after expiry", expected, why)


def two_places(scene: Scene) -> Finding | None:
    """Find one credential used from two places within an hour."""
    credential, network = scene.event.credential, scene.event.network
    if credential is None or network is None or network.source_ip is None:
        return None
    if scene.origin.egress in OWN_NETWORKS:
        return None
    before = scene.profile.facts.credentials.get(credential.id)
    here = place_of(network.source_ip, scene.origin)
    if before is None or not here or before.place == here:
        return None
    apart_us = abs(scene.time_us - before.time_us)
    if apart_us > scene.config.credential_minutes * 60_000_000:
        return None
    why = (
        f"The same credential was used from {before.place} and from {here} "
        f"within {apart_us / 60_000_000:.1f} minutes."
    )
    return finding("cred.reuse", "credential", here, [(before.place, 1.0)], why)


def unannounced_version(scene: Scene) -> Finding | None:
    """Find a version of the agent that no deployment announced."""
    facts, version = scene.profile.facts, scene.event.agent.version
    if version is None or not facts.versions or version in facts.versions:
        return None
    learning = facts.opened <= facts.learn_until and facts.announced is None
    if learning or version == facts.announced:
        return None
    why = "The agent runs as a version that no deployment event announced."
    known = [(name, 1 / len(facts.versions)) for name in facts.versions[-3:]]
    if scene.announces:
        return finding("config.change", "version", version, known, why, severity="medium")
    return finding("config.change", "version", version, known, why, bits=_LOW_BITS, severity="low")


RULES: dict[str, Callable[[Scene], Finding | None]] = {
    "identity.shadow": shadow,
    "net.anonymiser": anonymiser,
    "cred.lifetime": expired,
    "cred.reuse": two_places,
    "config.change": unannounced_version,
    **WATCHED,
}


def place_of(address: str, origin: Origin) -> str:
    """Name the place of an address: country and operator where known, else its network.

    >>> from models.event import Origin
    >>> place_of("192.0.2.7", Origin()), place_of("192.0.2.7", Origin("direct", 64500, "SE"))
    ('192.0.0.0/16', 'SE AS64500')
    """
    return _place(address, origin.country, origin.asn)


@lru_cache(maxsize=20_000)
def _place(address: str, country: str | None, asn: int | None) -> str:
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


def note_credential(scene: Scene) -> None:
    """Remember where a credential was used, whatever was said of it."""
    credential, network = scene.event.credential, scene.event.network
    if credential is None or network is None or network.source_ip is None:
        return
    if scene.origin.egress in OWN_NETWORKS:
        return
    here = place_of(network.source_ip, scene.origin)
    known = scene.profile.facts.credentials
    known[credential.id] = CredentialUse(here, scene.time_us)
    if len(known) > _MOST_CREDENTIALS:
        del known[min(known, key=lambda name: (known[name].time_us, name))]


def note_version(scene: Scene) -> None:
    """Remember the versions an agent has run as."""
    facts, version = scene.profile.facts, scene.event.agent.version
    if version is not None and version not in facts.versions:
        facts.versions.append(version)
        del facts.versions[:-_MOST_VERSIONS]
