"""A store that another version made is refused with what to do, and is left as it is."""

from __future__ import annotations

import shutil
import sqlite3
from typing import TYPE_CHECKING

import psycopg
import pytest

from models.errors import StateError
from models.trust.state import TrustState
from pipeline.store import Commit, open_store
from pipeline.store import database as sqlite_files
from pipeline.store.postgresql import migrations as migrating
from pipeline.store.postgresql.migrations import migrations
from pipeline.store.schema import OLDEST, TABLES, VERSION

if TYPE_CHECKING:
    from pathlib import Path

FIRST = min(migrations())


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize(
    ("version", "todo"),
    [
        (OLDEST - 1, "use the program that wrote it, or move the store away to learn again"),
        (VERSION + 1, "a newer Habitus is needed, or move the store away to learn again"),
    ],
)
def test_file_of_another_version_is_refused(
    tmp_path: Path, version: int, todo: str, read_only: bool
) -> None:
    path = tmp_path / "store.db"
    open_store(f"sqlite:{path}").close()
    with sqlite3.connect(path) as database:
        database.execute("update meta set value = ? where key = 'version'", (version,))
    text = f"was written by version {version}, this is {VERSION}; {todo}"
    with pytest.raises(StateError, match=text):
        open_store(f"sqlite:{path}", read_only=read_only)
    with sqlite3.connect(path) as database:
        found = database.execute("select value from meta where key = 'version'").fetchone()
    assert found == (version,)


def test_file_of_an_earlier_version_gets_what_was_added_and_keeps_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "store.db"
    state = TrustState(agent_id="a", mode="delegated")
    with open_store(f"sqlite:{path}") as store:
        store.commit(Commit(profiles=[("a", "delegated", b"profile", state)]))
        secret = store.secret
    added = "create table of_this_test (id integer primary key); create index of_test on "
    monkeypatch.setattr(sqlite_files, "TABLES", f"{TABLES};{added}of_this_test (id)")
    monkeypatch.setattr(sqlite_files, "VERSION", VERSION + 1)
    with pytest.raises(StateError, match="habitus run adds what is missing when it starts"):
        open_store(f"sqlite:{path}", read_only=True)
    for _ in range(2):
        with open_store(f"sqlite:{path}") as store:
            assert store.secret == secret
            assert store.profiles(["a"])["a", "delegated"][0] == b"profile"
    with sqlite3.connect(path) as database:
        names = {name for (name,) in database.execute("select name from sqlite_master")}
        assert {"of_this_test", "of_test", "profiles_seq"} <= names
        version = database.execute("select value from meta where key = 'version'").fetchone()
    assert version == (VERSION + 1,)


def test_cases_of_an_earlier_version_are_found_by_the_types_of_their_signals(
    tmp_path: Path,
) -> None:
    path = tmp_path / "store.db"
    case = {
        "case_id": "C-1", "agent_id": "a", "last": "2026-01-05T08:00:00Z", "severity": "high",
        "status": "open", "return_period_days": None,
        "signals": [{"anomaly": "tool.new"}, {"anomaly": "secret.leak"}],
    }  # fmt: skip
    with open_store(f"sqlite:{path}") as store:
        store.commit(Commit(cases=[case]))
        assert store.cases(kind="secret.leak") == []
    with sqlite3.connect(path) as database:
        database.execute("drop table finding_kinds")
        database.execute("update meta set value = ? where key = 'version'", (VERSION - 1,))
    with open_store(f"sqlite:{path}") as store:
        assert store.cases(kind="secret.leak") == store.cases(kind="tool.new") == [case]


@pytest.mark.postgresql
@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize(
    ("number", "todo"),
    [
        (FIRST - 1, "use the program that wrote it, or name another database or schema to learn"),
        (max(migrations()) + 1, "a newer Habitus is needed"),
    ],
)
def test_server_store_of_another_version_is_refused(
    postgresql_url: str, number: int, todo: str, read_only: bool
) -> None:
    open_store(postgresql_url).close()
    with psycopg.connect(postgresql_url) as database:
        database.execute("delete from migrations")
        database.execute("insert into migrations (number) values (%s)", (number,))
    with pytest.raises(StateError, match=f"was written by version {number}, this is .*; {todo}"):
        open_store(postgresql_url, read_only=read_only)
    with psycopg.connect(postgresql_url) as database:
        assert database.execute("select number from migrations").fetchall() == [(number,)]


def test_migrations_are_numbered_one_after_the_other() -> None:
    numbers = sorted(int(file.name[:4]) for file in migrating._FOLDER.glob("*.sql"))
    assert numbers == [*range(FIRST, FIRST + len(numbers))], "two files have one number, or none"


@pytest.mark.postgresql
def test_server_store_of_an_earlier_number_is_migrated_and_keeps_its_rows(
    postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = TrustState(agent_id="a", mode="delegated")
    with open_store(postgresql_url) as store:
        store.commit(Commit(profiles=[("a", "delegated", b"profile", state)]))
    shutil.copytree(migrating._FOLDER, tmp_path, dirs_exist_ok=True)
    known = [*migrations()]
    added = "alter table anomalies add column of_this_test text not null default '';"
    (tmp_path / f"{known[-1] + 1:04}_of_this_test.sql").write_text(added)
    monkeypatch.setattr(migrating, "_FOLDER", tmp_path)
    with pytest.raises(StateError, match="start habitus run once to migrate it"):
        open_store(postgresql_url, read_only=True)
    with open_store(postgresql_url) as store:
        assert store.profiles(["a"])["a", "delegated"][0] == b"profile"
    with psycopg.connect(postgresql_url) as database:
        numbers = database.execute("select number from migrations order by number").fetchall()
        assert [number for (number,) in numbers] == [*known, known[-1] + 1]
        database.execute("select of_this_test from anomalies")
