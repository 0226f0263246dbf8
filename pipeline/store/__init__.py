"""State of one installation: what every batch leaves behind, in one transaction of one file.

The worker reads and commits; the API reads over a connection of its own and never waits for the
worker. `sqlite3` is imported in `pipeline.store.database` alone.
"""

from __future__ import annotations

from models.errors import ConfigError
from pipeline.store.batch import AnomalyRow, Commit, HeldRow, PipelineStatus, ProfileRow
from pipeline.store.lock import WriterLock
from pipeline.store.sqlite import Store

__all__ = [
    "AnomalyRow",
    "Commit",
    "HeldRow",
    "PipelineStatus",
    "ProfileRow",
    "Store",
    "WriterLock",
    "open_store",
    "store_path",
]


def open_store(url: str, *, secret: bytes | None = None, read_only: bool = False) -> Store:
    """Open a store, and make it if it is not there.

    Parameters
    ----------
    url
        ``sqlite:PATH``, or ``sqlite::memory:`` for one that is gone when it is closed.
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
    return Store(store_path(url), secret=secret, read_only=read_only)


def store_path(url: str) -> str:
    """Give the path of a store's URL; raises `ConfigError` for one that cannot be used.

    >>> store_path("sqlite:habitus.db")
    'habitus.db'
    """
    scheme, _, path = url.partition(":")
    if scheme in ("postgresql", "postgres"):
        raise ConfigError("a PostgreSQL store is not available in this version, use sqlite:PATH")
    if scheme != "sqlite":
        raise ConfigError(f"unknown store {scheme!r}, expected sqlite:PATH")
    if path.startswith("//"):
        # sqlite:///relative and sqlite:////absolute, as other tools write it.
        path = path.removeprefix("///") if path.startswith("///") else ""
    if not path:
        raise ConfigError("no path in the store's URL, expected sqlite:PATH")
    return path
