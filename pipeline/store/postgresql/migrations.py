"""Create the tables, or migrate those of an earlier version, by numbered files in order.

The first file has number 7. A store with a lower number is refused, as no release wrote one.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import NoStore, StateError
from pipeline.store.seal import SECRET_BYTES, checked_secret

if TYPE_CHECKING:
    from pipeline.store.postgresql.connection import PostgresConnection

_FOLDER = Path(__file__).resolve().parents[1] / "migrations"
_TURN = 0x4861_626D  # "Habm"


def migrations() -> dict[int, str]:
    """Give the statements of each migration by its number, in order.

    >>> list(migrations())[0], "create table profiles" in migrations()[7]
    (7, True)
    """
    files = sorted(_FOLDER.glob("[0-9]*.sql"))
    return {int(file.name.partition("_")[0]): file.read_text() for file in files}


def prepare(database: PostgresConnection, secret: bytes | None) -> bytes:
    """Create, migrate or check the tables; return the secret of the digests."""
    checked_secret(secret)
    if not database.read_only:
        _migrate(database, secret)
    else:
        _expect(database)
    return _check(database, secret)


def _migrate(database: PostgresConnection, secret: bytes | None) -> None:
    known = migrations()
    if database.has_table("migrations") and _version(database) >= max(known):
        return
    with database.transaction():
        # One at a time: processes that start together must not create the tables twice.
        database.row("select pg_advisory_xact_lock(?::int4, hashtext(current_schema()))", (_TURN,))
        if not database.has_table("migrations"):
            _begin(database)
        done = _version(database)
        if 0 < done < min(known):
            return  # `_check` refuses it
        for number, statements in known.items():
            if number > done:
                database.script(statements)
                database.run("insert into migrations (number) values (?)", (number,))
        database.run(
            "insert into meta (key, value) values ('secret', ?) on conflict (key) do nothing",
            (secret or secrets.token_bytes(SECRET_BYTES),),
        )


def _expect(database: PostgresConnection) -> None:
    """Raise if there is no store or a foreign database, unless tables appear meanwhile."""
    others = _tables(database)
    if database.has_table("migrations"):
        return
    _refuse(database, others)
    raise NoStore(f"there is no store at {database.path}; habitus run makes one")


def _tables(database: PostgresConnection) -> int:
    row = database.row(
        "select count(*) from pg_class where relnamespace = current_schema()::regnamespace "
        "and relkind in ('r', 'p')"
    )
    return int(row[0])


def _refuse(database: PostgresConnection, others: int) -> None:
    if others:
        raise StateError(
            f"{database.path} is not a store of this program, and holds {others} other tables; "
            "give it a database or schema of its own"
        )


def _begin(database: PostgresConnection) -> None:
    _refuse(database, _tables(database))
    database.script(
        "create table migrations ("
        "number integer primary key, applied timestamptz not null default now())"
    )


def _version(database: PostgresConnection) -> int:
    return int(database.row("select coalesce(max(number), 0) from migrations")[0])


def _check(database: PostgresConnection, secret: bytes | None) -> bytes:
    version, known = _version(database), migrations()
    newest = max(known)
    if version != newest:
        if version > newest:
            todo = "a newer Habitus is needed, at least the one that wrote it"
        elif version >= min(known):
            todo = "use the program that wrote it, or start habitus run once to migrate it"
        else:
            todo = (
                "use the program that wrote it, or name another database or schema to learn again"
            )
        raise StateError(
            f"store {database.path} was written by version {version}, this is {newest}; {todo}"
        )
    row = database.row("select value from meta where key = 'secret'")
    if row is None or (secret is not None and secret != row[0]):
        raise StateError(f"store {database.path} was made with another secret")
    kept: bytes = row[0]
    return kept
