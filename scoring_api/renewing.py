"""Answers that are asked for are made anew before they run out, so that nobody waits for them.

To make an answer takes a hundred times as long as to send one, and a question for a thousand agents
would wait for all of them. What nobody asked for since it was made is let go instead, so that
memory holds answers for those agents alone that somebody asks for.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter

from scoring_api.clock import wall_us
from scoring_api.known import Entry, Known, Question

TICK_S = 0.1
# A fifth of the time at most, in slices that a look-up does not notice.
BUDGET_S, SLICE_S = 0.02, 0.001

Make = Callable[[Known, Question, int], Entry]


class Renewal:
    """The answers in memory, those that run out first in front.

    Parameters
    ----------
    make
        Makes an answer.
    ahead_us
        How long before it runs out an answer is made anew, microseconds.
    """

    def __init__(self, make: Make, ahead_us: int) -> None:
        self._make = make
        self._ahead_us = ahead_us
        self._made: deque[tuple[Known, Question, Entry]] = deque()

    def note(self, known: Known, question: Question, entry: Entry) -> None:
        """Take note of an answer that was made."""
        self._made.append((known, question, entry))

    def renew(self, now_us: int) -> bool:
        """Deal with the answer in front; False when it has time."""
        if not self._made or self._made[0][2].fresh_until_us - now_us > self._ahead_us:
            return False
        known, question, entry = self._made.popleft()
        if known.entries.get(question) is not entry:
            return True
        if not entry.asked:
            del known.entries[question]
        elif not entry.stale:
            # A stale one lives for a second and is made when it is asked for.
            fresh = known.entries[question] = self._make(known, question, now_us)
            fresh.asked = False
            self.note(known, question, fresh)
        return True

    async def run(self) -> None:
        """Renew until cancelled, letting requests pass in between."""
        while True:
            await asyncio.sleep(TICK_S)
            begun = slice_begun = perf_counter()
            while self.renew(wall_us()):
                now = perf_counter()
                if now - begun > BUDGET_S:
                    break
                if now - slice_begun > SLICE_S:
                    await asyncio.sleep(0)
                    slice_begun = perf_counter()
