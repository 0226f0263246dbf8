"""One session: a request, a walk through the steps of its task, and their calls.

The walk is a Markov chain. A step leads to the next one, may be skipped if optional, repeats over a
list, and sometimes leads back to the previous one. An argument value must come from the request or
an earlier result, which is its origin.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from lab.simulation.fleet.world.credentials import credential
from lab.simulation.fleet.world.draw import GRID, SPREAD, mix, word, zipf
from lab.simulation.fleet.world.roles import ASK, CATALOGUE, POOL, RECALL, SAVE
from lab.simulation.fleet.world.words import ATTRIBUTES, CHOICES, ENTITIES, SERIALS
from models.event import Credential, Event, Human, Network, Resource, Volume, instant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from lab.simulation.fleet.personas import Persona
    from lab.simulation.sample.world.roles import Task, Tool
    from models.event import Agent, Outcome

ERRORS, DENIED = 0.012, 0.003
AGAIN, BACK = 0.45, 0.04
"""Probabilities that a list continues, and that a step is repeated."""

_POOL, _CATALOGUE = zipf(POOL), zipf(CATALOGUE, 1.5)
_FAVOURITES = 4
_SESSION = word("session")
_TOKENS = (900, 1_400, 2_100, 3_000)
_HANDED_ON = 0.4

Played = list[tuple[int, Event]]
"""Events of a session with their times in microseconds, in order."""


class SessionSpec(Struct, kw_only=True):
    """All parameters of one session, except its random source.

    Attributes
    ----------
    number
        Number of the session within the agent's day; part of its name.
    task
        The requested task; its mode is that of the session.
    released
        Highest release of a tool that the agent has.
    without
        A tool that the agent does not use yet.
    scale
        Factor on sizes.
    smooth
        Whether no call fails.
    given
        Fixed values by slot.
    human, network, delegation, held
        Replacements of the agent's defaults.
    """

    persona: Persona
    agent: Agent
    day: int
    number: int
    start_us: int
    task: Task
    released: int = 0
    without: str | None = None
    scale: float = 1.0
    smooth: bool = False
    given: dict[str, str] | None = None
    human: Human | None = None
    network: Network | None = None
    delegation: list[str] | None = None
    held: Credential | None = None
    trace: str | None = None
    fresh: Resource | None = None


class Facts(dict[str, str]):
    """The values of one session, drawn on first access."""

    __slots__ = ("_draw", "_offset", "_pools")

    def __init__(self, persona: Persona, draw: Any) -> None:
        super().__init__()
        self._pools, self._offset, self._draw = persona.world.pools, persona.offset, draw

    def __missing__(self, slot: str) -> str:
        kind = ATTRIBUTES[slot][0] if slot in ATTRIBUTES else slot
        if kind not in ENTITIES:
            value = self[slot] = self.fresh(slot)
            return value
        pool = self._pools[kind]
        rank = _POOL[int(self._draw() * GRID)]
        found = pool[_shifted_rank(rank, self._offset, len(pool))]
        for name, value in found.items():
            self.setdefault(name, value)
        return self[slot]

    def fresh(self, slot: str) -> str:
        """Draw a value that belongs to no entity."""
        if slot in SERIALS:
            pattern, low, high = SERIALS[slot]
            return pattern.format(low + int(self._draw() * (high - low + 1)))
        if slot in CHOICES:
            few = CHOICES[slot]
            return few[int(self._draw() * len(few))]
        return f"2026-{1 + int(12 * self._draw()):02d}-{1 + int(28 * self._draw()):02d}"


def _shifted_rank(rank: int, offset: int, size: int) -> int:
    """Convert a rank to an index: the first ranks are the agent's favourites, others are shared."""
    return (rank + offset) % size if rank < _FAVOURITES else rank % size


def seed_of(persona: Persona, day: int, number: int) -> int:
    """Give the random seed of a session, which also names it."""
    return mix(persona.key, _SESSION, day, number)


def play(spec: SessionSpec, rng: Random) -> Played:
    """Give the events of a session in order of time.

    Parameters
    ----------
    spec
        Parameters of the session.
    rng
        Random source; it is seeded here.
    """
    persona = spec.persona
    seed = seed_of(persona, spec.day, spec.number)
    rng.seed(seed)
    draw = rng.random
    facts = Facts(persona, draw)
    if spec.given:
        facts.update(spec.given)
    shared = _shared(spec, seed, spec.task.purpose.format_map(facts), draw)
    network = spec.network or (persona.home if shared["human"] else persona.hosted)
    origins: dict[str, list[str]] = {slot: ["request"] for slot in slots(spec.task.purpose)}
    at_us = spec.start_us
    played: Played = []
    for tool, again in _walk(spec, draw):
        if again:
            _update_facts(tool, facts, origins)
        carried = _arguments(tool, facts, origins)
        outcome = "ok" if spec.smooth else _outcome(draw())
        took_ms = int(tool.milliseconds * SPREAD[int(draw() * GRID)])
        event = Event(
            id=f"{shared['session']}-{len(played):02d}",
            time=instant(at_us),
            tool=tool.name,
            operation=tool.operation,
            arguments={key: value for key, value, _ in carried} or None,
            argument_origins={key: [(value, found)] for key, value, found in carried} or None,
            resource=_resource(tool, spec, draw),
            network=_network_to(network, tool.destination),
            volume=_volume(tool, persona.size * spec.scale, draw) if outcome == "ok" else None,
            outcome=outcome,
            duration_ms=float(took_ms),
            attributes={"tokens": int(_TOKENS[len(played) & 3] * SPREAD[int(draw() * GRID)])},
            **shared,
        )
        played.append((at_us, event))
        pause_s = 2.0 + 9.0 * persona.pace * SPREAD[int(draw() * GRID)]
        at_us += 1_000 * took_ms + int(1_000_000 * pause_s)
        if outcome == "denied":
            break
        for slot in tool.gives:
            origins.setdefault(slot, [f"result:{tool.name}"])
    return played


