"""What the worker commits is there again, all of it or nothing."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

import pytest

from models.errors import ConfigError, StateError, Superseded
from models.trust.state import TrustState
from pipeline.processing.stream_types import Message
from pipeline.store import Commit, PipelineStatus, Store, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def a_state(agent_id: str = "a", mode: str = "delegated", **more: Any) -> TrustState:
    return TrustState(agent_id=agent_id, mode=mode, **more)


def a_message(number: int) -> Message:
    return Message("agent.trust", b"a", f"m-{number}", b"{}", (("x", b"\xff"),))


BLOB = {"sqlite": "x'00'", "postgresql": r"'\x00'"}


@pytest.fixture
def url(store_url: str) -> str:
    return store_url


@pytest.fixture(params=["file", "memory", pytest.param("server", marks=pytest.mark.postgresql)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    kinds = {"file": f"sqlite:{tmp_path / 'habitus.db'}", "memory": "sqlite::memory:"}
    url = kinds.get(request.param) or request.getfixturevalue("postgresql_url")
    with open_store(url) as opened:
        yield opened


def test_profiles_of_agents_come_back_in_every_mode(store: Store) -> None:
    agents = [f"spiffe://example.com/a/{n}" for n in range(1100)]
    store.commit(Commit(profiles=[(a, "delegated", a.encode(), a_state(a)) for a in agents]))
    store.commit(Commit(profiles=[(agents[0], "autonomous", b"x", a_state(agents[0]))]))
    found = store.profiles([*agents, "nobody"])
    assert len(found) == 1101
    assert found[agents[0], "autonomous"][0] == b"x"
    assert found[agents[7], "delegated"][0] == agents[7].encode()


def test_commit_is_complete_after_reopening(url: str) -> None:
    with open_store(url) as store:
        store.commit(
            Commit(
                profiles=[("a", "delegated", b"p", a_state(role="r", owner="o"))],
                sessions=[(9, b"nine"), (-3, b"three"), (5, b"five")],
                shared=[("peers", b"s")],
                seen={20_000: {2**63 - 1: 5, 7: 2**63 - 1}},
                held=[("e-1", "a", "delegated", 5, b"{}"), ("e-2", "a", "delegated", 4, b"[]")],
                outbox=[a_message(1), a_message(2)],
                positions={"stdin": "7"},
                counters={"events": 3},
                status=PipelineStatus("running", 1, 2, 3),
            )
        )
        store.commit(
            Commit(
                closed_sessions=[5],
                released=[("a", "e-1")],
                counters={"events": 2, "rejected.not_utf8": 1},
            )
        )
    with open_store(url) as store:
        assert list(store.all_sessions()) == [(-3, b"three"), (9, b"nine")]
        assert store.shared() == {"peers": b"s"}
        assert store.seen([7, 8, 2**63 - 1]) == {7: 2**63 - 1, 2**63 - 1: 5}
        assert store.held("a") == [("e-2", "a", "delegated", 4, b"[]")]
        assert [message for _, message in store.outbox(10)] == [a_message(1), a_message(2)]
        assert store.positions() == {"stdin": "7"}
        assert store.counters() == {"events": 5, "rejected.not_utf8": 1}
        assert store.status() == PipelineStatus("running", 1, 2, 3)
        assert store.states("a") == [a_state(role="r", owner="o")]


def test_a_commit_that_fails_leaves_nothing_behind(store: Store) -> None:
    broken: Any = "not an integer"
    with pytest.raises(StateError):
        store.commit(
            Commit(
                profiles=[("a", "delegated", b"p", a_state())],
                positions={"stdin": "7"},
                seen={1: {1: 1}},
                held=[(None, "a", "delegated", broken, b"")],  # type: ignore[list-item]  # broken
            )
        )
    assert store.positions() == {}
    assert store.seen([1]) == {}
    assert store.changes(0, 10) == []
    store.commit(Commit(positions={"stdin": "8"}))
    assert store.positions() == {"stdin": "8"}


def test_published_messages_leave_the_outbox_and_their_positions_are_not_used_again(
    store: Store,
) -> None:
    store.commit(Commit(outbox=[a_message(n) for n in range(3)]))
    first = store.outbox(2)
    store.drop_outbox(number for number, _ in first)
    assert [message.id for _, message in store.outbox(10)] == ["m-2"]
    store.drop_outbox(number for number, _ in store.outbox(10))
    store.commit(Commit(outbox=[a_message(9)]))
    assert store.outbox(10)[0][0] > first[-1][0] + 1


def test_commit_with_an_unexpected_position_writes_nothing(store: Store) -> None:
    store.commit(Commit(positions={"kafka:t:0": "5"}, expected={"kafka:t:0": None}))
    store.commit(Commit(positions={"kafka:t:0": "9"}, expected={"kafka:t:0": "5"}))
    late = Commit(positions={"kafka:t:0": "7"}, expected={"kafka:t:0": "5"}, counters={"events": 2})
    with pytest.raises(Superseded, match=r"kafka:t:0 is 9, expected 5"):
        store.commit(late)
    with pytest.raises(Superseded, match="not stored, expected 3"):
        store.commit(Commit(positions={"stdin": "4"}, expected={"stdin": "3"}))
    assert store.positions() == {"kafka:t:0": "9"}
    assert store.counters() == {}


def test_old_event_keys_are_forgotten_once_a_day(store: Store) -> None:
    store.commit(Commit(seen={10: {1: 4}, 11: {2: 5}, 12: {3: 6}}))
    store.commit(Commit(prune_seen_before_day=12))
    assert store.seen([1, 2, 3]) == {3: 6}
    store.commit(Commit(seen={10: {1: 4}}, prune_seen_before_day=12))
    assert store.seen([1]) == {1: 4}
    store.commit(Commit(prune_seen_before_day=13))
    assert store.seen([1, 3]) == {}


@pytest.mark.parametrize("table", ["profiles", "sessions", "shared"])
def test_bytes_changed_outside_are_refused_by_the_name_of_their_row(
    url: str, table: str, from_outside: Callable[[str, str], None]
) -> None:
    with open_store(url) as store:
        store.commit(
            Commit(
                profiles=[("agent-7", "delegated", b"p", a_state("agent-7"))],
                sessions=[(7, b"s")],
                shared=[("agent-7", b"s")],
            )
        )
    nothing = BLOB[url.partition(":")[0]]
    from_outside(url, f"update {table} set blob = {nothing}")  # noqa: S608  # the names above
    with open_store(url) as store, pytest.raises(StateError, match=r"row '(agent-)?7.*digest"):
        _ = store.profiles(["agent-7"]), list(store.all_sessions()), store.shared()


def test_a_row_moved_to_another_agent_is_refused(
    url: str, from_outside: Callable[[str, str], None]
) -> None:
    with open_store(url) as store:
        store.commit(Commit(profiles=[("good", "delegated", b"p", a_state("good"))]))
    from_outside(url, "update profiles set agent_id = 'bad'")
    with open_store(url) as store, pytest.raises(StateError, match="'bad delegated'"):
        store.states("bad")


def test_another_version_is_refused_with_both_versions_named(
    url: str, from_outside: Callable[[str, str], None]
) -> None:
    open_store(url).close()
    marks = {
        "sqlite": "update meta set value = 99 where key = 'version'",
        "postgresql": "insert into migrations (number) values (99)",
    }
    from_outside(url, marks[url.partition(":")[0]])
    with pytest.raises(StateError, match=r"by version 99, this is \d+; a newer Habitus is needed"):
        open_store(url)


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("hello, this is not a database at all\n" * 40)
    with pytest.raises(StateError, match="not a store"):
        open_store(f"sqlite:{other}")
    assert other.read_text().startswith("hello")


def test_a_database_of_another_program_is_left_alone(
    url: str, from_outside: Callable[[str, str], None]
) -> None:
    from_outside(url, "create table things (id integer)")
    with pytest.raises(StateError, match="not a store"):
        open_store(url)


def test_the_secret_is_made_once(url: str) -> None:
    with open_store(url) as store:
        secret = store.secret
        assert len(secret) == 32
    with open_store(url) as store:
        assert store.secret == secret
    with open_store("sqlite::memory:") as other:
        assert other.secret != secret


def test_the_file_of_a_store_is_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "habitus.db"
    open_store(f"sqlite:{path}").close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_given_secret_is_kept_and_another_one_refused(url: str) -> None:
    with open_store(url, secret=b"0123456789abcdef") as store:
        assert store.secret == b"0123456789abcdef"
    with pytest.raises(StateError, match="another secret"):
        open_store(url, secret=b"another secret of mine")
    with pytest.raises(ConfigError, match="16 to 64 bytes, got 5"):
        open_store("sqlite::memory:", secret=b"short")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://127.0.0.1:1/habitus", "cannot open the store postgresql://127.0.0.1:1/"),
        ("postgresql://127.0.0.1", "no database"),
        ("mysql:x", "unknown store 'mysql'"),
        ("sqlite:", "no path"),
        ("habitus.db", "unknown store"),
        ("sqlite:/nowhere/at/all/habitus.db", "cannot open"),
    ],
)
def test_a_url_that_cannot_be_used_says_why(url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        open_store(url)


def test_a_database_that_cannot_hold_every_name_is_refused(ascii_postgresql_url: str) -> None:
    with pytest.raises(
        ConfigError, match=r"encoded in SQL_ASCII, expected UTF8, .* encoding 'UTF8'"
    ):
        open_store(ascii_postgresql_url)


def test_the_client_s_own_encoding_does_not_matter(postgresql_url: str, monkeypatch) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "SQL_ASCII")
    with open_store(postgresql_url) as store:
        store.commit(Commit(shared=[("Zürich", b"1")]))
        assert store.shared() == {"Zürich": b"1"}


def test_reading_only_makes_and_changes_nothing(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no store"):
        open_store(url, read_only=True)
    assert list(tmp_path.iterdir()) == []
    open_store(url).close()
    with open_store(url, read_only=True) as store:
        assert store.counters() == {}
        with pytest.raises(StateError, match="read-only"):
            store.commit(Commit(counters={"events": 1}))
        with pytest.raises(StateError, match="reading only"):
            store.inbox([b"{}"])
