"""Request bodies in memory: so many bytes in all, and half of them for one address."""

from __future__ import annotations

from collections import Counter

from starlette.exceptions import HTTPException


class Bodies:
    """Count the bytes of bodies that requests under way have sent.

    A body is bounded, and so are connections; their product is more than a machine has.

    Parameters
    ----------
    most
        Bytes in all.

    Examples
    --------
    >>> bodies = Bodies(100)
    >>> bodies.add("192.0.2.1", 50); bodies.remove("192.0.2.1", 50); bodies.add("192.0.2.1", 51)
    Traceback (most recent call last):
        ...
    starlette.exceptions.HTTPException: 503: Service Unavailable
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: Counter[str] = Counter()
        self._total = 0

    def add(self, host: str, size: int) -> None:
        """Count bytes that came; raises 503 where they are too many.

        The exception is the framework's: it re-words any other while a body is being read.
        """
        if self._total + size > self._most or self._held[host] + size > self._most // 2:
            raise HTTPException(503, headers={"Retry-After": "1"})
        self._total += size
        self._held[host] += size

    def remove(self, host: str, size: int) -> None:
        """Take back what `add` counted."""
        self._total -= size
        self._held[host] -= size
        if not self._held[host]:
            del self._held[host]
