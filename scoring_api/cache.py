"""Trust answers in memory, encoded, so that a look-up is a dictionary and two sends.

The store is looked at every tenth of a second in a thread of its own; only rows that changed are
read. An answer is encoded when somebody asks and kept until the agent's state changes, its
`valid_until` comes, or the refresh quantum is over.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import TypeVar

from models.answer import Answer, Obligation, encode, etag, trust_answer
from models.event import microseconds
from models.trust import TrustPolicy
from models.trust_policy import SECOND_US
from models.trust_state import TrustState
from scoring_api.clock import EvaluationClock, wall_us
from scoring_api.config import ApiConfig
from scoring_api.metrics import Metrics
from scoring_api.problems import Message, ProblemError
from scoring_api.pulse import lag_of
from scoring_api.reading import PipelineStatus, Reading

log = logging.getLogger(__name__)

T = TypeVar("T")
Question = tuple[str | None, str | None]
"""Mode and operation asked for; None where the caller named none."""

CHUNK = 500
STATUS_EVERY_US = SECOND_US
# Over a recording, event time runs faster than ours.
EVENT_REFRESH_US = SECOND_US


class Entry:
    """One encoded answer with its headers, as the messages that send it."""

    __slots__ = (
        "_aged_us",
        "_start",
        "answer",
        "body",
        "body_message",
        "expires_us",
        "fresh_until_us",
        "tag",
    )

    def __init__(self, answer: Answer, expires_us: int, fresh_until_us: int) -> None:
        self.answer = answer
        self.body = encode(answer)
        self.tag = etag(self.body).encode()
        self.expires_us = expires_us
        self.fresh_until_us = fresh_until_us
        self.body_message: Message = {"type": "http.response.body", "body": self.body}
        self._start: Message = {}
        # Until when `max-age` is what `_start` says.
        self._aged_us = -1

    def start_message(self, now_us: int) -> Message:
        """Give the first message of a 200; made anew once a second, as ``max-age`` runs down."""
        if now_us > self._aged_us:
            age = max(0, (self.expires_us - now_us) // SECOND_US)
            self._start = {
                "type": "http.response.start",
                "status": 200,
                "headers": [
                    (b"content-type", b"application/json"),
                    (b"content-length", str(len(self.body)).encode()),
                    *self._headers(age),
                ],
            }
            # With the clock set back the age that is told is too small, never too large.
            self._aged_us = self.expires_us - age * SECOND_US if age else now_us + SECOND_US
        return self._start

    def unchanged_message(self, now_us: int) -> Message:
        """Give the first message of a 304: the headers without those of a body."""
        age = max(0, (self.expires_us - now_us) // SECOND_US)
        return {"type": "http.response.start", "status": 304, "headers": self._headers(age)}

    def headers(self, now_us: int) -> list[tuple[bytes, bytes]]:
        """Give the headers of a 200."""
        return list(self.start_message(now_us)["headers"])

    def _headers(self, age: int) -> list[tuple[bytes, bytes]]:
        stale = self.answer.state == "stale"
        control = "no-store" if stale else f"private, max-age={age}"
        return [
            (b"etag", self.tag),
            (b"cache-control", control.encode()),
            (b"vary", b"Authorization, X-API-Key"),
            (b"x-content-type-options", b"nosniff"),
        ]


class Known:
    """What is in memory of one agent: its states by mode, and answers already encoded."""

    __slots__ = ("agent_id", "entries", "states")

    def __init__(self, agent_id: str) -> None:
        self.agent_id = agent_id
        self.states: dict[str, TrustState] = {}
        self.entries: dict[Question, Entry] = {}


def collect_rarely() -> None:
    """Tell the garbage collector that what was loaded stays, and to look less often.

    Walking all agents takes it milliseconds, in which nobody is answered.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


