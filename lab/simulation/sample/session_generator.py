"""One session: a request, its calls, and the origins of their arguments.

Origins of values are looked up, never declared. A value comes from the request if it is part of its
text, and from a tool result if an earlier call returned it. An agent passes only known values; an
argument without a source is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from lab.simulation.sample.world.credentials import credential
from lab.simulation.sample.world.values import KnownValues
from lab.simulation.sample.world.vocabulary import SERIALS
from models.event import Agent, Event, Human, Network, Outcome, Volume, instant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from lab.simulation.sample.world.roles import Task, Tool

ERRORS, DENIED = 0.012, 0.003
"""Shares of calls; an error is retried, a denied call ends the session."""

SMOOTH: tuple[Outcome, ...] = ("ok",)

Choice = tuple[str, str, list[str]]
"""Key, value and origins of one argument."""


class SessionSpec(Struct, frozen=True, kw_only=True):
    """All parameters of one session, except its random source.

    Attributes
    ----------
    agent, human, network
        Fields of the events; `human` is None for a scheduled session.
    session, start_us, task
        Name, start time and task.
    scopes
        Scopes of the credential.
    released
        Highest release of a tool that the agent has.
    without
        Names of tools that the agent does not use.
    scale
        Factor on volumes.
    smooth
        Whether no call fails or is denied.
    given
        Fixed values by slot.
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
    """Data read by the agent so far: the request and the results of its calls."""

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
        """Return whether the result with `value` listed more values, and add `new` to it."""
        if value.lower() in self._purpose or value not in self._results:
            return False
        self._results.setdefault(new, self._results[value])
        return True


def play(spec: SessionSpec, rng: Random) -> list[Event]:
    """Give the events of a session in order of time.

    Parameters
    ----------
    spec
        Parameters of the session.
    rng
        Random source; equal states give equal events.
    """
    facts = KnownValues(rng, spec.start_us, spec.given)
    purpose = spec.task.purpose.format_map(facts)
    memory = _Memory(purpose)
    events: list[Event] = []
    at_us = spec.start_us
    for tool, again in _steps(spec, rng):
        if again:
            _update_facts(tool, facts, memory)
        chosen = _arguments(tool, facts, memory)
        for outcome in SMOOTH if spec.smooth else _outcomes(rng):
            took_ms = int(tool.milliseconds * _spread(rng)) // 10 * 10
            name = f"{spec.session}-{len(events):02d}"
            events.append(_event(spec, name, at_us, tool, purpose, chosen, outcome, took_ms, rng))
            # Whole seconds keep the bundled file small, and are precise enough here.
            at_us += 1_000_000 * (2 + took_ms // 1000 + int(45 * rng.random() * rng.random()))
        if outcome == "denied":
            break
        for slot in tool.gives:
            memory.saw(facts[slot], tool.name)
    return events


def _steps(spec: SessionSpec, rng: Random) -> Iterator[tuple[Tool, bool]]:
    """Give the tools in order, and whether each call repeats the previous one."""
    for call in spec.task.calls:
        tool = call.tool
        if tool.release > spec.released or tool.name in spec.without:
            continue
        if call.optional and rng.random() < 0.5:
            continue
        yield tool, False
        if call.repeated:
            for _ in range(int(3 * rng.random())):
                yield tool, True


def _update_facts(tool: Tool, facts: KnownValues, memory: _Memory) -> None:
    """Advance to the next message, invoice or case of a list."""
    for _, slot in tool.arguments:
        if slot in SERIALS:
            new = facts.draw(slot)
            if memory.next_like(facts[slot], new):
                facts.put(slot, new)


def _arguments(tool: Tool, facts: KnownValues, memory: _Memory) -> list[Choice]:
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
    draw = rng.random()
    if draw >= ERRORS + DENIED:
        return SMOOTH
    return ("error", "ok") if draw < ERRORS else ("denied",)


def _spread(rng: Random) -> float:
    """Draw a factor between a third and three: a heavy enough tail without `exp`."""
    return (0.5 + rng.random()) / (0.5 + rng.random())


def _event(
    spec: SessionSpec,
    name: str,
    at_us: int,
    tool: Tool,
    purpose: str,
    chosen: list[Choice],
    outcome: Outcome,
    took_ms: int,
    rng: Random,
) -> Event:
    home = spec.network
    return Event(
        id=name,
        time=instant(at_us),
        agent=spec.agent,
        tool=tool.name,
        human=spec.human,
        mode=spec.task.mode,
        session=spec.session,
        task=spec.task.name,
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
        volume=_volume(tool, outcome, spec.scale * _spread(rng)),
        outcome=outcome,
        duration_ms=float(took_ms),
        credential=credential(spec.agent.id, at_us, spec.scopes),
    )


def _volume(tool: Tool, outcome: Outcome, scale: float) -> Volume | None:
    """Give the volume of a call; a failed call has none, and a single record is not a list."""
    if outcome != "ok":
        return None
    return Volume(
        bytes_in=_size(tool.bytes_in * scale) if tool.bytes_in else None,
        bytes_out=_size(tool.bytes_out * scale) if tool.bytes_out else None,
        records=_size(tool.records * scale) if tool.records else None,
    )


def _size(exact: float) -> int:
    """Round a size to three digits, which keeps the bundled file small.

    >>> _size(123_456.7), _size(87.9)
    (123000, 87)
    """
    size, step = int(exact), 1
    while size // step >= 1000:
        step *= 10
    return size - size % step
