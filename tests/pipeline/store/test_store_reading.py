"""The changes that the API reads, and the version of the data."""

from __future__ import annotations

from pipeline.store import Commit, Store, open_store
from tests.pipeline.store.rows import a_change


def test_a_changed_row_moves_to_the_end_of_the_changes(store: Store) -> None:
    for agent in ("a", "b", "c"):
        store.commit(a_change(agent))
    store.commit(a_change("a", events=5))
    rows = store.changes(0, 10)
    assert [(seq, state.agent_id, state.events) for seq, state in rows] == [
        (2, "b", 0),
        (3, "c", 0),
        (4, "a", 5),
    ]
    assert [seq for seq, _ in store.changes(2, 1)] == [3]
    assert store.changes(4, 10) == []


def test_the_data_version_changes_with_every_commit_and_only_then(store: Store) -> None:
    seen = [store.data_version()]
    for action in (
        lambda: store.commit(a_change("a")),
        lambda: store.inbox([b"{}"]),
        lambda: store.commit(Commit(inbox_done=1)),
    ):
        action()
        seen.append(store.data_version())
        assert store.data_version() == seen[-1]
    assert len(set(seen)) == len(seen)


def test_data_version_changes_in_memory() -> None:
    with open_store("sqlite::memory:") as store:
        before = store.data_version()
        store.commit(a_change("a"))
        assert store.data_version() != before
