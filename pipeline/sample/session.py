"""One session played out: a request, the calls it leads to, and what each call knew by then.

The origin of a value is never asserted but looked up: it stood in the request when it is part of
its text, and in a tool result when an earlier call of this session gave it. An agent passes only
what it has seen; an argument without a source is left out.
"""

from __future__ import annotations

from hashlib import sha256
from random import Random
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from models.event import (
    Agent,
    Credential,
    Event,
    Human,
    Network,
    Outcome,
    Volume,
    instant,
)
from pipeline.sample.roles import Call, Task, Tool
from pipeline.sample.values import Facts

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR_US = 3_600_000_000
CREDENTIAL_US = 4 * HOUR_US
GRACE_US = HOUR_US // 4
"""A credential is used for four hours and expires a quarter of an hour later."""

ERRORS, DENIED = 0.012, 0.003
"""Shares of calls; an error is tried again, a denied call ends the session."""


class Visit(Struct, frozen=True, kw_only=True):
    """All that decides one session, apart from its random source.

    Attributes
    ----------
    agent, human, network
        As the events carry them; `human` None for a scheduled session.
    task
        What is asked.
    scopes
        Of the credential.
    released
        Highest release of a tool that the agent has.
    without
        Names of tools this agent does not use.
    scale
        Factor on volumes.
    given
        Values fixed beforehand.
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
    given: dict[str, str] = msgspec.field(default_factory=dict)


def credential(agent_id: str, at_us: int, scopes: tuple[str, ...]) -> Credential:
    """Give the credential an agent holds at an instant.

    >>> first = credential("a", 10 * CREDENTIAL_US, ("erp",))
    >>> first.id == credential("a", 11 * CREDENTIAL_US - 1, ("erp",)).id
    False
    """
    # Every agent rotates at its own minute, so that a fleet does not do it all at once.
    offset = int.from_bytes(sha256(agent_id.encode()).digest()[:2]) * (CREDENTIAL_US >> 16)
    turn = (at_us - offset) // CREDENTIAL_US
    issued_us = turn * CREDENTIAL_US + offset
    return Credential(
        id="cr-" + sha256(f"{agent_id}/{turn}".encode()).hexdigest()[:12],
        issued_at=instant(issued_us),
        expires_at=instant(issued_us + CREDENTIAL_US + GRACE_US),
        scopes=list(scopes),
    )


class _Memory:
    """What the agent has seen so far in this session."""

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

    def again(self, old: str, new: str) -> None:
        """Note that the result which held `old` listed `new` as well."""
        if old in self._results:
            self._results.setdefault(new, self._results[old])


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
    purpose = visit.task.purpose.format_map(facts)  # type: ignore[arg-type]  # only [] is needed
    memory = _Memory(purpose)
    at_us, events = visit.start_us, []
    held = credential(visit.agent.id, at_us, visit.scopes)
    for tool, again in _steps(visit, rng):
        at_us += _pause_us(rng)
        if held.issued_at and at_us >= visit.start_us and instant(at_us) >= _rotates(held):
            held = credential(visit.agent.id, at_us, visit.scopes)
        chosen = _arguments(tool, facts, memory, again)
        for outcome in _outcomes(rng):
            milliseconds = _vary(tool.milliseconds, rng)
            events.append(
                Event(
                    id=f"{visit.session}-{len(events):02d}",
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
                    network=_network(visit.network, tool),
                    volume=_volume(tool, outcome, visit.scale, rng),
                    outcome=outcome,
                    duration_ms=float(milliseconds),
                    credential=held,
                )
            )
            at_us += milliseconds * 1000
        if outcome == "denied":
            break
        for slot in tool.gives:
            memory.saw(facts[slot], tool.name)
    return events