class TrustCache:
    """Follow the store and answer for trust out of memory.

    Parameters
    ----------
    reading
        The store; touched in one worker thread only.
    config, policy, obligations
        How answers are made and for how long they are kept.
    metrics
        Where agents, lag and failures are counted.
    """

    def __init__(
        self,
        reading: Reading,
        config: ApiConfig,
        policy: TrustPolicy,
        obligations: Mapping[str, Obligation],
        metrics: Metrics,
    ) -> None:
        self.agents: dict[str, Known] = {}
        self.ready = False
        self.status = PipelineStatus("none")
        self._reading = reading
        self.policy = policy
        self._obligations = obligations
        self._poll_s = config.poll_s
        self._clock = EvaluationClock(config.clock)
        refresh_us = int(config.refresh_s * SECOND_US)
        self._refresh_us = (
            min(refresh_us, EVENT_REFRESH_US) if config.clock == "event" else refresh_us
        )
        self._metrics = metrics
        self._stale = True
        self._version: int | None = None
        self._seq = 0
        self._asked_us = 0
        self._polled_us = 0
        self._thread: ThreadPoolExecutor | None = None

    async def follow(self) -> None:
        """Look at the store until cancelled; a failure is counted and the next look comes."""
        while True:
            try:
                await self.poll()
            except Exception as error:  # noqa: BLE001  # any fault of the store: answers go stale
                self._metrics.store_errors.inc()
                log.error("store_unreadable", extra={"fault": type(error).__name__})
            self._beat(wall_us())
            await asyncio.sleep(self._poll_s)

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
        """Take in what changed since the last look."""
        now = wall_us()
        version = await self.read(self._reading.data_version)
        if version != self._version or now - self._asked_us >= STATUS_EVERY_US:
            # The status is read first: trust is then never older than the watermark it is
            # evaluated at.
            self.status = await self.read(self._reading.status)
            self._asked_us = now
        if version != self._version:
            await self._take_changes()
            self._version = version
        self._polled_us = wall_us()
        if not self.ready:
            self._beat(self._polled_us)
            collect_rarely()
            self.ready = True

    def _known(self, agent_id: str) -> Known:
        known = self.agents.get(agent_id)
        if known is None:
            known = self.agents[agent_id] = Known(agent_id)
        return known

    async def _take_changes(self) -> None:
        while True:
            rows = await self.read(partial(self._reading.changes, self._seq, CHUNK))
            for seq, state in rows:
                known = self._known(state.agent_id)
                known.states[state.mode] = state
                known.entries.clear()
                self._seq = seq
            if len(rows) < CHUNK:
                break
        self._metrics.agents.set(len(self.agents))

    def _beat(self, now_us: int) -> None:
        """Notice that answers became stale, or are so no more."""
        lag = self.lag_us(now_us)
        self._metrics.lag.set(-1 if lag is None else lag / SECOND_US)
        bound = self.policy.stale_after_s * SECOND_US
        stale = lag is None or lag > bound or now_us - self._polled_us > bound
        self._metrics.stale.set(stale)
        if stale != self._stale:
            self._stale = stale
            for known in self.agents.values():
                known.entries.clear()

    def lag_us(self, now_us: int) -> int | None:
        """Give how far behind the answers are; None when nobody can tell."""
        return lag_of(self.status, now_us, self._clock.kind)

    @property
    def stale(self) -> bool:
        """True while the pipeline is later than its bound."""
        return self._stale

    def at_us(self, now_us: int) -> int:
        """Give the event time at which trust is evaluated now."""
        return self._clock.at_us(now_us, self.status.watermark_us)

    def require_ready(self) -> None:
        """Raise a 503 `ProblemError` until the store was read once."""
        if not self.ready:
            raise ProblemError(503, "trust states are still being loaded", {"Retry-After": "1"})

    def entry(self, agent_id: str, question: Question, now_us: int) -> Entry:
        """Give the encoded answer for an agent, known or not; never waits."""
        # Unknown ones are not kept: made-up ids must not fill the memory.
        known = self.agents.get(agent_id) or Known(agent_id)
        return self.entry_of(known, question, now_us)

    def entry_of(self, known: Known, question: Question, now_us: int) -> Entry:
        """Give the encoded answer for an agent at hand."""
        entry = known.entries.get(question)
        if entry is None or entry.fresh_until_us <= now_us:
            entry = known.entries[question] = self._make(known, question, now_us)
        return entry

    def _make(self, known: Known, question: Question, now_us: int) -> Entry:
        answer = trust_answer(
            tuple(known.states.values()),
            known.agent_id,
            self.at_us(now_us),
            now_us,
            self.policy,
            self._obligations,
            stale=self._stale,
            lag_us=self.lag_us(now_us) or 0,
            mode=question[0],
            operation=question[1],
        )
        expires = microseconds(datetime.fromisoformat(answer.valid_until))
        if self._clock.kind == "event":
            # Our seconds are minutes of a recording: nobody may keep an answer for long.
            expires = min(expires, now_us + self._refresh_us)
        # A stale answer ends at once for its reader, but need not be computed for each of them.
        fresh = now_us + SECOND_US if self._stale else min(expires, now_us + self._refresh_us)
        return Entry(answer, expires, fresh)

    async def entries(self) -> list[Entry]:
        """Give every agent's answer, letting other requests pass in between."""
        now = wall_us()
        found = []
        for place, agent_id in enumerate(list(self.agents)):
            found.append(self.entry(agent_id, (None, None), now))
            if place % 20 == 19:
                await asyncio.sleep(0)
        return found

    def states(self, agent_id: str) -> list[TrustState]:
        """Give the states of an agent, one a mode; raises a 404 `ProblemError` without any."""
        known = self.agents.get(agent_id)
        if known is None:
            raise ProblemError(404, "no such agent")
        return list(known.states.values())
