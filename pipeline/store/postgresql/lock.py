"""One writer a database where no broker divides the source, or several where one does."""

from __future__ import annotations

import time
from typing import Self

from pipeline.store.postgresql.connection import PostgresConnection

_WRITER = 0x4861_6269  # "Habi"
# The server takes a moment to notice that the one before was killed.
_TRIES, _TRY_S = 20, 0.1


class AdvisoryLock:
    """The right to judge into a store: an advisory lock, let go by the server with its connection.

    A worker that is cut off loses it without knowing; `Store.claim` is what stops its commits.

    Parameters
    ----------
    url
        The store's.
    shared
        Beside others who take it shared, as workers do whose partitions a broker hands out; who
        takes it alone keeps them all out, and the other way round.
    """

    def __init__(self, url: str, *, shared: bool = False) -> None:
        self._url = url
        self._take = "pg_try_advisory_lock_shared" if shared else "pg_try_advisory_lock"
        self._connection: PostgresConnection | None = None

    def acquire(self) -> bool:
        """Take it; False when another process, or another lock of this one, is in the way."""
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
        """Let it go."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
