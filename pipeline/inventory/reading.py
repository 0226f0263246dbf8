"""Read the text of an inventory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.errors import ConfigError
from pipeline.inventory.registered import registered
from pipeline.inventory.rows import entries

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.inventory.registered import Registered


def agents_of(path: Path, text: str) -> dict[str, Registered]:
    r"""Give the agents of an inventory by id; none for an empty text.

    Raises
    ------
    ConfigError
        An entry is wrong, or two have one id; the message names file and line.

    Examples
    --------
    >>> from pathlib import Path
    >>> agents_of(Path("a.csv"), "agent_id,owner\na,ana@example.com\n")["a"].owner
    'ana@example.com'
    """
    agents: dict[str, Registered] = {}
    lines: dict[str, int] = {}
    for line, entry in entries(path, text):
        agent = registered(path, line, entry)
        if agent.agent_id in agents:
            raise ConfigError(
                f"{path}, line {line}: agent {agent.agent_id!r} is on line "
                f"{lines[agent.agent_id]} already"
            )
        agents[agent.agent_id], lines[agent.agent_id] = agent, line
    return agents
