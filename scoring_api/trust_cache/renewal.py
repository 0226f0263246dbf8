"""Answers are made before somebody asks, and anew before they run out: nobody waits for them.

To make an answer takes a hundred times as long as to send one, and a question for a thousand agents
would wait for all of them. So the answers of a fleet that is not too large are at hand from the
start; of a larger one those of the agents that changed last, and those that somebody asks for.
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

# A tenth of the time, one answer at a time: a look-up that comes meanwhile waits for that one only.
PAUSE_S, IDLE_S, SHARE = 0.005, 0.1, 0.1
# Answers kept although nobody asked for them; to keep them takes two or three hundredths of a core.
MOST_KEPT: Final = 10_000
# After a change, which is seldom the only one.
SETTLED_US: Final = 5 * SECOND_US
USUAL: Final[Question] = (None, None)

Make = Callable[[Known, Question, int], Entry]


class _Due(NamedTuple):
    """An answer to look at; without one, the agent has none since it changed."""

    at_us: int
    number: int
    known: Known
    question: Question
    entry: Entry | None


class Renewal:
    """The answers in memory, those that are due first in front.

    Parameters
    ----------
    make
        Makes an answer.
    refresh_us
        How old an answer may get that is asked for, microseconds.
    most_kept
        How many there may be in memory for those to be kept that nobody asks for.
    """

    def __init__(self, make: Make, refresh_us: int, most_kept: int = MOST_KEPT) -> None:
        self._make = make
        self._refresh_us = refresh_us
        self._most_kept = most_kept
        self._due: list[_Due] = []
        self._numbers = count()
        self._wanted: set[Known] = set()

    def note(self, known: Known, question: Question, entry: Entry, now_us: int) -> None:
        """Take note of an answer that was made: it is looked at again while it holds."""
        life = min(entry.holds_until_us - now_us, self._refresh_us)
        self._push(now_us + life * 4 // 5, known, question, entry)

    def hurry(self, known: Known, question: Question, entry: Entry, now_us: int) -> None:
        """Make an old answer anew next, as somebody asks for it again."""
        self._push(now_us, known, question, entry)

    def want(self, known: Known, at_us: int) -> None:
        """Have an answer for an agent from an instant on, unless there are enough without it."""
        if known not in self._wanted and len(self._due) < self._most_kept:
            self._wanted.add(known)
            self._push(at_us, known, USUAL, None)

    def _push(self, at_us: int, known: Known, question: Question, entry: Entry | None) -> None:
        heapq.heappush(self._due, _Due(at_us, next(self._numbers), known, question, entry))

    def renew(self, now_us: int) -> bool:
        """Deal with the answer in front; False when it has time."""
        if not self._due or self._due[0].at_us > now_us:
            return False
        _, _, known, question, entry = heapq.heappop(self._due)
        if entry is None:
            self._wanted.discard(known)
        if known.entries.get(question) is not entry:
            return True
        if entry is None or entry.asked:
            self._anew(known, question, now_us)
        elif not entry.old and entry.holds_until_us - now_us > self._refresh_us:
            # Nobody asked lately: it may grow as old as it holds.
            entry.old = True
            self._push(now_us + (entry.holds_until_us - now_us) * 3 // 4, known, question, entry)
        elif entry.old and len(self._due) < self._most_kept:
            self._anew(known, question, now_us)
        else:
            del known.entries[question]
        return True

    def _anew(self, known: Known, question: Question, now_us: int) -> None:
        fresh = known.entries[question] = self._make(known, question, now_us)
        fresh.asked = False
        self.note(known, question, fresh, now_us)

    def want_all(self, agents: Iterable[Known], now_us: int) -> None:
        """Have answers for the first of these agents, as many as are kept."""
        for known in islice(agents, self._most_kept):
            self.want(known, now_us)

    async def prepare(self, seconds: float) -> None:
        """Make what is due, for so long at most; what is left is made by and by."""
        end = perf_counter() + seconds
        while perf_counter() < end and self.renew(wall_us()):
            await asyncio.sleep(0)

    async def run(self) -> None:
        """Renew until cancelled, letting requests pass in between."""
        while True:
            spent, more = 0.0, True
            while more and spent < PAUSE_S * SHARE:
                begun = perf_counter()
                more = self.renew(wall_us())
                spent += perf_counter() - begun
                await asyncio.sleep(0)
            await asyncio.sleep(PAUSE_S if more else IDLE_S)
