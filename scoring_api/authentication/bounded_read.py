"""A blocking read in a thread, with a bounded wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class BoundedRead(Generic[T]):
    """Read in a separate thread, so that a busy API is not mistaken for a hanging file.

    Parameters
    ----------
    read
        Blocks until it has the result.

    Examples
    --------
    >>> asyncio.run(BoundedRead(lambda: 5).answer(within_s=10))
    5
    """

    def __init__(self, read: Callable[..., T]) -> None:
        self._read = read
        self._thread = ThreadPoolExecutor(1, "habitus-read")
        self._under_way: asyncio.Future[T] | None = None

    async def answer(self, *arguments: object, within_s: float) -> T:
        """Give the result; a pending read is awaited again.

        Raises
        ------
        TimeoutError
            There is no result within `within_s` seconds.
        """
        loop = asyncio.get_running_loop()
        reading = self._under_way or loop.run_in_executor(self._thread, self._read, *arguments)
        self._under_way = reading
        # Twice: after a stall of the loop, the first wait times out before it sees the result.
        for _again in range(2):
            done, _ = await asyncio.wait({reading}, timeout=within_s / 2)
            if done:
                self._under_way = None
                return reading.result()
        raise TimeoutError(f"no answer within {within_s:.0f} s")
