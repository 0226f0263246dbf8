"""The store on PostgreSQL, for many workers; only this folder imports `psycopg`."""

from __future__ import annotations

from pipeline.store.postgresql.lock import AdvisoryLock
from pipeline.store.postgresql.store import PostgresStore

__all__ = ["AdvisoryLock", "PostgresStore"]
