"""A tool runs as fast and as well while events cannot be delivered, and losses are counted."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from models.errors import ConfigError
from pipeline.recorder import Recorder
from pipeline.recorder.sending import worker
from pipeline.tap.recording import delivery
from pipeline.tap.variables import API_TOKEN, RECORD_TO
from tests.pipeline.recorder.conftest import WAIT_S, lines_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.pipeline.tap.conftest import Answering

    Serve = Callable[[Callable[[Any], tuple[int, Any]]], Answering]

ACCEPTED: dict[str, int] = {"accepted": 1, "rejected": 0}


@pytest.fixture
def silent() -> Iterator[str]:
    """Give the URL of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pay(recorder: Recorder, times: int = 1) -> float:
    """Call a tool; give the longest time of one call in seconds."""

    @recorder.tool
    def pay(number: int) -> int:
        return number

    longest = 0.0
    for number in range(times):
        began = time.perf_counter()
        assert pay(number) == number
        longest = max(longest, time.perf_counter() - began)
    return longest


def test_events_are_posted_with_the_key(answering: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(API_TOKEN, "key-of-the-agent")
    server = answering(lambda _: (202, ACCEPTED))
    monkeypatch.setenv(RECORD_TO, server.url)
    with Recorder("bot") as recorder:
        pay(recorder, 3)
        assert recorder.flush(WAIT_S)
        assert [event["tool"] for body in server.bodies for event in body] == ["pay"] * 3
    assert server.paths == ["/v1/actions"] * len(server.paths)
    assert {one["Authorization"] for one in server.headers} == {"Bearer key-of-the-agent"}


def test_server_that_is_down_gets_all_events_once_it_is_up(
    answering: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    states = [503, 503, 503]  # a flush tries again at once

    def answer(_: Any) -> tuple[int, Any]:
        return (states.pop(), {}) if states else (202, ACCEPTED)

    server = answering(answer)
    with Recorder("bot", to=server.url) as recorder:
        pay(recorder, 2)
        assert not recorder.flush(WAIT_S)
        pay(recorder)
        assert not recorder.flush(WAIT_S)
        assert recorder.flush(WAIT_S)
        assert recorder.dropped == 0
    assert [event["arguments"]["number"] for event in server.bodies[-1]] == [0, 1, 0]
    said = [record.getMessage() for record in caplog.records]
    assert len([one for one in said if "the API answers 503; calls continue" in one]) == 1
    assert len([one for one in said if "works again" in one]) == 1


def test_refused_connection_costs_a_call_nothing() -> None:
    recorder = Recorder("bot", to=f"http://127.0.0.1:{free_port()}")
    pay(recorder, 10)  # the thread imports meanwhile
    recorder.flush(WAIT_S)
    assert pay(recorder, 200) < 1
    assert not recorder.flush(WAIT_S)
    recorder.close()
    assert recorder.losses == {"undelivered": 210}


def test_silent_server_delays_no_call_and_the_end_is_bounded(silent: str) -> None:
    recorder = Recorder("bot", to=silent)
    pay(recorder, 10)
    time.sleep(1)  # the post waits for its answer
    assert pay(recorder, 200) < 1
    began = time.monotonic()
    assert not recorder.flush(0.1)
    recorder.close(0.5)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("on_disk", [False, True])
def test_close_that_takes_too_long_counts_all_that_waits(
    silent: str, caplog: pytest.LogCaptureFixture, tmp_path: Path, *, on_disk: bool
) -> None:
    recorder = Recorder("bot", to=silent, spool=tmp_path if on_disk else None)
    recorder.call("wait").start()  # it does not end
    pay(recorder, 10)
    time.sleep(1)  # the post waits for its answer
    pay(recorder, 20)
    recorder.close(0.1)
    assert recorder.losses == {"undelivered": 31}
    assert recorder.dropped == 31
    said = "habitus: 31 calls or events are not recorded: {'undelivered': 31}"
    assert caplog.messages.count(said) == 1


def test_call_delivered_after_close_is_counted_no_more(answering: Serve) -> None:
    answers = threading.Event()

    def answer(_: Any) -> tuple[int, Any]:
        answers.wait(WAIT_S)
        return 202, ACCEPTED

    server = answering(answer)
    recorder = Recorder("bot", to=server.url)
    pay(recorder, 3)
    recorder.close(0.1)
    assert recorder.losses == {"undelivered": 3}
    answers.set()
    end = time.monotonic() + WAIT_S
    while recorder.dropped and time.monotonic() < end:
        time.sleep(0.01)
    assert recorder.losses == {}
    assert [len(body) for body in server.bodies] == [3]
    assert "dropped_before" not in str(server.bodies)


def test_full_buffer_drops_calls_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_PAUSE_S", 1.0)
    path = tmp_path / "events.jsonl"
    recorder = Recorder("bot", to=f"file:{path}", most=5)
    pay(recorder, 1)
    time.sleep(0.2)  # the thread has taken it, and pauses or imports
    pay(recorder, 20)
    dropped = recorder.dropped
    assert 14 <= dropped <= 16
    assert recorder.losses == {"buffer_full": dropped}
    assert recorder.flush(WAIT_S)
    pay(recorder)
    recorder.close()
    events = lines_of(path)
    assert len(events) == 22 - dropped
    assert [event["outcome"] for event in events] == ["ok"] * len(events)
    assert sum(event["attributes"].get("dropped_before", 0) for event in events) == dropped
    said = f"habitus: {dropped} calls or events are not recorded: {{'buffer_full': {dropped}}}"
    warned = [
        record.getMessage() for record in caplog.records if "buffer_full" in record.getMessage()
    ]
    assert warned == [said]


def test_result_without_room_is_left_out_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with Recorder("bot", to=f"file:{path}") as recorder:
        recorder.buffer._most_bytes = 1_000
        with recorder.call("read") as call:
            call.returned("x" * 2_000)
        assert recorder.flush(WAIT_S)
        assert recorder.losses == {"results_without_room": 1}
    (event,) = lines_of(path)
    assert (event["outcome"], "volume" in event) == ("ok", False)


def test_events_wait_in_bounded_memory(answering: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "_FIRST_PAUSE_S", 0.0)
    server = answering(lambda _: (503, {}))
    recorder = Recorder("bot", to=server.url, most=4)
    for _ in range(3):
        pay(recorder, 2)
        recorder.flush(WAIT_S)
    assert recorder.losses == {"undelivered": 2}
    recorder.close()
    assert recorder.losses == {"undelivered": 6}


def test_refused_events_are_counted(answering: Serve) -> None:
    server = answering(lambda _: (202, {"accepted": 1, "rejected": 2}))
    with Recorder("bot", to=server.url) as recorder:
        pay(recorder, 3)
        assert recorder.flush(WAIT_S)
        assert recorder.losses == {"refused": 2 * len(server.bodies)}


def test_body_that_is_too_large_is_halved(answering: Serve) -> None:
    def answer(body: Any) -> tuple[int, Any]:
        return (413, {}) if len(body) > 2 else (202, ACCEPTED)

    server = answering(answer)
    with Recorder("bot", to=server.url) as recorder:
        pay(recorder, 8)
        assert recorder.flush(WAIT_S)
        accepted = [event for body in server.bodies if len(body) <= 2 for event in body]
        assert sorted(event["arguments"]["number"] for event in accepted) == list(range(8))
        assert recorder.dropped == 0


def test_spool_folder_keeps_events_for_a_later_process(answering: Serve, tmp_path: Path) -> None:
    server = answering(lambda _: (503, {}))
    recorder = Recorder("bot", to=server.url, spool=tmp_path)
    pay(recorder, 3)
    recorder.close()
    (left,) = tmp_path.glob("recorder-*.jsonl")
    assert [event["tool"] for event in lines_of(left)] == ["pay"] * 3
    assert recorder.dropped == 0


def test_closed_recorder_counts_what_it_leaves_out(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    recorder = Recorder("bot", to=f"file:{path}")
    pay(recorder)
    recorder.close()
    recorder.close()
    pay(recorder)
    assert recorder.flush(WAIT_S)
    assert (len(lines_of(path)), recorder.losses) == (1, {"closed": 1})


def test_end_gives_calls_without_a_result(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    recorder = Recorder("bot", to=f"file:{path}")
    recorder.call("wait").start()
    recorder.close()
    (event,) = lines_of(path)
    assert (event["tool"], "outcome" in event) == ("wait", False)


def test_destination_that_cannot_be_opened_ends_no_call(caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder("bot", to="kafka://127.0.0.1:1")
    pay(recorder, 2)
    assert not recorder.flush(WAIT_S)
    assert recorder.losses == {"failed": 2}
    assert "nothing is recorded: " in caplog.text
    recorder.close()


def test_nothing_is_recorded_where_it_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RECORD_TO, "none")
    recorder = Recorder("bot")
    pay(recorder, 2)
    assert (recorder.flush(), recorder.dropped, recorder.buffer.queue.qsize()) == (True, 0, 0)


@pytest.mark.parametrize(
    "to", ["events.jsonl", "ftp://example.com", "https://me:pw@example.com", "file:"]
)
def test_unknown_destination_is_refused_and_not_shown(to: str) -> None:
    with pytest.raises(ConfigError, match="expected") as refused:
        Recorder("bot", to=to)
    assert "pw" not in str(refused.value)
