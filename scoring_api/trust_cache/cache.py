"""Encoded trust answers in memory: a look-up is one dictionary access and two sends.

A separate thread polls the store a hundred times a second, and reads only changed rows. An encoded
answer is valid until the agent's state changes or until its `valid_until`.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple, TypeVar

import msgspec

from models.errors import HabitusError
from models.event import microseconds
from models.trust.opinion import TrustPolicy
from models.trust.response import Answer, Obligation, trust_answer
from models.trust.state import TrustState
from models.units import SECOND_US
from scoring_api.clock import EvaluationClock, wall_us
from scoring_api.config import ApiConfig
from scoring_api.problems import ProblemError
from scoring_api.status.freshness import lag_of, lags_of, late_of, sources_of
from scoring_api.status.metrics import Metrics
from scoring_api.trust_cache.cached_agent import Entry, Known, Packed, Question, pack
from scoring_api.trust_cache.renewal import MOST_KEPT, SETTLED_US, Renewal
from scoring_api.trust_cache.store_reading import PipelineStatus, Reading

log = logging.getLogger(__name__)

T = TypeVar("T")
# Rows of a page: at the start, and while look-ups may wait for the reader.
LOADED_AT_ONCE, TAKEN_AT_ONCE = 500, 32
# In larger fleets, listing agents does not cache their answers.
MOST_LISTED_KEPT = 20_000
STATUS_EVERY_US = SECOND_US
# Slow polls make the pause longer: look-ups have priority.
PAUSE_FOR_A_LOOK, LONGEST_PAUSE_S = 4, 0.025
AFTER_A_FAULT_S = 0.25
NEVER_US = 1 << 62
# Over a recording, event time runs faster than wall time.
EVENT_REFRESH_US = SECOND_US


Settle = Callable[[TrustState], TrustState]
"""Updates a stored trust state before it is cached."""

_Change = tuple[int, str, Packed]


class _Look(NamedTuple):
    """Result of one poll of the store; None: unchanged or not due."""

    version: int
    status: PipelineStatus | None
    counters: Mapping[str, int] | None
    changes: list[_Change] | None


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
        self.ready = False
        self.status = PipelineStatus("none")
        self._reading = reading
        self._settle = settle
        self.policy = policy
        self._obligations = obligations
        self._poll_s = config.poll_s
        self._clock = EvaluationClock(config.clock)
        refresh_us = int(config.refresh_s * SECOND_US)
        self._refresh_us = (
            min(refresh_us, EVENT_REFRESH_US) if config.clock == "event" else refresh_us
        )
        # Answers over a recording expire too fast for unrequested caching.
        most_kept = 0 if config.clock == "event" else MOST_KEPT
        self.renewal = Renewal(self._make, self._refresh_us, most_kept)
        self._prepare_s = config.prepare_s
        self._metrics = metrics
        self._stale = True
        # Time at which answers become stale, as of the last poll; no answer may be valid longer.
        self._turns_us = NEVER_US
        self._nobody_asked: tuple[object, ...] = ()
        self._nobody_policy: TrustPolicy | None = None
        self._nobody_answer: Answer
        self._version: int | None = None
        self._seq = 0
        self._asked_us = 0
        self._polled_us = 0
        self._thread: ThreadPoolExecutor | None = None

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
            await asyncio.sleep(max(pause, min(took * PAUSE_FOR_A_LOOK, LONGEST_PAUSE_S)))

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

    async def poll(self) -> None:
        """Apply changes since the last poll."""
        now = wall_us()
        seen = await self.read(partial(self._look, now - self._asked_us >= STATUS_EVERY_US))
        if seen.status is not None:
            self.status = seen.status
        if seen.counters is not None:
            self._metrics.pipeline.counters = seen.counters
            self._asked_us = now
        if seen.changes is not None:
            await self._take_changes(seen.changes)
            self._version = seen.version
        self._polled_us = wall_us()
        if not self.ready:
            await self._get_ready()

    def _look(self, due: bool) -> _Look:
        """Poll the store in its thread; one call for all, as each thread switch takes time."""
        version = self._reading.data_version()
        new = version != self._version
        # The status is read first, so that trust is never older than its watermark.
        return _Look(
            version,
            self._reading.status() if new or due else None,
            self._reading.counters() if due else None,
            self._changed(self._seq) if new else None,
        )

    async def _get_ready(self) -> None:
        self._beat(self._polled_us)
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

    def _changed(self, after: int) -> list[_Change]:
        """Read a page of changes; runs in the store's thread."""
        rows, settle = self._reading.changes(after, self._page), self._settle
        return [
            (seq, state.agent_id, pack(state if settle is None else settle(state)))
            for seq, state in rows
        ]

    async def _take_changes(self, rows: list[_Change]) -> None:
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
            rows = await self.read(partial(self._changed, self._seq))
        self._metrics.agents.set(len(self.agents))

    def _beat(self, now_us: int) -> None:
        """Detect that answers became stale or fresh."""
        lag = self.lag_us(now_us)
        self._metrics.lag.set(-1 if lag is None else lag / SECOND_US)
        lags = lags_of(self.status, now_us, self._clock.kind)
        self._metrics.pipeline.lags = {name: late / SECOND_US for name, late in lags.items()}
        self._metrics.pipeline.waiting = self.status.waiting
        self._metrics.pipeline.sources = self.sources(now_us)
        bound, late = self.policy.stale_after_s * SECOND_US, self.late_us(now_us)
        stale = late is None or late > bound or now_us - self._polled_us > bound
        self._metrics.stale.set(stale)
        self._turns_us = NEVER_US if stale or late is None else now_us + bound - late
        if self._stale and not stale:
            # Agents changed last are likely to be requested first.
            self.renewal.want_all(reversed(self.agents.values()), now_us)
        self._stale = stale

    def lag_us(self, now_us: int) -> int | None:
        """Give the lag of the answers in microseconds; None if unknown."""
        return lag_of(self.status, now_us, self._clock.kind)

    def late_us(self, now_us: int) -> int | None:
        """Give the age of the newest evidence: the lag, or the silence of a live source."""
        return late_of(self.status, now_us, self._clock.kind)

    def sources(self, now_us: int) -> list[dict[str, Any]]:
        """Give the last event of each source, with its age."""
        bound = self.policy.stale_after_s * SECOND_US
        return sources_of(self.status, now_us, self._clock.kind, bound)

    @property
    def stale(self) -> bool:
        """Whether the lag, or the silence of a live source, exceeds the bound."""
        return self._stale

    def at_us(self, now_us: int) -> int:
        """Give the current event time of trust."""
        return self._clock.at_us(now_us, self.status.watermark_us)

    def require_ready(self) -> None:
        """Raise a 503 `ProblemError` until the store was read once."""
        if not self.ready:
            raise ProblemError(503, "trust states are still being loaded", {"Retry-After": "1"})

    def entry(self, agent_id: str, question: Question, now_us: int) -> Entry:
        """Give the encoded answer for an agent, known or not; never waits."""
        known = self.agents.get(agent_id)
        if known is None:
            return self._entry(self._nobody(agent_id, question, now_us), now_us)
        return self.entry_of(known, question, now_us)

    def entry_of(self, known: Known, question: Question, now_us: int) -> Entry:
        """Give the encoded answer for a loaded agent."""
        entry = known.entries.get(question)
        if (
            entry is None
            or entry.holds_until_us <= now_us
            or entry.stale is not self._stale
            or entry.expires_us > self._turns_us
        ):
            entry = known.entries[question] = self._make(known, question, now_us)
            if known.has_states:
                self.renewal.note(known, question, entry, now_us)
        elif not entry.asked:
            entry.asked = True
            if entry.old:
                self.renewal.hurry(known, question, entry, now_us)
        return entry

    def _nobody(self, agent_id: str, question: Question, now_us: int) -> Answer:
        """Answer for an unknown agent; in a batch only the first answer is computed.

        Only the last answer is cached, so that invented ids cannot fill the memory.
        """
        asked = (question, now_us, self.at_us(now_us), self.late_us(now_us), self._stale)
        if self._nobody_asked != asked or self._nobody_policy is not self.policy:
            self._nobody_asked, self._nobody_policy = asked, self.policy
            self._nobody_answer = self._answer([], agent_id, question, now_us)
        return msgspec.structs.replace(self._nobody_answer, agent_id=agent_id)

    def _make(self, known: Known, question: Question, now_us: int) -> Entry:
        answer = self._answer(known.states(), known.agent_id, question, now_us)
        return self._entry(answer, now_us)

    def _answer(
        self, states: list[TrustState], agent_id: str, question: Question, now_us: int
    ) -> Answer:
        return trust_answer(
            states,
            agent_id,
            self.at_us(now_us),
            now_us,
            self.policy,
            self._obligations,
            stale=self._stale,
            lag_us=self.late_us(now_us) or 0,
            mode=question[0],
            operation=question[1],
        )

    def _entry(self, answer: Answer, now_us: int) -> Entry:
        expires = microseconds(datetime.fromisoformat(answer.valid_until))
        if self._clock.kind == "event":
            # A second of wall time is minutes of a recording, so answers expire early.
            expires = min(expires, now_us + self._refresh_us)
        # A stale answer expires at once for its reader, but is computed once a second only.
        holds = now_us + SECOND_US if self._stale else expires
        return Entry(answer, expires, holds, stale=self._stale)

    async def entries(self) -> list[Entry]:
        """Give every agent's answer, and yield to other requests in between."""
        now = wall_us()
        found = []
        keep = len(self.agents) <= MOST_LISTED_KEPT
        for place, known in enumerate(list(self.agents.values())):
            entry = self.entry_of if keep or known.entries else self._make
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
