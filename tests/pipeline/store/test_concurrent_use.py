"""Several threads and processes use one store."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pipeline.store import Commit, SqliteStore, Store, open_store, writer_lock
from tests.pipeline.store.rows import a_change

ROOT = Path(__file__).parents[3]


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
