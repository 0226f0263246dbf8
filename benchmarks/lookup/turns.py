"""How long a server's event loop keeps callers waiting by itself, whatever else the machine does.

A request waits for the turn of the loop that it comes into. Measured by processor time, a turn is
as long on a busy machine as on an idle one: what it does, and not for how long it was kept from it.
"""

from __future__ import annotations

import asyncio
import signal
import time
from array import array
from itertools import accumulate

# Shorter turns wait for the client, not the other way round.
_SHORTEST_NS = 100_000


class Turns:
    """Notes the turns of the loop from one ``SIGUSR1`` to the next, and prints their p99."""

    def __init__(self) -> None:
        self._noting: asyncio.Task[None] | None = None

    def listen(self) -> None:
        """Wait for the signal; to be called in the loop."""
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
    """Give the turn that 1 % of the time belongs to longer ones than: long ones have more callers.

    >>> p99_ns(array("q", [100] * 98 + [200]))
    200
    >>> p99_ns(array("q", [100] * 9_999 + [200]))
    100
    """
    ordered = sorted(turns)
    until = list(accumulate(ordered))
    return next(turn for turn, sum_ in zip(ordered, until, strict=True) if sum_ >= until[-1] * 0.99)
