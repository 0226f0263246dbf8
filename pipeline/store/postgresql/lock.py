"""At most one writer a database, for sources that no broker divides among workers."""

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
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: PostgresConnection | None = None

    def acquire(self) -> bool:
        """Take it; False when another process, or another lock of this one, has it."""
        if self._connection is not None:
            return True
        connection = PostgresConnection(self._url)
        query = "select pg_try_advisory_lock(?::int4, hashtext(current_schema()))"
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
