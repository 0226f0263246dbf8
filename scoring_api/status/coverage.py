"""How much of the fleet the inventory covers, in the memory of a replica."""

from __future__ import annotations

import asyncio
import logging
from time import perf_counter
from typing import Any, Final

import msgspec

from pipeline.enrichment.inventory import Inventory
from pipeline.inventory.coverage import Coverage, Group, Sighting, Tally, groups_of
from scoring_api.clock import wall_us
from scoring_api.config import ApiConfig
from scoring_api.status.metrics import Metrics
from scoring_api.status.silent_agents import PAUSE, Silences
from scoring_api.trust_cache.cache import TrustCache, fault_fields

log = logging.getLogger(__name__)

LONGEST_S: Final = 5.0
"""Most seconds until a changed inventory is read."""
_AT_ONCE: Final = 100
_AFTER_A_CHANGE: Final = 2
"""Counts soon after a change: the trust states are settled by the new inventory meanwhile."""


class Coverages:
    """Counts agents by group regularly in the background, and follows the inventory's file.

    Parameters
    ----------
    inventory
        The registered agents.
    cache
        The agents seen.
    silences
        Say who has stopped reporting.
    config
        Gives the interval of the count.
    metrics
        Shows the numbers.

    Attributes
    ----------
    latest
        The last count; None before the first.
    """

    def __init__(
        self,
        inventory: Inventory,
        cache: TrustCache,
        silences: Silences,
        config: ApiConfig,
        metrics: Metrics,
    ) -> None:
        self.inventory = inventory
        self.latest: Coverage | None = None
        self._cache, self._silences = cache, silences
        self._every_s = config.silent_every_s
        self._metrics = metrics
        self._soon = 0
        self._counted_s: float | None = None
        self._groups: dict[str, tuple[Group, ...]] = {}

    async def run(self) -> None:
        """Count until cancelled; failures are counted."""
        while True:
            try:
                self._follow()
                if self._cache.ready and self._is_due():
                    self._soon = max(0, self._soon - 1)
                    await self.look(PAUSE)
                    self._counted_s = perf_counter()
            except Exception as error:  # noqa: BLE001  # the next count may succeed
                self._metrics.store_errors.inc()
                log.error("coverage_unknown", extra=fault_fields(error))
            await asyncio.sleep(min(self._every_s, LONGEST_S))

    def _follow(self) -> None:
        """Read a changed inventory, and settle all trust states by it."""
        if self.inventory.refresh(wall_us()):
            self._soon = _AFTER_A_CHANGE
            self._cache.read_again()

    def _is_due(self) -> bool:
        if self._soon or self._counted_s is None:
            return True
        return perf_counter() - self._counted_s >= self._every_s

    async def counted(self) -> None:
        """Count now if nothing was counted yet."""
        if self.latest is None:
            await self.look()

    async def look(self, pause: float = 0) -> None:
        """Count once, and yield to requests in between.

        Parameters
        ----------
        pause
            Length of the pauses, as a multiple of the time of the work before each.
        """
        at_us, inventory = self._cache.at_us(wall_us()), self.inventory
        tally = Tally(at_us, len(inventory) if inventory.loaded else None)
        found: dict[str, tuple[Group, ...]] = {}
        unseen = (one.agent_id for one in list(inventory))
        begun = perf_counter()
        for place, agent_id in enumerate({**self._cache.agents, **dict.fromkeys(unseen)}):
            seen = self._sighting(agent_id)
            groups = groups_of(inventory.get(agent_id), seen, at_us, loaded=inventory.loaded)
            found[agent_id] = groups
            tally.add(groups, None if seen is None else seen.last_us)
            if place % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(pause * (perf_counter() - begun))
                begun = perf_counter()
        self._groups, self.latest = found, tally.coverage()
        self._metrics.pipeline.coverage = self.latest

    def _sighting(self, agent_id: str) -> Sighting | None:
        known = self._cache.agents.get(agent_id)
        if known is None or not known.has_states:
            return None
        latest = max(known.states(), key=lambda state: state.last_seen_us)
        return Sighting(latest.last_seen_us, latest.owner, agent_id in self._silences)

    def groups(self, agent_id: str) -> list[Group]:
        """Give the groups of an agent, by the last count."""
        return list(self._groups.get(agent_id, ()))

    def unseen(self, group: Group) -> list[str]:
        """Give the registered agents of a group that the store does not know."""
        known = self._cache.agents
        return [one for one, groups in self._groups.items() if group in groups and one not in known]

    def fields(self) -> dict[str, Any] | None:
        """Give the numbers of the last count; None before the first."""
        found: dict[str, Any] | None = msgspec.to_builtins(self.latest)
        return found

    def of_entry(self, agent_id: str) -> dict[str, Any]:
        """Give what the inventory says of an agent, for its row."""
        entry = self.inventory.get(agent_id)
        review = entry.review_date if entry else None
        return {
            "sponsor": entry.sponsor if entry else None,
            "review_date": review.isoformat() if review else None,
            "groups": self.groups(agent_id),
        }
