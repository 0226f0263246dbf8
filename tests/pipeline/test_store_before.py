"""A store that an earlier version made goes on as it was."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from models.config import ModelConfig
from models.errors import StateError
from models.profile import Profile
from models.trust_state import trust_bytes, trust_of
from pipeline.store import Commit, open_store
from pipeline.store.postgresql.migrations import migrations
from pipeline.store.schema import MIGRATIONS, TABLES, VERSION
from pipeline.store.seal import Seal, row_key

if TYPE_CHECKING:
    from collections.abc import Iterator

BEFORE = Path(__file__).parents[1] / "models" / "before"
TRUST = BEFORE / "trust.msgpack"
SECRET = b"0123456789abcdef"
NAME = "invoice-clerk-00004"
COLUMNS_OF_1 = "role text, owner text, level text not null, state text not null, \
last_seen_us integer not null, trust blob"


def tables_of_1() -> str:
    """Give the tables of version 1: without digests of events."""
    tables = TABLES.replace("trust blob", COLUMNS_OF_1)
    for later in (
        ", digest integer\n",
        ",\n    key integer,\n    digest integer",
        "create index if not exists inbox_key on inbox (key);",
        "    first_us integer not null default 0,\n",
        "first_us, id, ",
    ):
        assert later in tables
        tables = tables.replace(later, "")
    return tables.replace("(agent_id, first_us", "(agent_id, time_us")


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """Give a store as version 1 made it, with one agent."""
    path = tmp_path / "before.db"
    profile = Profile.new(NAME, "delegated", ModelConfig()).dump()
    trust = TRUST.read_bytes()
    key = row_key(NAME, "delegated")
    database = sqlite3.connect(path)
    database.execute("pragma journal_mode=wal")
    database.executescript(tables_of_1())
    database.executemany(
        "insert into meta values (?, ?)", [("version", 1), ("seq", 1), ("secret", SECRET)]
    )
    database.execute(
        "insert into profiles values (7, ?, 'delegated', 1, 'r', 'o', 'l', 's', 0, ?, ?, ?, ?)",
        (NAME, trust, Seal(SECRET, "trust").digest(key, trust),
         Seal(SECRET, "profiles").digest(key, profile), profile),
    )  # fmt: skip
    database.executemany(
        "insert into anomalies values (?, ?, 'a', 3000000, 'high', 'tool.new', null, 'open', ?)",
        [
            (1, "an-1", b'{"id":"an-1","first_time":"1970-01-01T00:00:01.500000Z"}'),
            (2, "an-2", b'{"id":"an-2"}'),
        ],
    )
    database.execute("insert into seen values (11, 18267)")
    database.execute("insert into inbox (arrived_us, value) values (5, x'7b7d')")
    database.commit()
    database.close()
    return path


def test_a_store_of_version_1_is_brought_to_this_one(path: Path) -> None:
    with open_store(f"sqlite:{path}") as store:
        ((profile, trust),) = store.profiles([NAME]).values()
        state = trust_of(trust, NAME, "delegated")
        assert [(seq, found) for seq, found in store.changes(0, 9)] == [(1, state)]
        again = Profile.load(profile, (NAME, "delegated"), ModelConfig()).dump()
        store.commit(Commit(profiles=[(NAME, "delegated", again, state)]))
    database = sqlite3.connect(path)
    columns = [row[1] for row in database.execute("pragma table_info(profiles)")]
    assert columns == ["id", "agent_id", "mode", "seq", "trust", "trust_digest", "digest", "blob"]
    (row,) = database.execute("select id, seq, trust, blob from profiles")
    assert row == (7, 2, trust_bytes(state), again)
    assert database.execute("select value from meta where key = 'version'").fetchone() == (VERSION,)
    indexes = database.execute("select name from sqlite_master where type = 'index'").fetchall()
    assert ("profiles_seq",) in indexes
    database.close()


@pytest.mark.parametrize("read_only", [True, False])
def test_anomalies_of_before_are_listed_by_their_first_event(path: Path, read_only: bool) -> None:
    with open_store(f"sqlite:{path}", read_only=read_only) as store:
        assert [one["id"] for one in store.anomalies()] == ["an-2", "an-1"]
        assert [one["id"] for one in store.anomalies(until_us=1_500_001)] == ["an-1"]
        assert [one["id"] for one in store.anomalies(until_us=1_500_000)] == []
        assert [one["id"] for one in store.anomalies(after=[2_000_000, "an"])] == ["an-1"]


@pytest.mark.postgresql
def test_anomalies_of_a_server_are_listed_by_their_first_event(postgresql_url: str) -> None:
    with psycopg.connect(postgresql_url) as database:
        database.execute(
            "create table migrations ("
            "number integer primary key, applied timestamptz not null default now())"
        )
        for number, statements in migrations().items():
            if number < 6:
                database.execute(statements.encode())
                database.execute("insert into migrations (number) values (%s)", (number,))
        nul = b'"why":"\\u0000 \xc3\xa9","first_time":"1970-01-01T00:00:01.500000Z",'
        for name, more in (("an-1", nul), ("an-2", b"")):
            database.execute(
                "insert into anomalies values "
                "(%s, 'a', 3000000, 'high', 'tool.new', null, 'open', %s)",
                (name, b'{%s"id":"%s"}' % (more, name.encode())),
            )
    with open_store(postgresql_url) as store:
        assert [one["id"] for one in store.anomalies()] == ["an-2", "an-1"]
        assert [one["id"] for one in store.anomalies(until_us=1_500_001)] == ["an-1"]
        assert [one["id"] for one in store.anomalies(until_us=1_500_000)] == []


def test_events_of_before_are_known_by_their_ids_alone(path: Path) -> None:
    with open_store(f"sqlite:{path}") as store:
        assert store.seen([11, 12]) == {11: None}
        assert store.inbox_batch(0, 9) == [(1, b"{}", 5)]
        store.commit(Commit(seen={18_268: {12: 7}}))
        assert store.seen([11, 12]) == {11: None, 12: 7}


def test_who_only_reads_leaves_it_as_it_is(path: Path) -> None:
    with open_store(f"sqlite:{path}", read_only=True) as store:
        assert store.states(NAME)[0].events == 146
    database = sqlite3.connect(path)
    assert database.execute("select value from meta where key = 'version'").fetchone() == (1,)
    database.close()


def test_each_version_before_leads_to_the_next_one() -> None:
    assert sorted(MIGRATIONS) == list(range(1, VERSION))


def test_a_version_that_is_not_known_is_refused(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("update meta set value = 99 where key = 'version'")
    database.commit()
    database.close()
    with pytest.raises(StateError, match="was written by version 99"):
        open_store(f"sqlite:{path}")
