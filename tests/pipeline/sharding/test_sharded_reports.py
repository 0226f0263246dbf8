"""Payloads of other formats, over HTTP and in the topic itself, where workers share the topic."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from kafka import KafkaProducer

from pipeline.processing import runner
from pipeline.processing.stream_types import Message
from pipeline.publishing import open_sink
from pipeline.store import open_store
from tests.pipeline.formats.otlp.payloads import agent, proto_of, tool, traces
from tests.pipeline.sharding.streams import Stream, Worker, until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.broker, pytest.mark.postgresql, pytest.mark.slow]


def hook(name: str, number: int, **more: Any) -> bytes:
    value = {
        "hook_event_name": name, "session_id": f"s-{number}", "tool_name": "Read",
        "tool_input": {"file_path": f"f{number}.py"}, "tool_use_id": f"toolu_{number:012}",
    }  # fmt: skip
    return json.dumps(value | more).encode()


def halves(number: int) -> tuple[bytes, bytes]:
    return hook("PreToolUse", number), hook("PostToolUse", number, tool_response="text")


def a_trace(number: int) -> tuple[bytes, bytes]:
    """Give the payload of a call, and that of the agent above it, as a batch processor sends it."""
    trace = f"{number + 1:032x}"
    call = tool(2, parent=1, at=1.0, trace=trace)
    above = agent(1, f"bot-{number % 5}", trace=trace)
    return proto_of(traces(call)), proto_of(traces(above))


def send(stream: Stream, values: list[bytes]) -> None:
    """Write records without a key, one by one to each partition, as the Collector does."""
    producer = open_sink(f"kafka://{stream.address}", kafka_client=stream.client)
    for number, value in enumerate(values):
        producer.publish([Message(stream.topic, b"", str(number), value)])
    producer.close()


def agents_of(stream: Stream) -> dict[str, int]:
    with open_store(stream.url, read_only=True) as store:
        return {state.agent_id: state.events for _, state in store.changes(0, 1_000)}


def faults(stream: Stream) -> list[str]:
    with open_store(stream.url, read_only=True) as store:
        found = [one["anomaly"] for one in store.anomalies(kind="telemetry.conflict")]
        return found + [name for name in store.counters() if name.startswith("rejected")]


def test_halves_over_http_are_joined_by_one_of_the_workers(stream: Stream) -> None:
    with open_store(stream.url) as store, Worker(stream.settings()), Worker(stream.settings()):
        for number in range(12):
            store.report("claude-code", f"laptop-{number % 3}", [halves(number)[0]])
        for number in range(12):
            store.report("claude-code", f"laptop-{number % 3}", [halves(number)[1]])
        until(lambda: stream.counted().get("events") == 12)
        assert store.reports(10) == []
    assert agents_of(stream) == {f"claude-code/laptop-{number}": 4 for number in range(3)}
    assert faults(stream) == []


def test_payload_over_http_that_cannot_be_read_is_rejected(stream: Stream) -> None:
    with open_store(stream.url) as store:
        store.report("claude-code", "", [b"[1]", *halves(1)])
        store.report("otlp", "", [b"{"])
        runner.run(stream.settings(), drain=True, stop=threading.Event())
    assert stream.counted()["events"] == 1
    assert faults(stream) == ["rejected_malformed_json", "rejected_wrong_type"]


def started(stream: Stream, folder: Path, **more: Any) -> subprocess.Popen[bytes]:
    settings = stream.settings(**more)
    said = settings.model_dump(mode="json", include=settings.model_fields_set)
    own = {f"HABITUS_{name.upper()}": str(value) for name, value in said.items()}
    with (folder / "worker.log").open("ab") as log:
        return subprocess.Popen(  # our own program
            [sys.executable, "-m", "pipeline.cli", "run"], env={**os.environ, **own}, stderr=log
        )


def test_killed_worker_loses_no_half_and_repeats_no_call(stream: Stream, tmp_path: Path) -> None:
    calls, above = zip(*map(a_trace, range(40)), strict=True)
    wanted = 80
    with open_store(stream.url) as store:
        for number in range(40):
            store.report("claude-code", "laptop", [halves(number)[0]])
        send(stream, list(calls))
        worker = started(stream, tmp_path, format="otlp-proto-traces")
        until(lambda: not store.reports(1) and len(store.positions()) == 4)
        worker.kill()  # it holds forty halves and forty calls without agents
        worker.wait()
        assert "events" not in store.counters()
        for number in range(40):
            store.report("claude-code", "laptop", [halves(number)[1]])
        worker = started(stream, tmp_path, format="otlp-proto-traces", batch_size=3)
        until(lambda: store.counters().get("events", 0) > 5)
        worker.kill()  # amid the results
        worker.wait()
        send(stream, list(above))
        with Worker(stream.settings(format="otlp-proto-traces")):
            until(lambda: store.counters()["events"] >= wanted)
    expected = {f"bot-{number}": 8 for number in range(5)} | {"claude-code/laptop": 40}
    assert agents_of(stream) == expected
    assert stream.counted()["events"] == wanted
    assert faults(stream) == []


def test_spans_of_one_trace_are_joined_over_partitions_and_workers(stream: Stream) -> None:
    calls, above = zip(*map(a_trace, range(30)), strict=True)
    settings = stream.settings(format="otlp-proto-traces")
    with Worker(settings), Worker(settings):
        send(stream, [*calls, b"no protobuf \xff"])
        until(lambda: stream.counted().get("rejected_bad_value") == 1)
        send(stream, list(above))
        until(lambda: stream.counted().get("events") == 30)
    assert agents_of(stream) == {f"bot-{number}": 6 for number in range(5)}
    assert faults(stream) == ["rejected_bad_value"]
    assert stream.counted().keys() >= {"events"}


def test_events_over_http_are_judged_where_the_topic_has_another_format(
    pipeline: Any, stream: Stream
) -> None:
    events = pipeline.events(30)
    with open_store(stream.url) as store:
        store.inbox(events)
    runner.run(stream.settings(format="otlp"), drain=True, stop=threading.Event())
    assert stream.counted()["events"] == len(events)


def judged_alone(stream: Stream, folder: Path, name: str) -> dict[str, int]:
    store = f"sqlite:{folder / 'store.db'}"
    settings = stream.settings(format=name, store=store)
    runner.run(settings, drain=True, stop=threading.Event())
    with open_store(store) as opened:
        return {state.agent_id: state.events for _, state in opened.changes(0, 100)}


def test_one_worker_joins_the_spans_of_several_partitions(stream: Stream, tmp_path: Path) -> None:
    calls, above = zip(*map(a_trace, range(10)), strict=True)
    send(stream, [*above, *calls])
    found = judged_alone(stream, tmp_path, "otlp-proto-traces")
    assert found == {f"bot-{number}": 2 for number in range(5)}


def test_payload_of_several_megabytes_is_read(
    kafka_address: str, postgresql_url: str, kafka_client: str, tmp_path: Path
) -> None:
    wide = {"max.message.bytes": str(20 << 20)}
    stream = Stream(kafka_address, postgresql_url, kafka_client, **wide)
    bot = {"gen_ai.agent.name": "bot"}
    producer = KafkaProducer(
        bootstrap_servers=kafka_address, max_request_size=20 << 20, compression_type=None
    )
    for size in (1, 8 << 20, 17 << 20):
        said = bot | {"pad": "".join(f"{number:08}" for number in range(size // 8))}
        producer.send(stream.topic, traces(tool(2 + size, said=said)))
    producer.close()
    assert judged_alone(stream, tmp_path, "otlp") == {"bot": 2}
    stream.close()


def test_mark_of_another_program_hides_no_conflict(stream: Stream, pipeline: Any) -> None:
    event = json.loads(pipeline.events(1)[0])
    other = json.dumps(event | {"tool": "crm.delete"}).encode()
    key = event["agent"]["id"].encode()
    for headers in ((("habitus-native", b"a" + bytes(16)),), (("assembled", b"1"),)):
        sink = open_sink(f"kafka://{stream.address}", kafka_client=stream.client)
        sink.publish([Message(stream.topic, key, "1", json.dumps(event).encode())])
        sink.publish([Message(stream.topic, key, "2", other, headers)])
        sink.close()
        event["id"] += "-again"
        other = json.dumps(event | {"tool": "crm.delete"}).encode()
    runner.run(stream.settings(), drain=True, stop=threading.Event())
    with open_store(stream.url) as store:
        (found,) = store.anomalies(kind="telemetry.conflict")
        assert len(found["events"]) == 2
