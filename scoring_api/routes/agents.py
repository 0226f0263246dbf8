"""The inventory: agents with their trust, evidence and history."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query

from models.errors import HabitusError
from models.event import rfc3339
from pipeline.casework.alias_list import changes_of, identity_of
from pipeline.inventory.coverage import Group
from scoring_api.clock import wall_us
from scoring_api.lists import cursors
from scoring_api.lists.agents import detail, evidence, history, row, unseen_row
from scoring_api.problems import ProblemError
from scoring_api.schemas.agents import AgentDetail, AgentPage, Evidence, History
from scoring_api.schemas.values import LevelName, ModeName, StateName
from scoring_api.service import DESCRIBED, AgentPath, Service, Shared, needs, problems
from scoring_api.trust_cache.cached_agent import Entry

router = APIRouter(tags=["agents"], dependencies=[*DESCRIBED, needs("trust:read")])

T = TypeVar("T")
Text = Annotated[str | None, Query(max_length=256)]


@router.get(
    "/v1/agents",
    summary="Agents, the least trusted first",
    response_model=AgentPage,
    responses=problems(503),
)
async def list_agents(
    service: Shared,
    level: Annotated[LevelName | None, Query()] = None,
    state: Annotated[StateName | None, Query()] = None,
    role: Text = None,
    owner: Text = None,
    q: Text = None,
    silent: Annotated[bool | None, Query()] = None,
    group: Annotated[Group | None, Query()] = None,
    cursor: Annotated[str | None, Query(max_length=2048)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict[str, Any]:
    """List agents, the least trusted first.

    `q` is searched in id, role and owner. `silent` selects agents that stopped reporting: their
    last event is between a day and 30 days old, and at least twice their longest typical silence.
    `group` selects agents by their place in the inventory; it may give registered agents without
    events. Agents that move between two pages may appear twice or not at all.
    """
    service.cache.require_ready()
    after = cursors.take(cursor, tuple[int, str]) if cursor else None
    if group is not None:
        await service.coverages.counted()
    found: list[tuple[tuple[int, str], Entry | None]] = []
    for entry in await service.cache.entries():
        answer = entry.answer
        if (level and answer.level != level) or (state and answer.state != state):
            continue
        if silent is not None and silent is not (answer.agent_id in service.silences):
            continue
        if group is not None and group not in service.coverages.groups(answer.agent_id):
            continue
        if _fits(service, entry, role, owner, q):
            found.append(((answer.lower, answer.agent_id), entry))
    if group is not None and not silent:
        found += _unseen(service, group, (level, state, role, owner, q))
    found.sort(key=lambda pair: pair[0])
    rest = [pair for pair in found if after is None or pair[0] > after]
    page = rest[:limit]
    return {
        "agents": [_row(service, agent_id, entry) for (_, agent_id), entry in page],
        "total": len(found),
        "coverage": service.coverages.fields(),
        "as_of": rfc3339(service.cache.at_us(wall_us())),
        "next_cursor": cursors.give(page[-1][0]) if len(rest) > limit else None,
    }


def _row(service: Service, agent_id: str, entry: Entry | None) -> dict[str, Any]:
    coverages = service.coverages
    declared, registered = coverages.of_entry(agent_id), coverages.inventory.get(agent_id)
    if entry is not None:
        states, silent = service.cache.states(agent_id), service.silences.of(agent_id)
        return row(states, entry.answer, silent, declared)
    answer = service.cache.entry(agent_id, (None, None), wall_us()).answer
    return unseen_row(agent_id, registered, answer, declared)


def _unseen(
    service: Service, group: Group, asked: tuple[str | None, ...]
) -> Iterator[tuple[tuple[int, str], None]]:
    """Give the registered agents without events that fit a question, in their order."""
    level, state, role, owner, q = asked
    nobody = service.cache.entry("", (None, None), wall_us()).answer
    if (level and nobody.level != level) or (state and nobody.state != state):
        return
    for agent_id in service.coverages.unseen(group):
        entry = service.coverages.inventory.get(agent_id)
        if entry is None or role not in (None, entry.role) or owner not in (None, entry.owner):
            continue
        text = f"{agent_id}\n{entry.role or ''}\n{entry.owner or ''}"
        if q is None or q.casefold() in text.casefold():
            yield (nobody.lower, agent_id), None


def _fits(
    service: Service, entry: Entry, role: str | None, owner: str | None, q: str | None
) -> bool:
    if role is None and owner is None and q is None:
        return True
    states = service.cache.states(entry.answer.agent_id)
    if role is not None and all(state.role != role for state in states):
        return False
    if owner is not None and all(state.owner != owner for state in states):
        return False
    text = "\n".join(f"{state.role or ''}\n{state.owner or ''}" for state in states)
    return q is None or q.casefold() in f"{entry.answer.agent_id}\n{text}".casefold()


@router.get(
    "/v1/agents/{agent_id}",
    summary="One agent",
    response_model=AgentDetail,
    responses=problems(404, 503),
)
async def get_agent(agent_id: AgentPath, service: Shared) -> dict[str, Any]:
    """Describe one agent with its trust, overall and by mode.

    `aliases` are the identifiers that are judged as this agent. `joined` is the agent that this
    one is judged as; its trust here is then that of its past.
    """
    service.cache.require_ready()
    states = service.cache.states(agent_id)
    now = wall_us()
    answer = service.cache.own_entry(agent_id, (None, None), now).answer
    modes = sorted(state.mode for state in states)
    by_mode = [service.cache.own_entry(agent_id, (mode, None), now).answer for mode in modes]
    identity = await _read(service, lambda: identity_of(service.reading, agent_id))
    entry = service.coverages.of_entry(agent_id)
    return detail(states, answer, by_mode, service.silences.of(agent_id), entry) | identity


async def _read(service: Service, call: Callable[[], T]) -> T:
    """Read identities from the store; raise a 503 `ProblemError` if that is impossible now."""
    try:
        return await service.cache.read(call)
    except HabitusError:
        raise ProblemError(503, "the store cannot be read now") from None


@router.get(
    "/v1/agents/{agent_id}/evidence",
    summary="Evidence for the score of an agent",
    response_model=Evidence,
    responses=problems(404, 503),
)
async def get_agent_evidence(agent_id: AgentPath, service: Shared) -> dict[str, Any]:
    """List the evidence for the score, each item with its exact effect."""
    service.cache.require_ready()
    states = service.cache.states(agent_id)
    return evidence(states, service.cache.at_us(wall_us()), service.cache.policy)


@router.get(
    "/v1/agents/{agent_id}/history",
    summary="Scores of an agent over time",
    response_model=History,
    responses=problems(404, 503),
)
async def get_agent_history(
    agent_id: AgentPath,
    service: Shared,
    mode: Annotated[ModeName | None, Query()] = None,
    days: Annotated[int, Query(ge=1, le=180)] = 30,
) -> dict[str, Any]:
    """Give the score of each of the last days, from the current evidence.

    `identities` names the merges and splits: before a merge, the events of an alias are in its own
    history.
    """
    service.cache.require_ready()
    now = wall_us()
    states = service.cache.states(agent_id)
    default_mode = mode or service.cache.own_entry(agent_id, (None, None), now).answer.mode
    at_us, policy = service.cache.at_us(now), service.cache.policy
    found = [state for state in states if state.mode == default_mode]
    points = [point for one in found for point in history(one, states, at_us, days, policy)]
    changes = await _read(service, lambda: changes_of(service.reading, agent_id))
    return {"agent_id": agent_id, "mode": default_mode, "points": points, "identities": changes}
