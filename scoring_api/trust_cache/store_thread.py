"""Read the store in a thread of its own, so that no request waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from models.trust.state import TrustState
from pipeline.identity.resolving import agents_of
from scoring_api.trust_cache.cached_agent import Packed, pack
from scoring_api.trust_cache.store_reading import PipelineStatus, Reading

T = TypeVar("T")

Settle = Callable[[TrustState], TrustState]
"""Updates a stored trust state before it is cached."""

Change = tuple[int, str, Packed]
"""Number of a change, its agent, and the packed trust state."""


class Changes(NamedTuple):
    """Result of one poll of the store; None: unchanged or not due.

    Attributes
    ----------
    joined
        Agent of each confirmed alias, as of before the changes.
    quarantined
        Agents that a person has quarantined.
    """

    version: int
    status: PipelineStatus | None
    counters: Mapping[str, int] | None
    changes: list[Change] | None
    joined: Mapping[str, str] | None
    quarantined: frozenset[str] | None


class StoreThread:
    """Runs calls of the store in one thread, which is made by the first call.

    Parameters
    ----------
    reading
        The store; only this thread uses it.
    settle
        Applied to each trust state that is read; None: no change.
    """

    def __init__(self, reading: Reading, settle: Settle | None = None) -> None:
        self._reading = reading
        self._settle = settle
        self._thread: ThreadPoolExecutor | None = None
        self._stamp = self._gates = 0

    async def read(self, call: Callable[[], T]) -> T:
        """Run one call of the store in its thread."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="habitus-store")
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def close(self) -> None:
        """End the store's thread."""
        if self._thread is not None:
            self._thread.shutdown(wait=True)
            self._thread = None

    async def look(self, since: int | None, after: int, limit: int, *, due: bool) -> Changes:
        """Poll the store.

        Parameters
        ----------
        since
            Version of the store at the last poll; None before the first.
        after, limit
            Number of the last change that was read, and the most changes to read.
        due
            Whether status and counters are read even if the store is unchanged.
        """
        return await self.read(lambda: self._read_changes(since, after, limit, due=due))

    def _read_changes(self, since: int | None, after: int, limit: int, *, due: bool) -> Changes:
        """Poll in one call for all, as each thread switch takes time."""
        version = self._reading.data_version()
        new = version != since
        # The status is read first, so that trust is never older than its watermark. So are aliases:
        # the commit that merges a quarantined identifier also shuts the gate of its agent.
        joined = self._joined() if due else None
        return Changes(
            version,
            self._reading.status() if new or due else None,
            self._reading.counters() if due else None,
            self._changes(after, limit) if new or joined is not None else None,
            joined,
            self._quarantined() if due else None,
        )

    def _joined(self) -> Mapping[str, str] | None:
        """Give the agents of aliases if they have changed."""
        aliases = self._reading.aliases
        stamp = aliases.stamp()
        if stamp == self._stamp:
            return None
        found, self._stamp = agents_of(aliases.confirmed()), stamp
        return found

    def _quarantined(self) -> frozenset[str] | None:
        """Give the agents that a person has quarantined if they have changed."""
        count = self._reading.audit.count("gate")
        if count == self._gates:
            return None
        found, self._gates = self._reading.audit.quarantined(), count
        return found

    async def changes(self, after: int, limit: int) -> list[Change]:
        """Read the next changes."""
        return await self.read(lambda: self._changes(after, limit))

    def _changes(self, after: int, limit: int) -> list[Change]:
        settle = self._settle
        return [
            (seq, state.agent_id, pack(state if settle is None else settle(state)))
            for seq, state in self._reading.changes(after, limit)
        ]
