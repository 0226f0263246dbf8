"""State of one installation: what every batch leaves behind, in one transaction.

The worker reads and commits; the API reads over a connection of its own and never waits for the
worker. `Store` says what a store can do; SQLite in one file does it for one worker, PostgreSQL
for many. `sqlite3` is imported in `pipeline.store.database` alone, `psycopg` in
`pipeline.store.postgresql`.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import ConfigError
from pipeline.store.address import checked, masked
from pipeline.store.batch import AnomalyRow, Commit, HeldRow, LastEvent, PipelineStatus, ProfileRow
from pipeline.store.lock import WriterLock
from pipeline.store.order import COLUMNS, Place, Sort, place_of
from pipeline.store.protocol import Store
from pipeline.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from pipeline.store.postgresql import PostgresStore
    from pipeline.store.protocol import Lock

__all__ = [
    "COLUMNS",
    "AnomalyRow",
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
    """Open a store, and make it if it is not there.

    Parameters
    ----------
    url
        ``sqlite:PATH``, or ``sqlite::memory:`` for one that is gone when it is closed;
        ``postgresql://USER@HOST:PORT/DATABASE``, as libpq takes it.
    secret
        Key of the digests, 16 to 64 bytes; by default 32 random bytes made with the store.
    read_only
        Make and change nothing.

    Raises
    ------
    ConfigError
        The URL is not one of these, the place cannot be opened, or `secret` has another length.
    StateError
        What is there is no store, of another version, or was made with another secret.

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
    """Open what one worker at a time judges of a PostgreSQL store; '' where nothing is divided."""
    check_url(url)
    from pipeline.store.postgresql import PostgresStore  # the client is an extra

    return PostgresStore(url, secret=secret, read_only=read_only, shard=shard)


def writer_lock(url: str) -> Lock:
    """Give the right to judge into a store as the only one; not yet taken."""
    if is_postgresql(url):
        check_url(url)
        from pipeline.store.postgresql import AdvisoryLock

        return AdvisoryLock(url)
    return WriterLock(store_path(url))


def worker_lock(url: str) -> Lock:
    """Give the right to judge partitions into a PostgreSQL store, beside others; not yet taken."""
    check_url(url)
    from pipeline.store.postgresql import AdvisoryLock

    return AdvisoryLock(url, shared=True)


def is_postgresql(url: str) -> bool:
    """Tell whether a URL is of a PostgreSQL store.

    >>> is_postgresql("postgresql://127.0.0.1/habitus"), is_postgresql("sqlite:habitus.db")
    (True, False)
    """
    return url.partition(":")[0] in _POSTGRESQL


def check_url(url: str) -> None:
    """Raise `ConfigError` for a URL that cannot be a store's; opens nothing."""
    if not is_postgresql(url):
        store_path(url)
        return
    if find_spec("psycopg") is None:
        raise ConfigError(
            "a PostgreSQL store needs its client: install habitus with the extra postgresql"
        )
    checked(url)


def shown_url(url: str) -> str:
    """Give the URL as it may be shown: without user, password and options.

    >>> shown_url("postgresql://me:secret@db.example.com/habitus?sslmode=require")
    'postgresql://db.example.com/habitus'
    """
    if not is_postgresql(url):
        return url
    return masked(url)


def is_made(url: str) -> bool:
    """Tell whether there is a store already; a server is asked by opening."""
    return is_postgresql(url) or Path(store_path(url)).is_file()


def store_path(url: str) -> str:
    """Give the path of an SQLite store's URL; raises `ConfigError` for one that cannot be used.

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
        # sqlite:///relative and sqlite:////absolute, as other tools write it.
        path = path.removeprefix("///") if path.startswith("///") else ""
    if not path:
        raise ConfigError("no path in the store's URL, expected sqlite:PATH")
    return path
