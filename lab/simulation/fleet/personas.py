"""Agents of the fleet.

An agent depends on its number and the seed, not on the size of the fleet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from lab.simulation.fleet.world.draw import NORMAL, mix, unit, word
from lab.simulation.fleet.world.roles import HABITS, World, all_roles, weights, world
from lab.simulation.fleet.world.words import REGIONS
from models.event import Agent, Human, Network

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.simulation.fleet.config import SimulationConfig

BLOCK = 400
"""Consecutive agents of one region; each role and block is a separate peer group."""

_PER_NEW_ROLE = 20
_COUNTRIES = ("XA", "XB", "XC")
_WHO, _ROLE, _RATE = word("who"), word("role"), word("rate")


class Persona(Struct, frozen=True, gc=False):
    """One agent of the fleet with its fixed traits.

    Attributes
    ----------
    key
        Seed of its random draws.
    group
        Number of its peer group, for novelties of the group.
    humans, home, hosted
        People it works for, and its networks for delegated and for scheduled work.
    orchestrator
        Agent that delegates requests to it, or None.
    rate
        Delegated sessions on an ordinary workday.
    habit, offset
        Index of its habit, and offset of its favourite resources.
    care, size, pace
        Share of optional steps taken; factors on sizes and on pauses.
    """

    index: int
    key: int
    agent: Agent
    group: int
    world: World
    humans: tuple[Human, ...]
    home: Network
    hosted: Network
    orchestrator: str | None
    rate: float
    habit: int
    offset: int
    care: float
    size: float
    pace: float


def persona(seed: int, index: int) -> Persona:
    """Make the agent of a number.

    >>> persona(7, 3) == persona(7, 3)
    True
    """
    key = mix(seed, _WHO, index)
    block = index // BLOCK
    region = block % len(REGIONS)
    names = list(all_roles())
    count = min(len(names), 2 + index // _PER_NEW_ROLE)
    name = _weighted(names, weights(count), unit(key, _ROLE))
    suffix = f"-{REGIONS[region]}-{block + 1}" if block else ""
    where = index % 250 + 1
    corporate = unit(key, 2) < 0.6
    cloud = Network(
        source_ip=f"198.51.100.{where}",
        egress="hosting",
        asn=64_497 + block % 3,
        country=_COUNTRIES[block % 3],
    )
    office = Network(
        source_ip=f"203.0.113.{where % 14 + 1}",
        egress="corporate",
        asn=64_496,
        country=_COUNTRIES[region % 3],
    )
    team = mix(seed, block, word(name)) % 1_000_000
    people = 2 + int(4 * unit(key, 3))
    return Persona(
        index=index,
        key=key,
        agent=Agent(
            id=f"{name}-{index:06d}",
            role=name + suffix,
            model="cedar-2" if unit(key, 4) < 0.7 else "willow-1",
            version="1.0",
            owner=f"team-{name.partition('-')[0]}-{block}",
        ),
        group=mix(seed, block, word(name)),
        world=world(name, region),
        humans=tuple(
            Human(id=f"person-{team}-{int(24 * unit(key, 5, n)):02d}") for n in range(people)
        ),
        home=office if corporate else cloud,
        hosted=cloud,
        orchestrator=f"coordinator-{block}" if unit(key, 6) < 0.3 else None,
        rate=7.5 * 2.0 ** (0.5 * NORMAL[int(unit(key, _RATE) * len(NORMAL))]),
        habit=int(unit(key, 7) * HABITS),
        offset=int(unit(key, 8) * 24),
        care=0.3 + 0.4 * unit(key, 9),
        size=2.0 ** (2 * unit(key, 10) - 1),
        pace=2.0 ** (2 * unit(key, 11) - 1),
    )


def inventory(config: SimulationConfig) -> Iterator[tuple[str, str, str, str]]:
    """Give agent id, role, owner and model of every registered agent."""
    for index in range(config.agents):
        agent = persona(config.seed, index).agent
        yield agent.id, agent.role or "", agent.owner or "", agent.model or ""


def _weighted(names: list[str], shares: list[float], draw: float) -> str:
    left = draw * sum(shares)
    for name, share in zip(names, shares, strict=False):
        left -= share
        if left < 0:
            return name
    return names[len(shares) - 1]
