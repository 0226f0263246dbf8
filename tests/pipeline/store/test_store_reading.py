"""What the API reads, while the worker writes."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from models.trust.state import TrustState
from pipeline.events.duplicates import Marker
from pipeline.store import (
    COLUMNS,
    Commit,
    SqliteStore,
    Store,
    open_shard,
    open_store,
    place_of,
    writer_lock,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with open_store(store_url) as opened:
        yield opened


def a_change(agent_id: str, events: int = 0) -> Commit:
    state = TrustState(agent_id=agent_id, mode="delegated", events=events)
    return Commit(profiles=[(agent_id, "delegated", b"p", state)])


def an_anomaly(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"an-{number}",
        "agent_id": "a",
        "time": f"2026-01-05T08:{number // 2:02}:00.000000Z",
        "anomaly": "resource.new",
        "severity": "high",
        "rank": 1.5,
        "status": "open",
        **more,
    }


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


def test_anomalies_are_paged_newest_first_without_gap_or_repeat(store: Store) -> None:
    # Two of each share their instant.
    store.commit(Commit(anomalies=[an_anomaly(n) for n in range(9)]))
    got: list[str] = []
    after = None
    while page := store.anomalies(after=after, limit=2):
        got += [found["id"] for found in page]
        after = place_of(page[-1], "time")
    assert got == [f"an-{n}" for n in (8, 7, 6, 5, 4, 3, 2, 1, 0)]


def a_finding(number: int, last: str | None = None) -> dict[str, Any]:
    """Give a finding of one event, or of events up to a last one."""
    first = f"2026-01-05T08:{number:02}:00.000000Z"
    return an_anomaly(number, first_time=first, time=last or first)


@pytest.mark.parametrize("sort", ["time", "severity", "rank"])
def test_a_finding_that_grows_between_two_pages_is_on_a_later_page(store: Store, sort: Any) -> None:
    store.commit(Commit(anomalies=[a_finding(n) for n in range(20)]))
    page = store.anomalies(sort=sort, limit=5)
    store.commit(Commit(anomalies=[a_finding(2, "2026-01-05T09:00:00.000000Z")]))
    got = []
    while page:
        got += [found["id"] for found in page]
        page = store.anomalies(sort=sort, limit=5, after=place_of(page[-1], sort))
    assert got == [f"an-{n}" for n in reversed(range(20))]


def test_a_time_chooses_every_finding_with_first_or_last_event_on_both_sides(store: Store) -> None:
    late = a_finding(30, "2026-01-05T08:05:00.000000Z")
    store.commit(Commit(anomalies=[a_finding(10, "2026-01-05T09:00:00.000000Z"), late]))
    start = 1_767_600_000_000_000

    def ids(since: int, until: int) -> list[str]:
        found = store.anomalies(
            since_us=start + since * 60_000_000, until_us=start + until * 60_000_000
        )
        return [one["id"] for one in found]

    assert ids(0, 5) == []
    assert ids(10, 11) == ids(15, 16) == ids(30, 31) == ["an-30", "an-10"]
    assert ids(5, 6) == ["an-30"]
    assert ids(60, 61) == ["an-10"]
    assert ids(61, 90) == []


@pytest.mark.parametrize("sort", ["time", "severity", "rank"])
def test_each_order_is_the_same_in_both_directions_and_page_by_page(
    store: Store, sort: Any
) -> None:
    severities = ["critical", "high", "medium", "low"]
    statuses = ["open", "open", "dismissed", "confirmed", "open"]
    given = [
        an_anomaly(
            n, severity=severities[n % 4], status=statuses[n % 5], rank=[None, 0.1, 7.3][n % 3]
        )
        for n in range(40)
    ]
    store.commit(Commit(anomalies=given))
    whole = [place_of(found, sort) for found in store.anomalies(sort=sort, limit=100)]
    assert whole == sorted((place_of(one, sort) for one in given), reverse=True)
    for ascending in (False, True):
        got: list[Any] = []
        while page := store.anomalies(
            sort=sort, ascending=ascending, after=got[-1] if got else None, limit=7
        ):
            got += [place_of(found, sort) for found in page]
        assert got == whole[:: -1 if ascending else 1]


def test_each_order_is_read_from_an_index(store: Store) -> None:
    store.commit(Commit(anomalies=[an_anomaly(n) for n in range(100)]))
    for sort in ("time", "severity", "rank"):
        columns = COLUMNS[sort]
        order = ", ".join(f"{column} desc" for column in columns)
        query = f"select blob from anomalies order by {order} limit 3"  # noqa: S608  # ours alone
        if isinstance(store, SqliteStore):
            plan = " ".join(str(row) for row in store._api.rows(f"explain query plan {query}"))
        else:
            with store._api.transaction():
                store._api.run("set local enable_seqscan = off")
                plan = " ".join(str(row) for row in store._api.rows(f"explain {query}"))
        assert "anomalies_" in plan
        assert "sort" not in plan.lower().replace("b-tree for order", "sort")


def test_anomalies_are_chosen_by_agent_severity_kind_and_time(store: Store) -> None:
    store.commit(
        Commit(
            anomalies=[
                an_anomaly(0),
                an_anomaly(2, agent_id="b"),
                an_anomaly(4, severity="low"),
                an_anomaly(6, anomaly="tool.new"),
            ]
        )
    )

    def ids(**chosen: Any) -> list[str]:
        return [found["id"] for found in store.anomalies(**chosen)]

    assert ids(agent_id="b") == ["an-2"]
    assert ids(severity="low") == ["an-4"]
    assert ids(kind="tool.new") == ["an-6"]
    assert ids(since_us=1_767_600_120_000_000) == ["an-6", "an-4"]
    assert ids(until_us=1_767_600_120_000_000) == ["an-2", "an-0"]
    assert ids(severity=["low", "high"], kind=["tool.new", "other"]) == ["an-6"]
    assert ids(severity=["low", "medium"]) == ["an-4"]
    assert ids(kind=[]) == []
    assert ids(not_kind=["tool.new", "other"]) == ["an-4", "an-2", "an-0"]
    assert ids(not_kind="resource.new") == ["an-6"]
    assert ids(not_kind=[]) == ids()
    assert ids(kind=["tool.new", "resource.new"], not_kind="resource.new") == ["an-6"]
    assert ids(agent_id="a", severity="high", kind="resource.new") == ["an-0"]


def test_an_anomaly_written_again_is_one_anomaly(store: Store) -> None:
    store.commit(Commit(anomalies=[an_anomaly(1)]))
    store.commit(Commit(anomalies=[an_anomaly(1, status="dismissed", severity="low")]))
    assert store.anomaly("an-1") == an_anomaly(1, status="dismissed", severity="low")
    assert len(store.anomalies()) == 1
    assert store.anomaly("an-2") is None


def test_the_inbox_keeps_order_until_it_is_judged(store: Store) -> None:
    assert store.inbox([b"1", b"2"]) == ["accepted", "accepted"]
    assert store.inbox([b"3"]) == ["accepted"]
    assert [(at, value) for at, value, _ in store.inbox_batch(1, 10)] == [(2, b"2"), (3, b"3")]
    assert store.inbox_batch(0, 1)[0][2] > 1_700_000_000_000_000
    store.commit(Commit(inbox_done=3))
    assert store.inbox_batch(0, 10) == []
    store.inbox([b"4"])
    assert [at for at, *_ in store.inbox_batch(0, 10)] == [4]


def an_event(tool: str, number: int = 1) -> bytes:
    return b'{"id":"e-%d","agent":{"id":"a"},"tool":"%s"}' % (number, tool.encode())


def test_inbox_compares_each_event_with_waiting_ones(store: Store) -> None:
    benign, attack = an_event("crm.read"), an_event("bank.pay")
    assert store.inbox([benign, attack, benign]) == ["accepted", "conflict", "duplicate"]
    assert store.inbox([attack, an_event("crm.read", 2)]) == ["duplicate", "accepted"]
    assert [at for at, *_ in store.inbox_batch(0, 10)] == [1, 2, 3]
    store.commit(Commit(inbox_done=3))
    assert store.inbox([attack]) == ["accepted"]


@pytest.mark.postgresql
def test_inbox_recognises_events_judged_by_any_shard(postgresql_url: str) -> None:
    benign, attack = an_event("crm.read"), an_event("bank.pay")
    with open_store(postgresql_url) as store, open_shard(postgresql_url, "kafka:t:1") as shard:
        ((key, digest),) = Marker(store.secret).of_all([benign])
        shard.claim()
        shard.commit(Commit(seen={20_000: {key: digest}}))
        assert store.inbox([benign, attack]) == ["duplicate", "conflict"]


def test_event_is_new_to_only_one_of_two_processes(store_url: str) -> None:
    values = [an_event("crm.read", number) for number in range(100)]
    fates: list[str] = []

    def post() -> None:
        with open_store(store_url) as mine:
            for value in values:
                fates.extend(mine.inbox([value]))

    open_store(store_url).close()
    threads = [threading.Thread(target=post) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(fates) == ["accepted"] * 100 + ["duplicate"] * 200


def _half_written(store: Any, batch: Commit) -> Any:
    """Give a transaction that has written a commit's profiles and is not at its end."""
    writer, stack = store._writer, ExitStack()
    stack.enter_context(store._work.transaction())
    profiles = writer._sealed.profiles(batch.profiles)
    if isinstance(store, SqliteStore):
        writer._write_profiles(profiles)
    else:
        writer._write_common(batch, profiles)
    return stack


