"""Silent agents in the memory of a replica."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from time import perf_counter
from typing import Any, Final

from models.telemetry.last_seen import BUCKETS, bucket_of
from models.telemetry.overdue import Overdue, overdue
from models.units import HOUR_US
from scoring_api.config import ApiConfig
from scoring_api.status.metrics import Metrics
from scoring_api.trust_cache.cache import TrustCache, fault_fields
from scoring_api.trust_cache.store_reading import Reading

log = logging.getLogger(__name__)

# Pause between buckets as a multiple of the time of one: look-ups have priority.
PAUSE: Final = 19
LOADING_S: Final = 0.05


class Silences:
    """Finds silent agents regularly in the background, one bucket of agents at a time.

    A new agent can become overdue only with a new hour of the stream, when the store is read. In
    between, trust states show which overdue agents have reported again.

    Parameters
    ----------
    reading
        The store.
    cache
        Gives the time of judged events, and the thread of the store.
    config
        Gives the interval of the search.
    metrics
        Counts silent agents and failures.
    """

    def __init__(
        self, reading: Reading, cache: TrustCache, config: ApiConfig, metrics: Metrics
    ) -> None:
        self._reading = reading
        self._cache = cache
        self._every_s = config.silent_every_s
        self._metrics = metrics
        self._buckets: list[dict[str, Overdue]] = [{} for _ in range(BUCKETS)]
        self._hour: int | None = None

    def __contains__(self, agent_id: str) -> bool:
        """Return whether an agent is overdue; an alias reports as its agent."""
        return self.of(agent_id) is not None

    def of(self, agent_id: str) -> dict[str, Any] | None:
        """Describe the silence of an agent; None if it is not overdue."""
        found = self._buckets[bucket_of(agent_id)].get(agent_id)
        if agent_id in self._cache.joined:
            return None
        return None if found is None else found.fields()

    async def run(self) -> None:
        """Search until cancelled; failures are counted."""
        while True:
            if self._cache.ready:
                try:
                    await self.look()
                except Exception as error:  # noqa: BLE001  # any fault of the store
                    self._metrics.store_errors.inc()
                    log.error("silence_unreadable", extra=fault_fields(error))
            await asyncio.sleep(self._every_s if self._cache.ready else LOADING_S)

    async def look(self) -> None:
        """Look once."""
        judged_us = self._cache.status.judged_us
        if judged_us is None:
            return
        hour = judged_us // HOUR_US
        if hour == self._hour:
            await self._close_store()
        else:
            await self._read_all(hour)
            self._hour = hour
        self._metrics.pipeline.silent = sum(map(len, self._buckets))

    async def _read_all(self, hour: int) -> None:
        for bucket in range(BUCKETS):
            begun = perf_counter()
            found = await self._cache.read(partial(self._read, bucket, hour))
            self._buckets[bucket] = {one.agent_id: one for one in found}
            await asyncio.sleep(PAUSE * (perf_counter() - begun))

    def _read(self, bucket: int, hour: int) -> list[Overdue]:
        """Find the silent agents of a bucket; runs in the store's thread."""
        return overdue(self._reading.last_seen_records(bucket), hour)

    async def _close_store(self) -> None:
        """Remove agents that have reported again, and yield to requests in between."""
        silent = [one for bucket in self._buckets for one in bucket.values()]
        for place, one in enumerate(silent):
            known = self._cache.agents.get(one.agent_id)
            if known and any(state.last_seen_us // HOUR_US > one.last for state in known.states()):
                del self._buckets[bucket_of(one.agent_id)][one.agent_id]
            if place % 20 == 19:
                await asyncio.sleep(0)
