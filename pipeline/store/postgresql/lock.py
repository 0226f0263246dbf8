"""Writer lock of a database: exclusive, or shared by workers with partitions of a broker."""

from __future__ import annotations

import time
from typing import Self

from pipeline.store.postgresql.connection import PostgresConnection

_WRITER = 0x4861_6269  # "Habi"
# The server needs a moment to detect a killed holder.
_TRIES, _TRY_S = 20, 0.1


class AdvisoryLock:
    """Lock for judging into a store: an advisory lock, released with its connection.

    A disconnected worker loses the lock without noticing; `Store.claim` then stops its commits.

    Parameters
    ----------
    url
        URL of the store.
    shared
        Whether other shared holders are allowed: workers whose partitions a broker assigns. Shared
        and exclusive holders exclude each other.
    """

    def __init__(self, url: str, *, shared: bool = False) -> None:
        self._url = url
        self._take = "pg_try_advisory_lock_shared" if shared else "pg_try_advisory_lock"
        self._connection: PostgresConnection | None = None

    def acquire(self) -> bool:
        """Acquire the lock; return False if a conflicting lock is held, even by this process."""
        if self._connection is not None:
            return True
        connection = PostgresConnection(self._url)
        query = f"select {self._take}(?::int4, hashtext(current_schema()))"
        for _ in range(_TRIES):
            if connection.row(query, (_WRITER,))[0]:
                self._connection = connection
                return True
            time.sleep(_TRY_S)
        connection.close()
        return False

    def release(self) -> None:
        """Release the lock."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
