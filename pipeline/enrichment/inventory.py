"""The registered agents, as the judge, the commands and the API ask for them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from msgspec.structs import replace

from models.baseline.identity import GROUP, UNDECLARED, Declared, settle
from models.errors import ConfigError
from pipeline.inventory.reading import agents_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from models.trust.state import TrustState
    from pipeline.inventory.registered import Registered

log = logging.getLogger(__name__)

_LOOK_US = 1_000_000
_Seen = tuple[int, int, int] | None


class _Content:
    """The entries of a file, shared by the workers of a process."""

    __slots__ = ("agents", "limited", "loaded", "looked_us", "path", "seen")

    def __init__(self, agents: dict[str, Registered], *, loaded: bool, path: Path | None) -> None:
        self.loaded, self.path = loaded, path
        self.looked_us = 0
        self.seen: _Seen = None
        self.agents: dict[str, Registered] = {}
        self.limited = False
        self.put(agents)

    def put(self, agents: dict[str, Registered]) -> None:
        self.agents = agents
        self.limited = any(
            one.tools is not None or one.scopes is not None for one in agents.values()
        )


class Inventory:
    """The operator's inventory; without a file, `registered` is None for every agent.

    Examples
    --------
    >>> from pipeline.inventory.registered import Registered
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
        path: Path | None = None,
    ) -> None:
        self._content = _Content(agents, loaded=loaded, path=path)
        self._others = others

    @property
    def loaded(self) -> bool:
        """Whether there is an inventory."""
        return self._content.loaded

    @property
    def is_limited(self) -> bool:
        """Whether it limits the tools or scopes of any agent."""
        return self._content.limited

    def grouped(self, others: Callable[[str], str | None]) -> Inventory:
        """Give the same inventory with a group for agents without a declared role.

        >>> Inventory({}, loaded=False).grouped({"a": "like:mail.read"}.get).declared("a").group
        'like:mail.read'
        """
        grouped = Inventory({}, loaded=self.loaded, others=others)
        grouped._content = self._content  # both follow the same file
        return grouped

    def declared(self, agent_id: str) -> Declared:
        """Give the declaration of an agent: whether it is registered, its role and owner.

        Without a registered role, it contains the agent's fitted behaviour group, if groups are
        loaded.
        """
        found = self._content.agents.get(agent_id)
        group = self._others(agent_id) if self._others is not None else None
        if found is not None:
            return Declared(
                True, found.role, found.owner, found.more.get("team") or None, group,
                found.tools, found.scopes,
            )  # fmt: skip
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

    def get(self, agent_id: str) -> Registered | None:
        """Give the entry of an agent; None without one."""
        return self._content.agents.get(agent_id)

    def refresh(self, at_us: int) -> bool:
        """Read the file again where it has changed; return whether there are other entries.

        Reads its state at most once a second. While the changed file is wrong, the entries of
        before stay, and the log says why.

        Parameters
        ----------
        at_us
            Wall time in microseconds.
        """
        content = self._content
        if content.path is None or abs(at_us - content.looked_us) < _LOOK_US:
            return False
        content.looked_us = at_us
        seen = _stamp(content.path)
        if seen == content.seen:
            return False
        content.seen = seen
        try:
            content.put(_agents(content.path))
        except ConfigError as error:
            log.error("inventory_kept", extra={"detail": str(error)})
            return False
        log.info("inventory_read", extra={"agents": len(content.agents)})
        return True

    def __iter__(self) -> Iterator[Registered]:
        return iter(self._content.agents.values())

    def __len__(self) -> int:
        return len(self._content.agents)


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
    seen = _stamp(path)
    inventory = Inventory(_agents(path), loaded=True, path=path)
    inventory._content.seen = seen  # noqa: SLF001  # of before the read: a later write is seen
    return inventory


def _stamp(path: Path) -> _Seen:
    """Give what changes with each write of a file; None where it cannot be asked."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _agents(path: Path) -> dict[str, Registered]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"inventory {path} cannot be read: {error}") from error
    agents = agents_of(path, text)
    if not agents:
        raise ConfigError(f"inventory {path} holds no agent; leave the setting empty to have none")
    return agents