def test_readers_do_not_wait_for_a_writer_in_the_middle_of_a_commit(store: Store) -> None:
    store.commit(a_change("a"))
    with _half_written(store, a_change("b")):
        got: list[Any] = []
        reader = threading.Thread(target=lambda: got.extend(store.changes(0, 10)))
        reader.start()
        reader.join(5)
        assert [state.agent_id for _, state in got] == ["a"]
    assert len(store.changes(0, 10)) == 2


def test_threads_may_use_one_store_together(store_url: str, store: Store) -> None:
    faults: list[BaseException] = []

    def guarded(call: Any) -> None:
        try:
            for number in range(30):
                call(number)
        except Exception as error:  # noqa: BLE001  # whatever it is, the test tells
            faults.append(error)

    calls = [
        lambda n: store.commit(a_change("a", n)),
        lambda n: store.inbox([b"%d" % n]),
        lambda _: store.changes(0, 10),
        lambda _: store.data_version(),
    ]
    threads = [threading.Thread(target=guarded, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(store.inbox_batch(0, 100)) == 30
    with open_store(store_url, read_only=True) as other:
        assert other.changes(0, 10)[0][1].events == 29


KILLED = """
import os, signal, sys
from pipeline.store import Commit, open_store, writer_lock
lock = writer_lock(sys.argv[1])
assert lock.acquire()
store = open_store(sys.argv[1])
store.commit(Commit(positions={"stdin": "1"}))
with store._work.transaction():
    store._work.run("update positions set position = '2'")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_worker_killed_in_a_commit_leaves_the_last_one_and_no_lock(store_url: str) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, store_url], cwd=ROOT, check=False)  # noqa: S603  # our own code
    assert done.returncode == -9
    with writer_lock(store_url) as lock:
        assert _acquired(lock)
        with open_store(store_url) as store:
            assert store.positions() == {"stdin": "1"}


def _acquired(lock: Any) -> bool:
    """Try for a while: a server takes a moment to notice that a client is gone."""
    return any(lock.acquire() or time.sleep(0.05) for _ in range(100))


def test_only_one_writer_gets_the_lock(store_url: str) -> None:
    with writer_lock(store_url) as first, writer_lock(store_url) as second:
        assert first.acquire()
        assert first.acquire()
        assert not second.acquire()
        first.release()
        assert _acquired(second)


def test_processes_that_make_a_store_together_agree_on_it(store_url: str) -> None:
    code = (
        "import sys; from pipeline.store import open_store; print(open_store(sys.argv[1]).secret)"
    )
    started = [
        subprocess.Popen(  # noqa: S603  # our own code
            [sys.executable, "-c", code, store_url], cwd=ROOT, stdout=subprocess.PIPE
        )
        for _ in range(4)
    ]
    said = {process.communicate()[0] for process in started}
    assert len(said) == 1
    assert said.pop().strip()


WRITING = """
import sys
from pipeline.store import Commit, open_store
with open_store(sys.argv[1]) as store, open_store(sys.argv[1]):
    for _ in sys.stdin:
        store.commit(Commit(counters={"events": 1}))
        print("done", flush=True)
"""


def test_opening_and_closing_stores_does_not_affect_a_writer(store_url: str) -> None:
    url = store_url
    with subprocess.Popen(  # noqa: S603  # our own code
        [sys.executable, "-c", WRITING, url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        for number in range(1, 6):
            writer.stdin.write("one\n")
            writer.stdin.flush()
            writer.stdout.readline()
            with open_store(url) as beside:
                assert beside.counters() == {"events": number}
        writer.stdin.close()
    with open_store(url) as store:
        assert store.counters() == {"events": 5}
