"""The agent that an identifier is judged as, according to the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.casework.desk import Files
    from pipeline.identity.alias import Alias

_MOST_STEPS = 64


def root_of(store: Files, agent_id: str) -> str:
    """Give the agent that an identifier is judged as; itself where it is no alias."""
    name = agent_id
    for _ in range(_MOST_STEPS):
        found = confirmed(store, name)
        if found is None:
            return name
        name = found.agent_id
    return agent_id


def confirmed(store: Files, value: str) -> Alias | None:
    """Give the confirmed alias of an identifier, None without one."""
    rows = store.aliases.of_value(value)
    return next((one for one in rows if one.state == "confirmed"), None)
