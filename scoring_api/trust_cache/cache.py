"""Encoded trust answers in memory: a look-up is one dictionary access and two sends.

A separate thread polls the store a hundred times a second, and reads only changed rows. An encoded
answer is valid until the agent's state changes or until its `valid_until`.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any, TypeVar

from models.errors import HabitusError
from models.trust.opinion import TrustPolicy
from models.trust.response import Obligation
from models.trust.state import TrustState
from models.units import SECOND_US
from scoring_api.clock import EvaluationClock, wall_us
from scoring_api.config import ApiConfig
from scoring_api.problems import ProblemError
from scoring_api.status.metrics import Metrics
from scoring_api.trust_cache.answer_maker import AnswerMaker
from scoring_api.trust_cache.cached_agent import Entry, Known, Question
from scoring_api.trust_cache.renewal import MAX_KEPT, SETTLED_US, Renewal
from scoring_api.trust_cache.staleness import Staleness
from scoring_api.trust_cache.store_reading import PipelineStatus, Reading
from scoring_api.trust_cache.store_thread import Change, Settle, StoreThread

log = logging.getLogger(__name__)

T = TypeVar("T")
# Rows of a page: at the start, and while look-ups may wait for the reader.
LOADED_AT_ONCE, TAKEN_AT_ONCE = 500, 32
# In larger fleets, listing agents does not cache their answers.
MAX_LISTED_KEPT = 20_000
STATUS_EVERY_US = SECOND_US
# Slow polls make the pause longer: look-ups have priority.
PAUSES_PER_POLL, LONGEST_PAUSE_S = 4, 0.025
AFTER_A_FAULT_S = 0.25
# Over a recording, event time runs faster than wall time.
EVENT_REFRESH_US = SECOND_US


def fault_fields(error: Exception) -> dict[str, str]:
    """Describe an error for the log; only our own messages are safe to include."""
    fault = {"fault": type(error).__name__}
    return fault | {"detail": str(error)} if isinstance(error, HabitusError) else fault


def collect_rarely() -> None:
    """Freeze loaded objects for the garbage collector, and let it run less often.

    Traversing all agents takes milliseconds, in which no request is answered.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


