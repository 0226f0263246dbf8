"""Access to PostgreSQL: one connection with reconnect, and translation of errors."""

from __future__ import annotations

import contextlib
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import errors

from models.errors import ConfigError, StateError, StoreUnavailable
from pipeline.store.address import masked, options

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_GONE = (errors.AdminShutdown, errors.CrashShutdown, errors.CannotConnectNow)


class PostgresConnection:
    """One thread-safe connection; calls run one at a time.

    A call on a broken connection raises `StoreUnavailable`, and the next call reconnects.

    Parameters
    ----------
    url
        ``postgresql://…`` in the form of libpq.
    read_only
        Change nothing.

    Raises
    ------
    ConfigError
        The server cannot be reached or refuses access, or the database encoding is not UTF8.
    """

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        self.path = masked(url)
        self.read_only = read_only
        self.lock = threading.RLock()
        self._url = url
        try:
            self._db = self._connect()
        except psycopg.Error as error:
            raise ConfigError(f"cannot open the store {self.path}: {_first(error)}") from error

    def _connect(self) -> psycopg.Connection[Any]:
        db = psycopg.connect(self._url, autocommit=True, **options(self._url))  # type: ignore[arg-type]  # its keywords are those of libpq
        self._check_encoding(db)
        if self.read_only:
            db.execute("set default_transaction_read_only = on")
        return db

    def _check_encoding(self, db: psycopg.Connection[Any]) -> None:
        encoding = db.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            db.close()
            raise ConfigError(
                f"the database of the store {self.path} is encoded in {encoding}, expected UTF8, "
                "which holds any name: create database ... encoding 'UTF8' template template0"
            )

    def rows(self, statement: str, values: Iterable[Any] = ()) -> list[Any]:
        """Give all rows of a query."""
        with self._cursor() as cursor:
            return cursor.execute(_binary(statement), tuple(values)).fetchall()

    def row(self, statement: str, values: Iterable[Any] = ()) -> Any:
        """Give the first row of a query, or None."""
        with self._cursor() as cursor:
            return cursor.execute(_binary(statement), tuple(values)).fetchone()

    def run(self, statement: str, values: Iterable[Any] = ()) -> int:
        """Run one statement; return the number of affected rows."""
        with self._cursor() as cursor:
            return cursor.execute(_binary(statement), tuple(values)).rowcount

    def script(self, statements: str) -> None:
        """Run several statements without values."""
        with (
            self.lock,
            self._translated_errors(),
        ):  # binary parameters allow only one statement a call
            self._alive().execute(statements.encode())

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all writes inside atomic."""
        with self.lock, self._translated_errors(), self._alive().transaction():
            yield

    @contextlib.contextmanager
    def pipeline(self) -> Iterator[None]:
        """Send statements without waiting for each result."""
        with self.lock, self._translated_errors(), self._alive().pipeline():
            yield

    @contextlib.contextmanager
    def statement_timeout(self, seconds: float) -> Iterator[None]:
        """Terminate sessions that block the statements inside for so long.

        A process that stalls in pipeline mode holds its locks forever. The server does not treat it
        as idle, so no server timeout ends it.
        """
        with self.lock:
            waiting = self._alive().info.backend_pid
            timer = threading.Timer(seconds, self._end_blockers, (waiting,))
            timer.daemon = True
            timer.start()
            try:
                yield
            finally:
                timer.cancel()

    def _end_blockers(self, waiting: int) -> None:
        with (
            contextlib.suppress(psycopg.Error),
            psycopg.connect(
                self._url,
                autocommit=True,
                **options(self._url),  # type: ignore[arg-type]  # as above
            ) as other,
        ):
            other.execute(
                "select pg_terminate_backend(pid) from unnest(pg_blocking_pids(%s)) as pid",
                (waiting,),
            )

    def has_table(self, name: str) -> bool:
        """Return whether a table exists."""
        # Not `to_regclass`, which may cache a missing table from before a wait.
        query = "select relname from pg_class where relnamespace = current_schema()::regnamespace"
        return self.row(f"{query} and relname = ?", (name,)) is not None

    def close(self) -> None:
        """Close the connection."""
        with self.lock:
            self._db.close()

    def _alive(self) -> psycopg.Connection[Any]:
        if self._db.closed:
            self._db = self._connect()
        return self._db

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[psycopg.Cursor[Any]]:
        with self.lock, self._translated_errors(), self._alive().cursor(binary=True) as cursor:
            yield cursor

    @contextlib.contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            raise self._in_words(error) from error

    def _in_words(self, error: psycopg.Error) -> StateError:
        # The details of a server message may repeat values; its first line does not.
        if isinstance(error, _GONE) or self._db.closed or (error.sqlstate is None and _lost(error)):
            return StoreUnavailable(f"store {self.path} cannot be reached: {_first(error)}")
        if isinstance(error, errors.ReadOnlySqlTransaction):
            return StateError(f"store {self.path!r} cannot be written: it is read-only")
        if isinstance(error, errors.InsufficientPrivilege):  # names the table
            return StateError(f"store {self.path} cannot be used: {_first(error)}")
        kind = type(error).__name__
        return StateError(f"store {self.path} cannot be used: {kind} ({error.sqlstate})")


def _lost(error: psycopg.Error) -> bool:
    return isinstance(error, psycopg.OperationalError)


def _first(error: psycopg.Error) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__


@lru_cache(maxsize=256)
def _binary(statement: str) -> bytes:
    """Convert placeholders to binary ones of psycopg: as text, bytes travel in hexadecimal."""
    return statement.replace("?", "%b").encode()
