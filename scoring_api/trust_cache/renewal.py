"""Make answers in advance, and renew them before they expire, so that no request waits.

Making an answer takes a hundred times as long as sending it, and a request for a thousand agents
would wait for all. So all answers of a small fleet are cached from the start. In a larger fleet,
answers of recently changed and of requested agents are cached.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterable
from itertools import count, islice
from time import perf_counter
from typing import Final, NamedTuple

from models.units import SECOND_US
from scoring_api.clock import wall_us
from scoring_api.trust_cache.cached_agent import Entry, Known, Question

# A tenth of the time, one answer at a time: a concurrent look-up waits for one answer at most.
PAUSE_S, IDLE_S, SHARE = 0.005, 0.1, 0.1
# Number of cached answers without requests; renewing them takes 2 to 3 % of a core.
MAX_KEPT: Final = 10_000
# Delay after a change, as changes often come in groups.
SETTLED_US: Final = 5 * SECOND_US
DEFAULT_QUESTION: Final[Question] = (None, None)

Make = Callable[[Known, Question, int], Entry]


class _Due(NamedTuple):
    """An answer that is due; without an entry, the agent changed and has no answer."""

    at_us: int
    number: int
    known: Known
    question: Question
    entry: Entry | None


class Renewal:
    """Queue of cached answers by due time.

    Parameters
    ----------
    make
        Makes an answer.
    refresh_us
        Largest age of a requested answer, microseconds.
    most_kept
        Number of cached answers up to which unrequested ones are kept.
    """

    def __init__(self, make: Make, refresh_us: int, most_kept: int = MAX_KEPT) -> None:
        self._make = make
        self._refresh_us = refresh_us
        self._most_kept = most_kept
        self._due: list[_Due] = []
        self._numbers = count()
        self._wanted: set[Known] = set()

    def note(self, known: Known, question: Question, entry: Entry, now_us: int) -> None:
        """Schedule the next check of a new answer."""
        life = min(entry.holds_until_us - now_us, self._refresh_us)
        self._push(now_us + life * 4 // 5, known, question, entry)

    def prioritise(self, known: Known, question: Question, entry: Entry, now_us: int) -> None:
        """Renew an old answer next, as it is requested again."""
        self._push(now_us, known, question, entry)

    def want(self, known: Known, at_us: int) -> None:
        """Schedule an answer for an agent, unless enough answers are cached."""
        if known not in self._wanted and len(self._due) < self._most_kept:
            self._wanted.add(known)
            self._push(at_us, known, DEFAULT_QUESTION, None)

    def _push(self, at_us: int, known: Known, question: Question, entry: Entry | None) -> None:
        heapq.heappush(self._due, _Due(at_us, next(self._numbers), known, question, entry))

    def renew(self, now_us: int) -> bool:
        """Process the first answer; return False if none is due."""
        if not self._due or self._due[0].at_us > now_us:
            return False
        _, _, known, question, entry = heapq.heappop(self._due)
        if entry is None:
            self._wanted.discard(known)
        if known.entries.get(question) is not entry:
            return True
        if entry is None or entry.asked:
            self._renew(known, question, now_us)
        elif not entry.old and entry.holds_until_us - now_us > self._refresh_us:
            # Not requested recently: it may age until its expiry.
            entry.old = True
            self._push(now_us + (entry.holds_until_us - now_us) * 3 // 4, known, question, entry)
        elif entry.old and len(self._due) < self._most_kept:
            self._renew(known, question, now_us)
        else:
            del known.entries[question]
        return True

    def _renew(self, known: Known, question: Question, now_us: int) -> None:
        fresh = known.entries[question] = self._make(known, question, now_us)
        fresh.asked = False
        self.note(known, question, fresh, now_us)

    def want_all(self, agents: Iterable[Known], now_us: int) -> None:
        """Schedule answers for the first of these agents, up to the limit."""
        for known in islice(agents, self._most_kept):
            self.want(known, now_us)

    async def prepare(self, seconds: float) -> None:
        """Make due answers for at most `seconds`; the others follow later."""
        end = perf_counter() + seconds
        while perf_counter() < end and self.renew(wall_us()):
            await asyncio.sleep(0)

    async def run(self) -> None:
        """Renew until cancelled, and yield to requests in between."""
        while True:
            spent, more = 0.0, True
            while more and spent < PAUSE_S * SHARE:
                begun = perf_counter()
                more = self.renew(wall_us())
                spent += perf_counter() - begun
                await asyncio.sleep(0)
            await asyncio.sleep(PAUSE_S if more else IDLE_S)