def _shared(spec: SessionSpec, seed: int, purpose: str, draw: Any) -> dict[str, Any]:
    """Give the common fields of all events of a session."""
    persona, scheduled = spec.persona, spec.task.mode == "autonomous"
    people = persona.humans
    human = None if scheduled else spec.human or people[int(draw() * draw() * len(people))]
    delegation = spec.delegation
    if delegation is None and human is not None and persona.orchestrator and draw() < _HANDED_ON:
        delegation = [persona.orchestrator, human.id]
    return {
        "agent": spec.agent,
        "human": human,
        "mode": spec.task.mode,
        "delegation": delegation,
        "session": f"s-{seed:016x}",
        "task": spec.task.name,
        "trace_id": spec.trace or f"t-{seed >> 16:012x}",
        "purpose": purpose,
        "credential": spec.held or credential(persona, spec.start_us),
    }


def _outcome(draw: float) -> Outcome:
    if draw >= ERRORS + DENIED:
        return "ok"
    return "error" if draw < ERRORS else "denied"


def _network_to(network: Network, destination: str | None) -> Network:
    if destination is None:
        return network
    return Network(
        source_ip=network.source_ip,
        destination=destination,
        egress=network.egress,
        asn=network.asn,
        country=network.country,
    )


@lru_cache(1_024)
def slots(purpose: str) -> tuple[str, ...]:
    """Give the slots of a request.

    >>> slots("Pay {invoice} of {vendor}.")
    ('invoice', 'vendor')
    """
    return tuple(part.partition("}")[0] for part in purpose.split("{")[1:])


def _walk(spec: SessionSpec, draw: Any) -> Iterator[tuple[Tool, bool]]:
    """Walk through the steps; give each tool, and whether the call repeats the previous one."""
    care, released, without = spec.persona.care, spec.released, spec.without
    if draw() < 0.2:
        yield RECALL, False
    for call in spec.task.calls:
        tool = call.tool
        if tool.release > released or tool.name == without:
            continue
        if call.optional and draw() >= care:
            continue
        yield tool, False
        if call.repeated:
            while draw() < AGAIN:
                yield tool, True
        if tool.operation == "read" and draw() < BACK:
            yield tool, False
    if draw() < 0.08:
        yield ASK, False
    if draw() < 0.12:
        yield SAVE, False


def _update_facts(tool: Tool, facts: Facts, origins: dict[str, list[str]]) -> None:
    """Advance to the next list entry; values of the request stay."""
    for _, slot in tool.arguments:
        if slot in SERIALS and slot in origins and origins[slot][0] != "request":
            facts[slot] = facts.fresh(slot)


def _arguments(
    tool: Tool, facts: Facts, origins: dict[str, list[str]]
) -> list[tuple[str, str, list[str]]]:
    carried = []
    for key, slot in tool.arguments:
        found = origins.get(slot)
        if found is not None:
            carried.append((key, facts[slot], found))
        elif slot[0] == "=":
            carried.append((key, slot[1:], ["system"]))
        elif slot[0] == "~":
            carried.append((key, facts.fresh(slot) if slot in CHOICES else facts[slot], []))
    return carried


def _resource(tool: Tool, spec: SessionSpec, draw: Any) -> Resource | None:
    known = spec.persona.world.resources.get(tool.name)
    if known is None:
        return tool.resource
    if spec.fresh is not None and tool.resource.domain == spec.fresh.domain and draw() < 0.5:
        return spec.fresh
    rank = _CATALOGUE[int(draw() * GRID)]
    return known[_shifted_rank(rank, spec.persona.offset, len(known))]


def _volume(tool: Tool, scale: float, draw: Any) -> Volume:
    factor = scale * SPREAD[int(draw() * GRID)]
    return Volume(
        bytes_in=int(tool.bytes_in * factor) if tool.bytes_in else None,
        bytes_out=int(tool.bytes_out * factor) if tool.bytes_out else None,
        records=1 + int(tool.records * factor) if tool.records else None,
    )
