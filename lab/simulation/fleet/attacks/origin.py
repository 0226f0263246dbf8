"""Attacks visible in an agent's network origin and credential."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.simulation.fleet.attacks.planter import Act, Planter, events
from lab.simulation.fleet.fleet_day import change
from lab.simulation.fleet.world.credentials import credential
from models.event import Agent, Credential, Network, instant
from models.units import DAY_US, HOUR_US

if TYPE_CHECKING:
    from lab.simulation.fleet.cases import Case
    from lab.simulation.fleet.fleet_day import FleetDay

_ANONYMOUS = ("vpn", "tor", "proxy")
_FIRST_FAR, _FAR_COUNTRIES = ord("F"), 20
_PRIVATE_ASN, _FAR_ASNS = 4_200_000_000, 90_000


def _address(case: Case) -> str:
    return f"198.18.{case.key % 200}.{case.key // 200 % 250 + 1}"


def _far(case: Case) -> Network:
    country = "X" + chr(_FIRST_FAR + case.key % _FAR_COUNTRIES)
    asn = _PRIVATE_ASN + case.key // 7 % _FAR_ASNS
    return Network(source_ip=_address(case), egress="direct", asn=asn, country=country)


def anonymiser(fleet_day: FleetDay, case: Case) -> Act:
    """Do ordinary work through a public VPN, a Tor exit or a proxy."""
    away = Network(
        source_ip=_address(case),
        egress=_ANONYMOUS[case.key % len(_ANONYMOUS)],  # type: ignore[arg-type]  # one of them
        asn=64_511,
        country="XE",
    )
    yield from _act_from(fleet_day, case, away)


def new_origin(fleet_day: FleetDay, case: Case) -> Act:
    """Do ordinary work from a new country and network operator."""
    yield from _act_from(fleet_day, case, _far(case))


def _act_from(fleet_day: FleetDay, case: Case, network: Network) -> Act:
    """Play a session from another network, with a separate credential, which is not the finding."""
    spec = fleet_day.spec(case, network=network)
    own = credential(spec.persona, spec.start_us)
    spec.held = change(own, id=f"cr-{case.key:016x}")
    played = fleet_day.play(spec)
    yield played, events(played)


def reuse(fleet_day: FleetDay, case: Case) -> Act:
    """Use the credential of a running session from a distant place."""
    here = fleet_day.spec(case)
    held = credential(here.persona, here.start_us)
    yield fleet_day.play(here), []
    there = fleet_day.spec(case, 1, network=_far(case), held=held)
    there.start_us = here.start_us + 40_000_000
    played = fleet_day.play(there)
    yield played, events(played)


def lifetime(fleet_day: FleetDay, case: Case) -> Act:
    """Use an expired credential, or one valid for years where others last hours."""
    spec = fleet_day.spec(case)
    issued_us, expires_us = spec.start_us - 6 * HOUR_US, spec.start_us - HOUR_US // 3
    if case.key % 2:
        issued_us, expires_us = spec.start_us - 200 * DAY_US, spec.start_us + 900 * DAY_US
    spec.held = Credential(
        id=f"cr-{case.key:016x}",
        issued_at=instant(issued_us),
        expires_at=instant(expires_us),
        scopes=list(spec.persona.world.role.scopes),
    )
    played = fleet_day.play(spec)
    yield played, events(played)


def scopes(fleet_day: FleetDay, case: Case) -> Act:
    """Work with a credential that has far more scopes than earlier ones."""
    spec = fleet_day.spec(case)
    own = credential(spec.persona, spec.start_us)
    wider = [*(own.scopes or []), "admin", "iam:write"]
    spec.held = change(own, id=f"cr-{case.key:016x}", scopes=wider)
    played = fleet_day.play(spec)
    yield played, events(played)


def shadow(fleet_day: FleetDay, case: Case) -> Act:
    """Let an unregistered agent do the work of a role."""
    name = f"helper-{case.key % 1_000_000:06d}"
    spec = fleet_day.spec(case)
    spec.agent = Agent(id=name, model="cedar-2", version="1.0")
    spec.held = Credential(id=f"cr-{case.key:016x}", issued_at=instant(spec.start_us - HOUR_US))
    spec.network = Network(source_ip=_address(case), egress="hosting", asn=64_505, country="XA")
    played = fleet_day.play(spec)
    case.agent_id = name
    yield played, events(played)


PLANTERS = (
    Planter(
        "net.anonymiser", anonymiser, "egress",
        "a session through a VPN, Tor or a proxy",
        ("asn", "country"),
    ),
    Planter(
        "net.new_origin", new_origin, "country",
        "a session from a country never seen",
        ("asn", "egress"),
    ),
    Planter(
        "cred.reuse", reuse, "other_country",
        "one credential from two far places within minutes",
        ("other_network", "asn", "country", "egress"),
    ),
    Planter(
        "cred.lifetime", lifetime, "expired",
        "a credential past its end, or a static one",
        ("lifetime",),
    ),
    Planter(
        "scope.escalation", scopes, "scope",
        "a credential with scopes never seen",
        ("credential_purpose",),
    ),
    Planter(
        "identity.shadow", shadow, "unregistered",
        "an agent outside the inventory does a role's work",
    ),
)  # fmt: skip
