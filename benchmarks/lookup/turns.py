"""Wait of callers caused by a server's own event loop, independent of other load.

A request waits for the current turn of the loop. In processor time, a turn takes as long on a busy
machine as on an idle one.
"""

from __future__ import annotations

import asyncio
import signal
import time
from array import array
from itertools import accumulate

# In shorter turns the server waits for the client.
_SHORTEST_NS = 100_000


class Turns:
    """Records the turns of the loop from one ``SIGUSR1`` to the next, and prints their p99."""

    def __init__(self) -> None:
        self._noting: asyncio.Task[None] | None = None

    def listen(self) -> None:
        """Register the signal handler; called in the loop."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._toggle)

    def _toggle(self) -> None:
        if self._noting is None:
            self._noting = asyncio.get_running_loop().create_task(self._note())
        else:
            self._noting.cancel()
            self._noting = None

    async def _note(self) -> None:
        turns = array("q")
        last = time.process_time_ns()
        try:
            while True:
                await asyncio.sleep(0)
                now = time.process_time_ns()
                if now - last > _SHORTEST_NS:
                    turns.append(now - last)
                last = now
        finally:
            print(f"{p99_ns(turns) / 1e6:.3f}", flush=True)


def p99_ns(turns: array[int]) -> int:
    """Give the p99 of turns weighted by their length, as more callers wait in long turns.

    >>> p99_ns(array("q", [100] * 98 + [200]))
    200
    >>> p99_ns(array("q", [100] * 9_999 + [200]))
    100
    """
    ordered = sorted(turns)
    until = list(accumulate(ordered))
    return next(turn for turn, sum_ in zip(ordered, until, strict=True) if sum_ >= until[-1] * 0.99)