class TrustCache:
    """Follows the store, and answers for trust from memory.

    Parameters
    ----------
    reading
        The store; only one worker thread uses it.
    config, policy, obligations
        Parameters of answers, and of their lifetime.
    metrics
        Counts agents, lag and failures.
    settle
        Applied to each trust state that is read, such as `Inventory.settled`; None: no change.

    Attributes
    ----------
    joined, joined_version
        Agent of each confirmed alias, and a number that rises with each change of it.
    """

    def __init__(
        self,
        reading: Reading,
        config: ApiConfig,
        policy: TrustPolicy,
        obligations: Mapping[str, Obligation],
        metrics: Metrics,
        settle: Settle | None = None,
    ) -> None:
        self.agents: dict[str, Known] = {}
        self.joined: Mapping[str, str] = {}
        self.joined_version = 0
        self.ready = False
        self.policy, self.obligations = policy, obligations
        self._store = StoreThread(reading, settle)
        self._poll_s = config.poll_s
        self._age = Staleness(EvaluationClock(config.clock), policy, metrics)
        recorded = config.clock == "event"
        refresh_us = int(config.refresh_s * SECOND_US)
        if recorded:
            refresh_us = min(refresh_us, EVENT_REFRESH_US)
        longest_us = refresh_us if recorded else None
        self._answers = AnswerMaker(self._age, policy, obligations, longest_us)
        # Answers over a recording expire too fast for unrequested caching.
        self.renewal = Renewal(self._answers.make, refresh_us, 0 if recorded else MAX_KEPT)
        self._prepare_s = config.prepare_s
        self._metrics = metrics
        self._quarantined: frozenset[str] = frozenset()
        self._version: int | None = None
        self._seq = 0
        self._is_again = False
        self._asked_us = 0

    async def follow(self) -> None:
        """Poll the store until cancelled; failures are counted."""
        while True:
            begun = perf_counter()
            pause = self._poll_s
            try:
                await self.poll()
            except Exception as error:  # noqa: BLE001  # any fault of the store: answers become stale
                self._metrics.store_errors.inc()
                log.error("store_unreadable", extra=fault_fields(error))
                pause = AFTER_A_FAULT_S
            self._beat(wall_us())
            took = perf_counter() - begun
            await asyncio.sleep(max(pause, min(took * PAUSES_PER_POLL, LONGEST_PAUSE_S)))

    async def read(self, call: Callable[[], T]) -> T:
        """Run one call of the store in its thread."""
        return await self._store.read(call)

    def close(self) -> None:
        """End the store's thread."""
        self._store.close()

    def read_again(self) -> None:
        """Read all trust states again with the next poll, so that they are settled again."""
        self._is_again = True

    async def poll(self) -> None:
        """Apply changes since the last poll."""
        now = wall_us()
        if self._is_again:
            self._is_again, self._version, self._seq = False, None, 0
        due = now - self._asked_us >= STATUS_EVERY_US
        seen = await self._store.look(self._version, self._seq, self._page, due=due)
        if seen.status is not None:
            self._age.status = seen.status
        if seen.counters is not None:
            self._metrics.pipeline.counters = seen.counters
            self._asked_us = now
        if seen.changes is not None:
            await self._take_changes(seen.changes)
            self._version = seen.version
        if seen.joined is not None:
            self.joined = seen.joined
            self.joined_version += 1
        if seen.quarantined is not None:
            self._quarantined = seen.quarantined
        if seen.joined is not None or seen.quarantined is not None:
            self._answers.announced = self._announced()
        self._age.polled_us = wall_us()
        if not self.ready:
            await self._prepare()

    def _announced(self) -> frozenset[str]:
        """Give the quarantined agents with their aliases, and the agents of quarantined aliases."""
        shut = self._quarantined
        pairs = [pair for pair in self.joined.items() if not shut.isdisjoint(pair)] if shut else []
        return shut.union(*pairs)

    async def _prepare(self) -> None:
        self._beat(self._age.polled_us)
        await self.renewal.prepare(self._prepare_s)
        collect_rarely()
        self.ready = True

    def _known(self, agent_id: str) -> Known:
        known = self.agents.get(agent_id)
        if known is None:
            known = self.agents[agent_id] = Known(agent_id)
        return known

    @property
    def _page(self) -> int:
        return TAKEN_AT_ONCE if self.ready else LOADED_AT_ONCE

    async def _take_changes(self, rows: list[Change]) -> None:
        while True:
            settled = wall_us() + SETTLED_US
            for seq, agent_id, packed in rows:
                known = self._known(agent_id)
                if known.put(packed) and self.ready:
                    self.renewal.want(known, settled)
                self._seq = seq
            if len(rows) < self._page:
                break
            if self.ready:
                # A replica that cannot keep up with changes is also late.
                self._beat(wall_us())
            rows = await self._store.changes(self._seq, self._page)
        self._metrics.agents.set(len(self.agents))

    def _beat(self, now_us: int) -> None:
        """Detect that answers became stale or fresh."""
        if self._age.beat(now_us):
            # Agents changed last are likely to be requested first.
            self.renewal.want_all(reversed(self.agents.values()), now_us)

    @property
    def status(self) -> PipelineStatus:
        """Last status of the pipeline that was read."""
        return self._age.status

    @property
    def stale(self) -> bool:
        """Whether the lag, or the silence of a live source, exceeds the bound."""
        return self._age.stale

    def lag_us(self, now_us: int) -> int | None:
        """Give the lag of the answers in microseconds; None if unknown."""
        return self._age.lag_us(now_us)

    def sources(self, now_us: int) -> list[dict[str, Any]]:
        """Give the last event of each source, with its age."""
        return self._age.sources(now_us)

    def at_us(self, now_us: int) -> int:
        """Give the current event time of trust."""
        return self._age.at_us(now_us)

    def require_ready(self) -> None:
        """Raise a 503 `ProblemError` until the store was read once."""
        if not self.ready:
            raise ProblemError(503, "trust states are still being loaded", {"Retry-After": "1"})

    def entry(self, agent_id: str, question: Question, now_us: int) -> Entry:
        """Give the encoded answer for an agent, known or not; never waits."""
        known = self.known(agent_id)
        if known is None:
            return self._answers.nobody(agent_id, question, now_us)
        return self.entry_of(known, question, now_us)

    def known(self, agent_id: str) -> Known | None:
        """Give a loaded agent: for an alias its agent, or itself until the agent acts."""
        root = self.joined.get(agent_id)
        joined = None if root is None else self.agents.get(root)
        return joined or self.agents.get(agent_id)

    def entry_of(self, known: Known, question: Question, now_us: int) -> Entry:
        """Give the encoded answer for a loaded agent."""
        entry = known.entries.get(question)
        if (
            entry is None
            or entry.holds_until_us <= now_us
            or entry.stale is not self._age.stale
            or entry.expires_us > self._age.turns_us
        ):
            entry = known.entries[question] = self._answers.make(known, question, now_us)
            if known.has_states:
                self.renewal.note(known, question, entry, now_us)
        elif not entry.asked:
            entry.asked = True
            if entry.old:
                self.renewal.prioritise(known, question, entry, now_us)
        return entry

    def own_entry(self, agent_id: str, question: Question, now_us: int) -> Entry:
        """Give the answer for an agent with states from these alone, also for an alias."""
        return self.entry_of(self.agents[agent_id], question, now_us)

    async def entries(self) -> list[Entry]:
        """Give every agent's answer, and yield to other requests in between."""
        now = wall_us()
        found = []
        keep = len(self.agents) <= MAX_LISTED_KEPT
        for place, known in enumerate(list(self.agents.values())):
            entry = self.entry_of if keep or known.entries else self._answers.make
            found.append(entry(known, (None, None), now))
            if place % 20 == 19:
                await asyncio.sleep(0)
        return found

    def states(self, agent_id: str) -> list[TrustState]:
        """Give the states of an agent by mode; raise a 404 `ProblemError` if there are none."""
        known = self.agents.get(agent_id)
        if known is None:
            raise ProblemError(404, "no such agent")
        return known.states()
