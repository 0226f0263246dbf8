"""Explicit rules: what is worth saying whatever the statistics, from the first event on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.baseline.identity import MISMATCH
from models.event import SAID_BY_EVENT, microseconds
from models.features.credential_location import move_of
from models.units import HOUR_US, MINUTE_US
from models.watch import RULES as WATCHED
from models.watch.heard import MODES, is_settled
from models.watch.scene import finding

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.baseline.identity import Mismatch
    from models.result import Finding
    from models.watch.scene import Scene

ANONYMISERS = frozenset({"vpn", "proxy", "tor"})
_ENOUGH_EVENTS = 20
_COMMON_AMONG_PEERS = 0.2
_LOW_BITS = 0.0
_MAX_VERSIONS = 16
_UNIT = 4096


def conflict(scene: Scene) -> Finding | None:
    """Find an event whose id the agent has used for other content."""
    if not scene.conflict:
        return None
    why = "The agent reported another event under the same id: one of the two may be made up."
    expected = [("the same content", 1.0)]
    return finding("telemetry.conflict", "id", "other content", expected, why)


def shadow(scene: Scene) -> Finding | None:
    """Find an agent that the inventory does not know."""
    if scene.registered is not False:
        return None
    agent = scene.event.agent.id
    why = "The agent is not in the inventory: nobody registered it and nobody owns it."
    if scene.claims:
        why += f" Nothing proves the {_named(scene.claims)} that it claims."
    return finding("identity.shadow", "agent", agent, [("in the inventory", 1.0)], why)


def mismatch(scene: Scene) -> Finding | None:
    """Find a role, owner or team that the event claims and the agent does not have."""
    return refusal(scene.refused) if scene.refused else None


def refusal(refused: list[Mismatch]) -> Finding:
    """Say which claims of an event are refused; a role is worse than an owner or a team."""
    claimed = _named({one.field: one.claimed for one in refused})
    known = _named({one.field: one.known or "none" for one in refused})
    declared = all(one.declared for one in refused)
    source = "the inventory says" if declared else "the agent has"
    why = f"The event claims {claimed}; {source} {known}, and no claim changes that."
    grave = any(one.field == "role" for one in refused)
    return finding(
        MISMATCH, "claim", claimed, [(known, 1.0)], why, severity=None if grave else "medium"
    )


def _named(claims: dict[str, str]) -> str:
    """Write claims in one line.

    >>> _named({"role": "data-steward", "owner": "ceo"})
    "role 'data-steward', owner 'ceo'"
    """
    return ", ".join(f"{field} {value!r}" for field, value in claims.items())


def anonymiser(scene: Scene) -> Finding | None:
    """Find a VPN, proxy or Tor origin of an agent that never used one."""
    egress = scene.origin.egress
    if egress not in ANONYMISERS:
        return None
    baseline, slot = scene.profile.baseline, scene.slots["egress"]
    if baseline.total_of(slot) < _ENOUGH_EVENTS * _UNIT and not _known_elsewhere(scene):
        return None
    if baseline.count_of(slot, egress) > _UNIT // 2:
        return None
    path = baseline.path(slot, scene.categories)
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


def _known_elsewhere(scene: Scene) -> bool:
    """Tell whether the agent has long been heard in another mode."""
    voice = scene.heard.known(scene.event.agent.id) if scene.heard is not None else None
    if voice is None or not is_settled(voice, scene.time_us // HOUR_US):
        return False
    return voice.modes != 1 << MODES.index(scene.event.mode)


def expired(scene: Scene) -> Finding | None:
    """Find a credential used past its end."""
    credential = scene.event.credential
    if credential is None or credential.expires_at is None:
        return None
    late_us = scene.time_us - microseconds(credential.expires_at)
    if late_us <= 0:
        return None
    minutes = late_us / MINUTE_US
    why = f"The credential was used {minutes:.1f} minutes after it expired."
    expected = [("used before its end", 1.0)]
    return finding("cred.lifetime", "credential", "used after expiry", expected, why)


def two_places(scene: Scene) -> Finding | None:
    """Find one credential used from two places within an hour."""
    move = move_of(scene)
    if move is None:
        return None
    why = (
        f"The same credential was used from {move.before} and from {move.here} "
        f"within {move.apart_us / MINUTE_US:.1f} minutes."
    )
    way = "\n".join(sorted((move.before, move.here)))
    return finding("cred.reuse", "credential", move.here, [(move.before, 1.0)], why, way=way)


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


# Of findings that are equally severe the first one names the anomaly.
RULES: dict[str, Callable[[Scene], Finding | None]] = {
    "telemetry.conflict": conflict,
    "identity.shadow": shadow,
    MISMATCH: mismatch,
    "net.anonymiser": anonymiser,
    "cred.lifetime": expired,
    "cred.reuse": two_places,
    "config.change": unannounced_version,
    **WATCHED,
}


def note_version(scene: Scene) -> None:
    """Remember the versions an agent has run as."""
    facts, version = scene.profile.facts, scene.event.agent.version
    if version is not None and version not in facts.versions:
        facts.versions.append(version)
        del facts.versions[:-_MAX_VERSIONS]
