"""One session played out: a request, the calls it leads to, and what each call knew by then.

The origin of a value is never asserted but looked up: it stood in the request when it is part of
its text, and in a tool result when an earlier call of this session gave it. An agent passes only
what it has seen; an argument without a source is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from lab.simulation.sample.world.credentials import credential
from lab.simulation.sample.world.values import Facts
from lab.simulation.sample.world.vocabulary import SERIALS
from models.event import Agent, Event, Human, Network, Outcome, Volume, instant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from lab.simulation.sample.world.roles import Task, Tool

ERRORS, DENIED = 0.012, 0.003
"""Shares of calls; an error is tried again, a denied call ends the session."""

SMOOTH: tuple[Outcome, ...] = ("ok",)

Choice = tuple[str, str, list[str]]
"""Key, value and origins of one argument."""


class Visit(Struct, frozen=True, kw_only=True):
    """All that decides one session, apart from its random source.

    Attributes
    ----------
    agent, human, network
        As the events carry them; `human` None for a scheduled session.
    session, start_us, task
        Its name, when it starts, what is asked.
    scopes
        Of the credential.
    released
        Highest release of a tool that the agent has.
    without
        Names of tools this agent does not use.
    scale
        Factor on volumes.
    smooth
        No call fails or is denied.
    given
        Values fixed beforehand, by slot.
    """

    agent: Agent
    human: Human | None
    network: Network
    session: str
    start_us: int
    task: Task
    scopes: tuple[str, ...]
    released: int = 0
    without: frozenset[str] = frozenset()
    scale: float = 1.0
    smooth: bool = False
    given: dict[str, str] = msgspec.field(default_factory=dict)


class _Memory:
    """What the agent has read so far: the request and the results of its calls."""

    def __init__(self, purpose: str) -> None:
        self._purpose = purpose.lower()
        self._results: dict[str, str] = {}

    def saw(self, value: str, tool: str) -> None:
        self._results.setdefault(value, tool)

    def origins(self, value: str) -> list[str]:
        found = ["request"] if value.lower() in self._purpose else []
        if value in self._results:
            found.append("result:" + self._results[value])
        return found

    def next_like(self, value: str, new: str) -> bool:
        """Whether the result that held `value` listed more of its kind; `new` is then one."""
        if value.lower() in self._purpose or value not in self._results:
            return False
        self._results.setdefault(new, self._results[value])
        return True


def play(visit: Visit, rng: Random) -> list[Event]:
    """Give the events of a session in order of time.

    Parameters
    ----------
    visit
        Who, when, what for.
    rng
        Source of everything that varies; the same state gives the same events.
    """
    facts = Facts(rng, visit.start_us, visit.given)
    purpose = visit.task.purpose.format_map(facts)
    memory = _Memory(purpose)
    events: list[Event] = []
    at_us = visit.start_us
    for tool, again in _steps(visit, rng):
        if again:
            _move_on(tool, facts, memory)
        chosen = _arguments(tool, facts, memory)
        for outcome in SMOOTH if visit.smooth else _outcomes(rng):
            took_ms = int(tool.milliseconds * _spread(rng)) // 10 * 10
            name = f"{visit.session}-{len(events):02d}"
            events.append(_event(visit, name, at_us, tool, purpose, chosen, outcome, took_ms, rng))
            # Whole seconds: they keep the bundled file small, and nothing here needs finer ones.
            at_us += 1_000_000 * (2 + took_ms // 1000 + int(45 * rng.random() * rng.random()))
        if outcome == "denied":
            break
        for slot in tool.gives:
            memory.saw(facts[slot], tool.name)
    return events


def _steps(visit: Visit, rng: Random) -> Iterator[tuple[Tool, bool]]:
    """Give the tools in order, and whether a call repeats the one before."""
    for call in visit.task.calls:
        tool = call.tool
        if tool.release > visit.released or tool.name in visit.without:
            continue
        if call.optional and rng.random() < 0.5:
            continue
        yield tool, False
        if call.repeated:
            for _ in range(int(3 * rng.random())):
                yield tool, True


def _move_on(tool: Tool, facts: Facts, memory: _Memory) -> None:
    """Take the next message, invoice or case of a list instead of the same one again."""
    for _, slot in tool.arguments:
        if slot in SERIALS:
            new = facts.draw(slot)
            if memory.next_like(facts[slot], new):
                facts.put(slot, new)


def _arguments(tool: Tool, facts: Facts, memory: _Memory) -> list[Choice]:
    chosen: list[Choice] = []
    for key, slot in tool.arguments:
        if slot.startswith("="):
            chosen.append((key, slot[1:], [*memory.origins(slot[1:]), "system"]))
            continue
        value = facts.draw(slot) if slot.startswith("~") else facts[slot]
        origins = memory.origins(value)
        if origins or slot.startswith("~"):
            chosen.append((key, value, origins))
    return chosen


def _outcomes(rng: Random) -> tuple[Outcome, ...]:
    luck = rng.random()
    if luck >= ERRORS + DENIED:
        return SMOOTH
    return ("error", "ok") if luck < ERRORS else ("denied",)


def _spread(rng: Random) -> float:
    """Vary around 1, between a third and three: a heavy enough tail without a library's `exp`."""
    return (0.5 + rng.random()) / (0.5 + rng.random())


def _event(
    visit: Visit,
    name: str,
    at_us: int,
    tool: Tool,
    purpose: str,
    chosen: list[Choice],
    outcome: Outcome,
    took_ms: int,
    rng: Random,
) -> Event:
    home = visit.network
    return Event(
        id=name,
        time=instant(at_us),
        agent=visit.agent,
        tool=tool.name,
        human=visit.human,
        mode=visit.task.mode,
        session=visit.session,
        task=visit.task.name,
        purpose=purpose,
        operation=tool.operation,
        arguments={key: value for key, value, _ in chosen} or None,
        argument_origins={key: [(value, found)] for key, value, found in chosen} or None,
        resource=tool.resource,
        network=Network(
            source_ip=home.source_ip,
            destination=tool.destination,
            asn=home.asn,
            country=home.country,
        ),
        volume=_volume(tool, outcome, visit.scale * _spread(rng)),
        outcome=outcome,
        duration_ms=float(took_ms),
        credential=credential(visit.agent.id, at_us, visit.scopes),
    )


def _volume(tool: Tool, outcome: Outcome, scale: float) -> Volume | None:
    """Count what moved; a failed call moves nothing, and an answer of one record is not a list."""
    if outcome != "ok":
        return None
    return Volume(
        bytes_in=_size(tool.bytes_in * scale) if tool.bytes_in else None,
        bytes_out=_size(tool.bytes_out * scale) if tool.bytes_out else None,
        records=_size(tool.records * scale) if tool.records else None,
    )


def _size(exact: float) -> int:
    """Keep three digits of a size: enough to look at, and the bundled file stays small.

    >>> _size(123_456.7), _size(87.9)
    (123000, 87)
    """
    size, step = int(exact), 1
    while size // step >= 1000:
        step *= 10
    return size - size % step
