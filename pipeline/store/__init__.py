"""State of one installation; each batch is written in one transaction.

The worker reads and commits. The API reads over its own connection and never waits for the worker.
`Store` is the interface, with SQLite in one file for one worker, and PostgreSQL for many. Only
`pipeline.store.database` imports `sqlite3`, and only `pipeline.store.postgresql` imports `psycopg`.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import ConfigError
from pipeline.store.address import checked, masked
from pipeline.store.batch import (
    AnomalyRow,
    CaseRow,
    Commit,
    HeldRow,
    LastEvent,
    PipelineStatus,
    ProfileRow,
)
from pipeline.store.lock import WriterLock
from pipeline.store.order import (
    CASE_COLUMNS,
    COLUMNS,
    CaseSort,
    CaseStatus,
    Place,
    Sort,
    case_place_of,
    place_of,
)
from pipeline.store.protocol import Store
from pipeline.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from pipeline.store.postgresql import PostgresStore
    from pipeline.store.protocol import Lock

__all__ = [
    "CASE_COLUMNS",
    "COLUMNS",
    "AnomalyRow",
    "CaseRow",
    "CaseSort",
    "CaseStatus",
    "Commit",
    "HeldRow",
    "LastEvent",
    "PipelineStatus",
    "Place",
    "ProfileRow",
    "Sort",
    "SqliteStore",
    "Store",
    "WriterLock",
    "case_place_of",
    "check_url",
    "is_made",
    "is_postgresql",
    "open_shard",
    "open_store",
    "place_of",
    "shown_url",
    "store_path",
    "worker_lock",
    "writer_lock",
]

_POSTGRESQL = ("postgresql", "postgres")


def open_store(url: str, *, secret: bytes | None = None, read_only: bool = False) -> Store:
    """Open a store, and create it if it does not exist.

    Parameters
    ----------
    url
        ``sqlite:PATH``, ``sqlite::memory:`` for a temporary store, or
        ``postgresql://USER@HOST:PORT/DATABASE`` in the form of libpq.
    secret
        Key of the digests, 16 to 64 bytes; by default 32 random bytes, made when the store is
        created.
    read_only
        Create and change nothing.

    Raises
    ------
    ConfigError
        The URL has another form, the store cannot be opened, or `secret` has a wrong length.
    StateError
        It is not a store, has another version, or was made with another secret.

    Examples
    --------
    >>> with open_store("sqlite::memory:") as store:
    ...     store.commit(Commit(positions={"stdin": "7"}, counters={"events": 7}))
    ...     store.positions(), store.counters()
    ({'stdin': '7'}, {'events': 7})
    """
    if is_postgresql(url):
        return open_shard(url, "", secret=secret, read_only=read_only)
    return SqliteStore(store_path(url), secret=secret, read_only=read_only)


def open_shard(
    url: str, shard: str, *, secret: bytes | None = None, read_only: bool = False
) -> PostgresStore:
    """Open one shard of a PostgreSQL store; '' if the stream has no shards."""
    check_url(url)
    from pipeline.store.postgresql import PostgresStore  # the client is an optional dependency

    return PostgresStore(url, secret=secret, read_only=read_only, shard=shard)


def writer_lock(url: str) -> Lock:
    """Give the exclusive lock for judging into a store, not yet acquired."""
    if is_postgresql(url):
        check_url(url)
        from pipeline.store.postgresql import AdvisoryLock

        return AdvisoryLock(url)
    return WriterLock(store_path(url))


def worker_lock(url: str) -> Lock:
    """Give the shared lock for judging partitions into a PostgreSQL store, not yet acquired."""
    check_url(url)
    from pipeline.store.postgresql import AdvisoryLock

    return AdvisoryLock(url, shared=True)


def is_postgresql(url: str) -> bool:
    """Return whether a URL is of a PostgreSQL store.

    >>> is_postgresql("postgresql://127.0.0.1/habitus"), is_postgresql("sqlite:habitus.db")
    (True, False)
    """
    return url.partition(":")[0] in _POSTGRESQL


def check_url(url: str) -> None:
    """Raise `ConfigError` for an invalid store URL; opens nothing."""
    if not is_postgresql(url):
        store_path(url)
        return
    if find_spec("psycopg") is None:
        raise ConfigError(
            "a PostgreSQL store needs its client: install habitus with the extra postgresql"
        )
    checked(url)


def shown_url(url: str) -> str:
    """Give the URL without user, password and options, for display.

    >>> shown_url("postgresql://me:secret@db.example.com/habitus?sslmode=require")
    'postgresql://db.example.com/habitus'
    """
    if not is_postgresql(url):
        return url
    return masked(url)


def is_made(url: str) -> bool:
    """Return whether an SQLite store exists; True for PostgreSQL, which only opening can check."""
    return is_postgresql(url) or Path(store_path(url)).is_file()


def store_path(url: str) -> str:
    """Give the path of an SQLite URL; raise `ConfigError` for an invalid one.

    >>> store_path("sqlite:habitus.db")
    'habitus.db'
    """
    scheme, _, path = url.partition(":")
    if scheme != "sqlite":
        raise ConfigError(
            f"unknown store {scheme!r}, expected sqlite:PATH or "
            "postgresql://USER@HOST:PORT/DATABASE"
        )
    if path.startswith("//"):
        # sqlite:///relative and sqlite:////absolute: the form of other tools.
        path = path.removeprefix("///") if path.startswith("///") else ""
    if not path:
        raise ConfigError("no path in the store's URL, expected sqlite:PATH")
    return path
