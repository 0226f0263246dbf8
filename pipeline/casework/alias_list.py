"""Aliases as people and programs read them."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from models.event import rfc3339
from pipeline.casework.roots import confirmed, root_of

if TYPE_CHECKING:
    from pipeline.casework.desk import Files
    from pipeline.identity.alias import Alias
    from pipeline.store.registers.audit import Entry

MAX_CHANGES = 200
"""Most merges and splits that the history of an agent names, the newest ones."""


def shown(one: Alias) -> dict[str, Any]:
    """Give an alias as the API and the commands show it."""
    return {
        "alias": one.value,
        "agent_id": one.agent_id,
        "kind": one.kind,
        "state": one.state,
        "source": one.source,
        "since": rfc3339(one.since_us) if one.since_us else None,
        "version": one.version,
    }


def listed(
    store: Files,
    *,
    state: str | None = None,
    agent_id: str | None = None,
    after: tuple[str, str] | None = None,
    limit: int = 50,
) -> tuple[list[dict[str, Any]], tuple[str, str] | None]:
    """Give aliases in order, and the pair after which others follow."""
    found = store.aliases.page(state=state, agent_id=agent_id, after=after, limit=limit + 1)
    page = found[:limit]
    last = (page[-1].value, page[-1].agent_id) if len(found) > limit else None
    return [shown(one) for one in page], last


def identity_of(store: Files, agent_id: str) -> dict[str, Any]:
    """Give the identifiers that are judged as an agent, and the agent that it is judged as.

    `agent_id` of each is the agent at the end of the chain of merges.
    """
    above = confirmed(store, agent_id)
    below = store.aliases.judged_as(agent_id) if above is None else []
    root = root_of(store, agent_id)
    return {
        "aliases": [shown(one) | {"agent_id": agent_id} for one in below],
        "joined": shown(above) | {"agent_id": root} if above else None,
    }


def changes_of(store: Files, agent_id: str) -> list[dict[str, Any]]:
    """Give the merges and splits of an agent, as the identifier or as the agent, oldest first.

    An agent has also those of the agents that are now judged as it.
    """
    aliases = store.aliases
    agents = [agent_id, *(one.value for one in aliases.judged_as(agent_id))]
    rows = [*aliases.of_value(agent_id), *chain.from_iterable(map(aliases.of_agent, agents))]
    decided = {one.value: None for one in rows if one.state in ("confirmed", "split")}
    entries = [
        entry
        for value in decided
        for entry in store.audit.of("identity", value)
        if entry.action in ("merge", "split") and (value == agent_id or entry.target in agents)
    ]
    entries.sort(key=lambda entry: (entry.at_us, entry.object, entry.version))
    return [_change(entry) for entry in entries[-MAX_CHANGES:]]


def _change(entry: Entry) -> dict[str, Any]:
    return {
        "at": rfc3339(entry.at_us),
        "change": entry.action,
        "alias": entry.object,
        "agent_id": entry.target,
        "version": entry.version + 1,
    }
