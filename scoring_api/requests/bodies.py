"""Bound the bytes of request bodies in memory, in total and by address."""

from __future__ import annotations

from collections import Counter

from starlette.exceptions import HTTPException


class Bodies:
    """Counts the body bytes of running requests.

    Bodies and connections are bounded, but their product exceeds the memory.

    Parameters
    ----------
    maximum
        Bytes in total; one address gets at most half.

    Examples
    --------
    >>> bodies = Bodies(100)
    >>> bodies.add("192.0.2.1", 50); bodies.remove("192.0.2.1", 50); bodies.add("192.0.2.1", 51)
    Traceback (most recent call last):
        ...
    starlette.exceptions.HTTPException: 503: Service Unavailable
    """

    def __init__(self, maximum: int) -> None:
        self._most = maximum
        self._held: Counter[str] = Counter()
        self._total = 0

    def add(self, host: str, size: int) -> None:
        """Count received bytes; raise 503 if there are too many.

        The exception is that of the framework, which replaces any other while a body is read.
        """
        if self._total + size > self._most or self._held[host] + size > self._most // 2:
            raise HTTPException(503, headers={"Retry-After": "1"})
        self._total += size
        self._held[host] += size

    def remove(self, host: str, size: int) -> None:
        """Subtract bytes counted by `add`."""
        self._total -= size
        self._held[host] -= size
        if not self._held[host]:
            del self._held[host]
