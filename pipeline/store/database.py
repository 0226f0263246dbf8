"""Access to SQLite: file, settings, version, and translation of errors."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from models.errors import ConfigError, StateError
from pipeline.store.schema import ADDED, OLDEST, TABLES, TRIGGERS, VERSION
from pipeline.store.seal import SECRET_BYTES, checked_secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MEMORY = ":memory:"

# A worker's batch locks the file for tenths of a second, a checkpoint for a few seconds.
_BUSY_MS = 30_000
_LOG_BUSY_MS = 200

_MADE = re.compile(r"\s*create (?:unique )?(?:table|index|trigger) (\w+)")
_SETTINGS = (
    f"pragma busy_timeout={_BUSY_MS}",
    "pragma synchronous=full",
    "pragma cache_size=-65536",
    "pragma temp_store=memory",
    # A batch writes some MiB: checkpoints every 1,000 pages would rewrite the same pages.
    "pragma wal_autocheckpoint=8192",
    "pragma journal_size_limit=134217728",
    # Payloads that wait to be judged may hold credentials: a row is overwritten when it is deleted.
    "pragma secure_delete=on",
)


class Database:
    """One thread-safe connection; calls run one at a time.

    Parameters
    ----------
    path
        File, or ``:memory:``.
    read_only
        Create and change nothing.

    Raises
    ------
    ConfigError
        The file cannot be opened.
    StateError
        The file is not a store.
    """

    def __init__(self, path: str, *, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        self.lock = threading.RLock()
        with self._translated_errors():
            self._db = _connect(path, read_only=read_only)
            try:
                for setting in _SETTINGS:
                    self._db.execute(setting)
            except BaseException:
                self._db.close()
                raise

    def rows(self, statement: str, values: Iterable[Any] = ()) -> list[Any]:
        """Give all rows of a query."""
        with self.lock, self._translated_errors():
            return self._db.execute(statement, tuple(values)).fetchall()

    def row(self, statement: str, values: Iterable[Any] = ()) -> Any:
        """Give the first row of a query, or None."""
        with self.lock, self._translated_errors():
            return self._db.execute(statement, tuple(values)).fetchone()

    def run(self, statement: str, values: Iterable[Any] = ()) -> int:
        """Run one statement; return the id of an inserted row."""
        with self.lock, self._translated_errors():
            return self._db.execute(statement, tuple(values)).lastrowid or 0

    def run_many(self, statement: str, rows: Iterable[Any]) -> None:
        """Run one statement for each row."""
        with self.lock, self._translated_errors():
            self._db.executemany(statement, rows)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all writes inside atomic; waits for another writer."""
        with self.lock:
            self.run("begin immediate")
            try:
                yield
                self.run("commit")
            except BaseException:
                # A failed commit may have ended the transaction already.
                if self._db.in_transaction:
                    self.run("rollback")
                raise

    def empty_log(self) -> bool:
        """Move the log into the file and cut it to nothing; False while others read or write it.

        The log holds deleted rows as they were.
        """
        with self.lock, self._translated_errors():
            if self.path == MEMORY:
                return True
            try:
                self._db.execute(f"pragma busy_timeout={_LOG_BUSY_MS}")
                return not self._db.execute("pragma wal_checkpoint(truncate)").fetchone()[0]
            finally:
                self._db.execute(f"pragma busy_timeout={_BUSY_MS}")

    @property
    def version(self) -> int:
        """Number that changes with every commit; cheap to read."""
        with self.lock, self._translated_errors():
            if self.path == MEMORY:
                return self._db.total_changes
            return int(self._db.execute("pragma data_version").fetchone()[0])

    def close(self) -> None:
        """Close the connection."""
        with self.lock:
            self._db.close()

    @contextlib.contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _in_words(self.path, error) from error


def prepare(database: Database, secret: bytes | None) -> bytes:
    """Create the tables, or check the existing ones; return the secret of the digests."""
    checked_secret(secret)
    if not database.read_only:
        _make(database, secret)
    return _check(database, secret)


