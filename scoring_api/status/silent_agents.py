"""Agents that have reported nothing for far too long, as a replica knows them."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from time import perf_counter
from typing import Any, Final

from models.units import HOUR_US
from models.watch.heard import BUCKETS, bucket_of
from models.watch.overdue import Overdue, overdue
from scoring_api.config import ApiConfig
from scoring_api.status.metrics import Metrics
from scoring_api.trust_cache.cache import TrustCache, told
from scoring_api.trust_cache.store_reading import Reading

log = logging.getLogger(__name__)

# Pauses between buckets, in times of what one took: look-ups come first.
PAUSE: Final = 19
LOADING_S: Final = 0.05


class Silences:
    """Look now and then who is silent, a bucket of agents at a time, beside all else.

    Only with a new hour of the stream somebody new can be overdue, and the store is read; in
    between, those who are may have spoken, which their trust states say.

    Parameters
    ----------
    reading
        The store.
    cache
        Says up to when events were judged, and has the thread of the store.
    config
        How often to look.
    metrics
        Where the silent agents, and failures, are counted.
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
        """Tell whether an agent is overdue."""
        return agent_id in self._buckets[bucket_of(agent_id)]

    def of(self, agent_id: str) -> dict[str, Any] | None:
        """Describe the silence of an agent, None where it is not overdue."""
        found = self._buckets[bucket_of(agent_id)].get(agent_id)
        return None if found is None else found.told()

    async def run(self) -> None:
        """Look until cancelled; a failure is counted and the next look comes."""
        while True:
            if self._cache.ready:
                try:
                    await self.look()
                except Exception as error:  # noqa: BLE001  # any fault of the store
                    self._metrics.store_errors.inc()
                    log.error("silence_unreadable", extra=told(error))
            await asyncio.sleep(self._every_s if self._cache.ready else LOADING_S)

    async def look(self) -> None:
        """Look once."""
        judged_us = self._cache.status.judged_us
        if judged_us is None:
            return
        hour = judged_us // HOUR_US
        if hour == self._hour:
            await self._let_go()
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
        """Find the silent ones of a bucket; in the store's thread."""
        return overdue(self._reading.voices(bucket), hour)

    async def _let_go(self) -> None:
        """Let go of those that have spoken since, letting requests pass in between."""
        silent = [one for bucket in self._buckets for one in bucket.values()]
        for place, one in enumerate(silent):
            known = self._cache.agents.get(one.agent_id)
            if known and any(state.last_seen_us // HOUR_US > one.last for state in known.states()):
                del self._buckets[bucket_of(one.agent_id)][one.agent_id]
            if place % 20 == 19:
                await asyncio.sleep(0)
