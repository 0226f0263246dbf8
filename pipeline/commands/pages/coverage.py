"""How much of the fleet the inventory covers, for people; and rows of agents never seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.commands.pages.silent_agents import silent_agents
from pipeline.inventory.coverage import Coverage, Group, Sighting, Tally, groups_of

if TYPE_CHECKING:
    from pipeline.commands.current_trust import CurrentTrust
    from pipeline.store import Store


class Covered:
    """The groups of all agents, seen or in the inventory.

    Parameters
    ----------
    store
        Knows who is silent.
    current
        The agents of the store, and the inventory.
    """

    def __init__(self, store: Store, current: CurrentTrust) -> None:
        self._current = current
        self.groups: dict[str, tuple[Group, ...]] = {}
        silent = silent_agents(store)
        inventory = current.inventory
        tally = Tally(current.at_us, len(inventory) if inventory.loaded else None)
        for agent_id in {**current.agents, **dict.fromkeys(one.agent_id for one in inventory)}:
            seen = self._sighting(agent_id, agent_id in silent)
            groups = groups_of(
                inventory.get(agent_id), seen, current.at_us, loaded=inventory.loaded
            )
            self.groups[agent_id] = groups
            tally.add(groups, None if seen is None else seen.last_us)
        self.coverage: Coverage = tally.coverage()

    def _sighting(self, agent_id: str, silent: bool) -> Sighting | None:
        states = self._current.agents.get(agent_id)
        if states is None:
            return None
        latest = max(states, key=lambda state: state.last_seen_us)
        return Sighting(latest.last_seen_us, latest.owner, silent)

    def rows(self, group: Group | None) -> list[dict[str, Any]]:
        """Give the rows of a group, the least trusted first; agents never seen are at the end.

        Without a group these are all agents of the store.
        """
        if group is None:
            return [self._with_groups(row) for row in self._current.rows()]
        found = [agent_id for agent_id, groups in self.groups.items() if group in groups]
        seen = {one for one in found if one in self._current.agents}
        rows = [row for row in self._current.rows() if row["agent_id"] in seen]
        unseen = sorted(one for one in found if one not in seen)
        rows += [self._current.unseen_row(agent_id) for agent_id in unseen]
        return [self._with_groups(row) for row in rows]

    def _with_groups(self, row: dict[str, Any]) -> dict[str, Any]:
        return row | {"groups": list(self.groups[row["agent_id"]])}

    def fields(self) -> dict[str, Any]:
        """Give the numbers, for programs."""
        found: dict[str, Any] = msgspec.to_builtins(self.coverage)
        return found


def in_words(coverage: Coverage) -> str:
    """Say in a line what the inventory covers.

    >>> in_words(Tally(0, entries=None).coverage())
    'no inventory (HABITUS_INVENTORY): 0 agents seen in 30 days, 0 unowned, 0 stale'
    """
    seen = f"{coverage.seen} {'agent' if coverage.seen == 1 else 'agents'} seen in 30 days"
    if coverage.entries is None:
        return (
            f"no inventory (HABITUS_INVENTORY): {seen}, {coverage.unowned} unowned, "
            f"{coverage.stale} stale"
        )
    share = "" if coverage.share is None else f" ({100 * coverage.share:.0f} %)"
    return (
        f"inventory: {coverage.registered} of {seen} are registered{share}; "
        f"{coverage.shadow} shadow, {coverage.unowned} unowned, {coverage.unreviewed} unreviewed, "
        f"{coverage.overdue} overdue, {coverage.dormant} dormant, {coverage.stale} stale"
    )
