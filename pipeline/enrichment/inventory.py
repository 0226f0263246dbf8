"""The registered agents: id, role, owner and further columns."""

from __future__ import annotations

import csv
from sys import intern
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import yaml
from msgspec import Struct
from msgspec.structs import replace

from models.baseline.identity import GROUP, UNDECLARED, Declared, settle
from models.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from models.trust.state import TrustState

_LONGEST_ID = 256
_NOTHING_MORE: Mapping[str, str] = MappingProxyType({})
"""Shared by all agents without further columns: there may be a million."""

_Entry = tuple[int, dict[str, Any]]


class Registered(Struct, frozen=True):
    """One registered agent; `more` holds the further columns."""

    agent_id: str
    role: str | None
    owner: str | None
    more: Mapping[str, str]


class Inventory:
    """The operator's inventory; without a file, `registered` is None for every agent.

    Examples
    --------
    >>> inventory = Inventory({"a": Registered("a", "clerk", None, {})}, loaded=True)
    >>> inventory.declared("a").role, inventory.declared("b").registered
    ('clerk', False)
    >>> print(Inventory({}, loaded=False).declared("a").registered)
    None
    """

    def __init__(
        self,
        agents: dict[str, Registered],
        *,
        loaded: bool,
        others: Callable[[str], str | None] | None = None,
    ) -> None:
        self._agents = agents
        self._others = others
        self.loaded = loaded

    def grouped(self, others: Callable[[str], str | None]) -> Inventory:
        """Give the same inventory with a group for agents without a declared role.

        >>> Inventory({}, loaded=False).grouped({"a": "like:mail.read"}.get).declared("a").group
        'like:mail.read'
        """
        return Inventory(self._agents, loaded=self.loaded, others=others)

    def declared(self, agent_id: str) -> Declared:
        """Give the declaration of an agent: whether it is registered, its role and owner.

        Without a registered role, it contains the agent's fitted behaviour group, if groups are
        loaded.
        """
        found = self._agents.get(agent_id)
        group = self._others(agent_id) if self._others is not None else None
        if found is not None:
            return Declared(True, found.role, found.owner, found.more.get("team") or None, group)
        if self.loaded:
            return Declared(registered=False, group=group)
        return UNDECLARED if group is None else Declared(group=group)

    def settled(self, trust: TrustState) -> TrustState:
        """Update a stored state with the current inventory entry of its agent.

        Every display of agents calls this, so a changed inventory takes effect before the agent's
        next event.
        """
        declared = self.declared(trust.agent_id)
        if declared.registered is not None:
            fitted = trust.role if trust.role and trust.role.startswith(GROUP) else None
            settle(trust, replace(declared, group=fitted))
        return trust

    def __iter__(self) -> Iterator[Registered]:
        return iter(self._agents.values())

    def __len__(self) -> int:
        return len(self._agents)


def load(path: Path | None) -> Inventory:
    """Read an inventory.

    Parameters
    ----------
    path
        A CSV file, a YAML file, or None. CSV has a header with `agent_id`, optional `role` and
        `owner`, and further columns. YAML has a list of such mappings, alone or under ``agents:``,
        or a mapping by id.

    Raises
    ------
    ConfigError
        The file cannot be read, or a line is wrong; the message names the line.
    """
    if path is None:
        return Inventory({}, loaded=False)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"inventory {path} cannot be read: {error}") from error
    is_yaml = path.suffix.lower() in (".yaml", ".yml")
    agents: dict[str, Registered] = {}
    lines: dict[str, int] = {}
    for line, entry in _yaml(path, text) if is_yaml else _csv(path, text):
        agent = _agent(path, line, entry)
        if agent.agent_id in agents:
            raise ConfigError(
                f"{path}, line {line}: agent {agent.agent_id!r} is on line "
                f"{lines[agent.agent_id]} already"
            )
        agents[agent.agent_id], lines[agent.agent_id] = agent, line
    if not agents:
        raise ConfigError(f"inventory {path} holds no agent; leave the setting empty to have none")
    return Inventory(agents, loaded=True)


def _agent(path: Path, line: int, entry: dict[str, Any]) -> Registered:
    for key, value in entry.items():
        if isinstance(value, dict | list):
            raise ConfigError(f"{path}, line {line}: {key!r} must be one value")
    row = {str(k).strip(): str(v).strip() for k, v in entry.items() if v is not None}
    agent_id = row.pop("agent_id", "")
    if not agent_id or len(agent_id) > _LONGEST_ID:
        raise ConfigError(
            f"{path}, line {line}: agent_id must have 1 to {_LONGEST_ID} characters, "
            f"got {len(agent_id)}"
        )
    role, owner = intern(row.pop("role", "")), intern(row.pop("owner", ""))
    return Registered(agent_id, role or None, owner or None, dict(row) if row else _NOTHING_MORE)


def _csv(path: Path, text: str) -> Iterator[_Entry]:
    rows = csv.DictReader(text.splitlines(keepends=True), restkey="", strict=True)
    try:
        header = [name.strip() for name in rows.fieldnames or []]
        if "agent_id" not in header:
            raise ConfigError(f"{path}, line 1: expected a column 'agent_id', got {header}")
        for row in rows:
            if "" in row:
                raise ConfigError(
                    f"{path}, line {rows.line_num}: more values than the {len(header)} columns"
                )
            yield rows.line_num, row
    except csv.Error as error:
        raise ConfigError(f"{path}, line {rows.reader.line_num}: {error}") from error


def _yaml(path: Path, text: str) -> Iterator[_Entry]:
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        for line, agent_id, node in _nodes(path, root):
            entry = loader.construct_document(node) if node is not None else {}
            if not isinstance(entry, dict):
                raise ConfigError(f"{path}, line {line}: expected a mapping")
            yield line, entry if agent_id is None else {"agent_id": agent_id, **entry}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or "not YAML"
        raise ConfigError(f"{path}, line {line}: {problem}") from error
    finally:
        loader.dispose()


def _nodes(
    path: Path, root: yaml.Node | None
) -> Iterator[tuple[int, str | None, yaml.Node | None]]:
    """Give line, id (if it is the key) and node of each entry."""
    if isinstance(root, yaml.MappingNode) and len(root.value) == 1:
        key, inner = root.value[0]
        if key.value == "agents":
            root = inner
    if isinstance(root, yaml.SequenceNode):
        for node in root.value:
            yield node.start_mark.line + 1, None, node
    elif isinstance(root, yaml.MappingNode):
        for key, node in root.value:
            empty = isinstance(node, yaml.ScalarNode) and not node.value
            yield key.start_mark.line + 1, str(key.value), None if empty else node
    elif root is not None:
        raise ConfigError(f"{path}, line 1: expected a list or mapping of agents")