def _make(database: Database, secret: bytes | None) -> None:
    if database.row("select 1 from sqlite_master limit 1"):
        _add_tables(database)
        return
    # Profiles have one or two KiB: a commit took half as long with pages of 8 KiB as with 4 KiB.
    database.run("pragma page_size=8192")
    if database.path != MEMORY:
        database.run("pragma journal_mode=wal")
    with database.transaction():
        # Another process may have created the tables first.
        if database.row("select 1 from sqlite_master limit 1"):
            return
        for statement in (*TABLES.split(";"), *TRIGGERS):
            database.run(statement)
        made = secret or secrets.token_bytes(SECRET_BYTES)
        database.run_many(
            "insert into meta (key, value) values (?, ?)",
            [("version", VERSION), ("seq", 0), ("secret", made)],
        )


def _add_tables(database: Database) -> None:
    """Add the tables and indexes that a store of an earlier version does not have."""
    if not database.row("select 1 from sqlite_master where name = 'meta'"):
        return
    with database.transaction():
        row = database.row("select value from meta where key = 'version'")
        if row is None or not isinstance(row[0], int) or not OLDEST <= row[0] < VERSION:
            return
        known = {name for (name,) in database.rows("select name from sqlite_master")}
        for statement in (*TABLES.split(";"), *TRIGGERS):
            made = _MADE.match(statement)
            if made is not None and made[1] not in known:
                database.run(statement)
                if (rows := ADDED.get(made[1])) is not None:
                    database.run(rows)
        database.run("update meta set value = ? where key = 'version'", (VERSION,))


def _check(database: Database, secret: bytes | None) -> bytes:
    tables = database.row("select count(*) from sqlite_master where name in ('meta', 'profiles')")
    if tables[0] != 2:
        raise StateError(f"{database.path!r} is not a store of this program")
    meta = dict(database.rows("select key, value from meta"))
    if meta.get("version") != VERSION:
        version = meta["version"] if isinstance(meta.get("version"), int) else 0
        todo = "a newer Habitus is needed" if version > VERSION else "use the program that wrote it"
        if OLDEST <= version < VERSION:
            todo = "habitus run adds what is missing when it starts"
        raise StateError(
            f"store {database.path!r} was written by version {meta.get('version')}, this is "
            f"{VERSION}; {todo}, or move the store away to learn again"
        )
    kept = meta.get("secret")
    if not isinstance(kept, bytes) or (secret is not None and secret != kept):
        raise StateError(f"store {database.path!r} was made with another secret")
    return kept


def _connect(path: str, *, read_only: bool) -> sqlite3.Connection:
    if path == MEMORY:
        return sqlite3.connect(MEMORY, isolation_level=None, check_same_thread=False)
    if read_only and not Path(path).is_file():
        raise ConfigError(f"there is no store at {path!r}; habitus run makes one")
    if not read_only:
        _touch(path)
    return sqlite3.connect(
        f"file:{quote(path)}?mode={'ro' if read_only else 'rw'}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )


def _touch(path: str) -> None:
    """Create the file with access for its owner only, as it holds the key of the digests.

    An existing file is not opened. Closing any descriptor of it would release the POSIX locks of
    other connections of this process. Another program could then remove a log that is still being
    written.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise ConfigError(f"cannot open the store {path!r}: {error.strerror}") from error


def _in_words(path: str, error: sqlite3.Error) -> StateError:
    code = (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF
    message = {
        sqlite3.SQLITE_BUSY: "is busy: another program holds it",
        sqlite3.SQLITE_FULL: "cannot grow: the disk is full",
        sqlite3.SQLITE_READONLY: "cannot be written: it is read-only",
        sqlite3.SQLITE_CORRUPT: "is damaged; restore it, or move it away to learn again",
        sqlite3.SQLITE_NOTADB: "is not a store of this program",
    }.get(code, f"cannot be used: {error}")
    return StateError(f"store {path!r} {message}")
