"""Agents: the bundled dozen from `agents.csv`, and fleets of any size."""

from __future__ import annotations

from msgspec import Struct

from lab.simulation.sample.world.roles import Role, roles
from lab.simulation.tables import table
from models.event import Network
from models.units import MINUTE_US

REGIONS = ("north", "south", "east", "west", "centre", "coast")
PER_REGION = 100
"""Size of a block of consecutive agents; each role and region is a separate peer group."""


class Member(Struct, frozen=True, kw_only=True):
    """One registered agent.

    Attributes
    ----------
    role
        Role with tools and tasks; `role_name` is the name in events and inventory.
    humans
        People on whose behalf it works.
    network
        Its normal address, autonomous system and country.
    shift_us
        Offset of its working day.
    """

    agent_id: str
    role: Role
    role_name: str
    owner: str
    model: str
    humans: tuple[str, ...]
    network: Network
    shift_us: int = 0


def staff() -> list[Member]:
    """Give the agents of the bundled sample; the last one joins in the third week."""
    return [
        Member(
            agent_id=row["agent_id"],
            role=roles()[row["role"]],
            role_name=row["role"],
            owner=row["owner"],
            model=row["model"],
            humans=tuple(row["humans"].split()),
            network=Network(source_ip=row["address"], asn=int(row["asn"]), country=row["country"]),
        )
        for row in table("lab.simulation.sample.world", "agents.csv")
    ]


def fleet_member(index: int) -> Member:
    """Give the agent of a number in a synthetic fleet; small fleets have plain roles.

    >>> fleet_member(3).agent_id, fleet_member(105).role_name
    ('travel-desk-00003', 'support-desk-south')
    """
    name = ("invoice-clerk", "support-desk", "data-steward", "travel-desk")[index % 4]
    block = index // PER_REGION
    region = f"-{REGIONS[block % len(REGIONS)]}" if block else ""
    net = 64_496 + block % 8
    return Member(
        agent_id=f"{name}-{index:05d}",
        role=roles()[name],
        role_name=name + region,
        owner=f"team-{block % len(REGIONS)}",
        model="cedar-2" if index % 3 else "willow-1",
        humans=tuple(f"person-{index * 3 + one}" for one in range(3)),
        network=Network(
            source_ip=f"198.51.100.{1 + index % 250}"
            if index % 2
            else f"192.0.2.{1 + index % 250}",
            asn=net,
            country=("XA", "XB", "XC")[block % 3],
        ),
        shift_us=(index * 37 % 61) * MINUTE_US,
    )
