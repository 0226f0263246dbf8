"""Attacks visible in an agent's network origin and credential."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.simulation.fleet.attacks.planter import Act, Planter, events
from lab.simulation.fleet.scene import change
from lab.simulation.fleet.world.credentials import credential
from models.event import Agent, Credential, Network, instant
from models.units import DAY_US, HOUR_US

if TYPE_CHECKING:
    from lab.simulation.fleet.cases import Case
    from lab.simulation.fleet.scene import Scene

_ANONYMOUS = ("vpn", "tor", "proxy")
_FIRST_FAR, _FAR_COUNTRIES = ord("F"), 20
_PRIVATE_ASN, _FAR_ASNS = 4_200_000_000, 90_000


def _address(case: Case) -> str:
    return f"198.18.{case.key % 200}.{case.key // 200 % 250 + 1}"


def _far(case: Case) -> Network:
    country = "X" + chr(_FIRST_FAR + case.key % _FAR_COUNTRIES)
    asn = _PRIVATE_ASN + case.key // 7 % _FAR_ASNS
    return Network(source_ip=_address(case), egress="direct", asn=asn, country=country)


def anonymiser(scene: Scene, case: Case) -> Act:
    """Do ordinary work through a public VPN, a Tor exit or a proxy."""
    away = Network(
        source_ip=_address(case),
        egress=_ANONYMOUS[case.key % len(_ANONYMOUS)],  # type: ignore[arg-type]  # one of them
        asn=64_511,
        country="XE",
    )
    yield from _away(scene, case, away)


def new_origin(scene: Scene, case: Case) -> Act:
    """Do ordinary work from a new country and network operator."""
    yield from _away(scene, case, _far(case))


def _away(scene: Scene, case: Case, network: Network) -> Act:
    """Play a session from another network, with a separate credential, which is not the finding."""
    visit = scene.visit(case, network=network)
    own = credential(visit.persona, visit.start_us)
    visit.held = change(own, id=f"cr-{case.key:016x}")
    played = scene.play(visit)
    yield played, events(played)


def reuse(scene: Scene, case: Case) -> Act:
    """Use the credential of a running session from a distant place."""
    here = scene.visit(case)
    held = credential(here.persona, here.start_us)
    yield scene.play(here), []
    there = scene.visit(case, 1, network=_far(case), held=held)
    there.start_us = here.start_us + 40_000_000
    played = scene.play(there)
    yield played, events(played)


def lifetime(scene: Scene, case: Case) -> Act:
    """Use an expired credential, or one valid for years where others last hours."""
    visit = scene.visit(case)
    issued_us, expires_us = visit.start_us - 6 * HOUR_US, visit.start_us - HOUR_US // 3
    if case.key % 2:
        issued_us, expires_us = visit.start_us - 200 * DAY_US, visit.start_us + 900 * DAY_US
    visit.held = Credential(
        id=f"cr-{case.key:016x}",
        issued_at=instant(issued_us),
        expires_at=instant(expires_us),
        scopes=list(visit.persona.world.role.scopes),
    )
    played = scene.play(visit)
    yield played, events(played)


def scopes(scene: Scene, case: Case) -> Act:
    """Work with a credential that has far more scopes than earlier ones."""
    visit = scene.visit(case)
    own = credential(visit.persona, visit.start_us)
    wider = [*(own.scopes or []), "admin", "iam:write"]
    visit.held = change(own, id=f"cr-{case.key:016x}", scopes=wider)
    played = scene.play(visit)
    yield played, events(played)


def shadow(scene: Scene, case: Case) -> Act:
    """Let an unregistered agent do the work of a role."""
    name = f"helper-{case.key % 1_000_000:06d}"
    visit = scene.visit(case)
    visit.agent = Agent(id=name, model="cedar-2", version="1.0")
    visit.held = Credential(id=f"cr-{case.key:016x}", issued_at=instant(visit.start_us - HOUR_US))
    visit.network = Network(source_ip=_address(case), egress="hosting", asn=64_505, country="XA")
    played = scene.play(visit)
    case.agent_id = name
    yield played, events(played)


PLANTERS = (
    Planter(
        "net.anonymiser", anonymiser, "egress", "a session through a VPN, Tor or a proxy",
        ("asn", "country"),
    ),
    Planter(
        "net.new_origin", new_origin, "country", "a session from a country never seen",
        ("asn", "egress"),
    ),
    Planter(
        "cred.reuse", reuse, "credential", "one credential from two far places within minutes",
        ("asn", "country", "egress"),
    ),
    Planter("cred.lifetime", lifetime, "credential", "a credential past its end, or a static one"),
    Planter(
        "scope.escalation", scopes, "scope", "a credential with scopes never seen", ("credential",)
    ),
    Planter(
        "identity.shadow", shadow, "agent", "an agent outside the inventory does a role's work"
    ),
)  # fmt: skip
