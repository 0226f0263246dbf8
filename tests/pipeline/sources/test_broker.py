"""Events in through a broker, results out through it, and workers that die or come and go."""

from __future__ import annotations

import json
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from models.trust.response import trust_answer
from pipeline.configuration.derived import trust_policy_of
from pipeline.events.unknown_members import unknown_by
from pipeline.processing import runner
from pipeline.processing.stream_types import Message
from pipeline.publishing import open_sink
from pipeline.publishing.asyncapi import topics_document
from pipeline.sources.kafka.clients.kafka_module import KafkaConsumer, TopicPartition
from pipeline.sources.kafka.topics import create_topics
from pipeline.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.broker, pytest.mark.slow]

EVENTS = 700
OUTPUTS = ("agent.anomalies", "agent.trust", "agent.actions.rejected", "agent.cases")
SAME = ("level", "gate", "config_version")
# Points that an hour of clean running is worth: what is published may be so much older.
AN_HOUR = 5


def until(done: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


class Broker:
    """A broker, a topic of one test, and agents that no other test has."""

    def __init__(self, address: str, admin: Any, partitions: int) -> None:
        self.address = address
        self.mark = f"t{uuid.uuid4().hex[:10]}"
        self.topic = f"test-{self.mark}"
        options = {"num_partitions": partitions, "replication_factor": 1, "configs": {}}
        create_topics(address)
        admin.create_topics({self.topic: options}, wait_for_metadata=True)
        self._reader = KafkaConsumer(bootstrap_servers=address, auto_offset_reset="none")
        self._seen = self._ends()

    def own(self, line: bytes, agent: str = "") -> bytes:
        """Give an event to an agent of this test: its own under another name, or a given one."""
        try:
            event = json.loads(line)
            event["agent"]["id"] = f"{self.mark}-{agent or event['agent']['id']}"
        except (ValueError, KeyError):
            return line
        return json.dumps(event).encode()

    def send(self, lines: list[bytes], headers: tuple[tuple[str, bytes], ...] = ()) -> None:
        """Send lines in order, keyed by their agents; those without one by the test's mark."""
        messages = [
            Message(self.topic, self._key(line), str(n), line, headers)
            for n, line in enumerate(lines)
        ]
        sink = open_sink(f"kafka://{self.address}")
        sink.publish(messages)
        sink.close()

    def _key(self, line: bytes) -> bytes:
        try:
            return str(json.loads(line)["agent"]["id"]).encode()
        except (ValueError, KeyError):
            return f"{self.mark}-unreadable".encode()

    def source(self, group: str = "g") -> str:
        return f"kafka://{self.address}/{self.topic}?group={self.mark}-{group}"

    def received(self) -> list[Any]:
        """Give what came out for this test's agents since the last call."""
        ends = self._ends()
        self._reader.assign(list(ends))
        for partition, offset in self._seen.items():
            self._reader.seek(partition, offset)
        found: list[Any] = []
        while any(self._reader.position(partition) < end for partition, end in ends.items()):
            for records in self._reader.poll(timeout_ms=200).values():
                found += [one for one in records if (one.key or b"").startswith(self.mark.encode())]
        self._seen = ends
        return found

    def _ends(self) -> dict[Any, int]:
        partitions = [
            TopicPartition(topic, number)
            for topic in OUTPUTS
            for number in self._reader.partitions_for_topic(topic) or ()
        ]
        ends: dict[Any, int] = self._reader.end_offsets(partitions)
        return ends

    def close(self, admin: Any) -> None:
        self._reader.close()
        admin.delete_topics([self.topic])


@pytest.fixture
def broker(kafka_address: str, admin: Any, request: pytest.FixtureRequest) -> Iterator[Broker]:
    made = Broker(kafka_address, admin, getattr(request, "param", 1))
    yield made
    made.close(admin)


@pytest.fixture
def settings_for(pipeline, broker, kafka_client) -> Callable[..., Any]:
    """Settings of a worker by name, with the agents of this test in its inventory."""
    text = pipeline.inventory.read_text().splitlines()
    owned = [text[0], *(f"{broker.mark}-{row}" for row in text[1:])]
    pipeline.inventory.write_text("\n".join(owned) + "\n")

    def settings(name: str, group: str | None = None) -> Any:
        sink = f"kafka://{broker.address}"
        return pipeline.settings(
            broker.source(group or name),
            name,
            sink=sink,
            batch_size=100,
            kafka_client=kafka_client,
        )

    return settings


def header(record: Any, name: str) -> str:
    return dict(record.headers)[name].decode()


def test_events_in_anomalies_and_compacted_trust_out(pipeline, broker, settings_for):
    events = [broker.own(line) for line in pipeline.events(EVENTS)]
    broker.send(events)
    settings = settings_for("one")
    assert pipeline.run(settings).events == len(events)
    out = broker.received()
    with open_store(settings.store) as store:
        kept = {anomaly["id"]: anomaly for anomaly in store.anomalies(limit=1000)}
        filed = store.cases(limit=1000)
        policy = trust_policy_of(settings)
        answers = {}
        for agent in {json.loads(line)["agent"]["id"] for line in events}:
            states = store.states(agent)
            at_us = max(state.last_seen_us for state in states)
            answers[agent] = trust_answer(states, agent, at_us, at_us, policy)
    last_anomalies = {one.value: json.loads(one.value) for one in out if one.topic == OUTPUTS[0]}
    newest = {anomaly["id"]: anomaly for anomaly in last_anomalies.values()}
    assert newest == kept != {}
    cases = [(one.key.decode(), json.loads(one.value)) for one in out if one.topic == OUTPUTS[3]]
    versions = {case["case_id"]: case["version"] for _, case in cases}
    assert versions == {case["case_id"]: case["version"] for case in filed} != {}
    assert all(key == case["agent_id"] for key, case in cases)
    trust = {one.key.decode(): json.loads(one.value) for one in out if one.topic == OUTPUTS[1]}
    assert trust.keys() == answers.keys()
    for agent, answer in answers.items():
        told = trust[agent]
        assert [told[name] for name in SAME] == [getattr(answer, name) for name in SAME]
        assert abs(told["score"] - answer.score) <= AN_HOUR
    ids = [(one.topic, header(one, "id")) for one in out]
    assert len(ids) == len(set(ids))


def test_refused_records_are_published_unchanged_with_the_reason(pipeline, broker, settings_for):
    events = [broker.own(line) for line in pipeline.events(5)]
    bad = [b'{"id":"bad"', b"\xff\xfe", b'{"id":"x","time":"2026-10-05T08:00:00Z"}']
    broker.send([*events, *bad, events[0]], headers=(("traceparent", b"00-1-2-01"),))
    settings = settings_for("one")
    summary = pipeline.run(settings)
    assert (summary.events, summary.rejected) == (len(events), 4)
    refused = [one for one in broker.received() if one.topic == OUTPUTS[2]]
    assert [one.value for one in refused] == [*bad, events[0]]
    reasons = [header(one, "reason") for one in refused]
    assert reasons == ["malformed_json", "not_utf8", "missing_key", "duplicate_id"]
    for number, one in enumerate(refused[:3], len(events)):
        assert one.key == f"{broker.mark}-unreadable".encode()
        assert header(one, "source") == f"kafka:{broker.topic}:0"
        assert header(one, "offset") == str(number)
        assert header(one, "time").endswith("Z")


def test_published_messages_fit_the_document_of_the_topics(pipeline, broker, settings_for):
    broker.send([broker.own(line) for line in pipeline.mixed(EVENTS)])
    pipeline.run(settings_for("one"))
    out = broker.received()
    assert {one.topic for one in out} == set(OUTPUTS)
    document = topics_document()
    for one in out:
        (name,) = document["channels"][one.topic]["messages"]
        said = {"headers": {key: value.decode() for key, value in one.headers}}
        if one.topic != OUTPUTS[2]:
            said["payload"] = json.loads(one.value)
        for part, value in said.items():
            schema = document["components"]["messages"][name][part]
            jsonschema.validate(value, document | schema, jsonschema.Draft7Validator)


def test_killed_and_restarted_worker_ends_like_an_uninterrupted_one(pipeline, broker, settings_for):
    lines = pipeline.mixed(EVENTS)
    lines[0] = json.dumps({**json.loads(lines[0]), "resorce": {"id": "r"}}).encode()
    broker.send([broker.own(line) for line in lines])
    straight, killed = settings_for("straight"), settings_for("killed")
    assert pipeline.lives(straight) == 0
    expected = broker.received()
    assert pipeline.lives(killed, "kafka published", 5) == 1
    found = broker.received()
    assert pipeline.state(killed) == pipeline.state(straight)
    with open_store(killed.store, read_only=True) as store:
        assert unknown_by(store.counters()) == {"resorce": 1}
    assert len(found) > len(expected)  # what was published before the death came again
    messages = [
        {(one.topic, one.key, one.value, tuple(one.headers)) for one in records}
        for records in (expected, found)
    ]
    assert messages[0] == messages[1]


class Running(threading.Thread):
    """A worker that goes on until it is told to stop."""

    def __init__(self, settings: Any) -> None:
        super().__init__()
        self.settings = settings
        self.ending = threading.Event()
        self.fault: BaseException | None = None

    def run(self) -> None:
        try:
            runner.run(self.settings, stop=self.ending)
        except BaseException as error:  # noqa: BLE001  # shown by the test
            self.fault = error

    def counted(self) -> dict[str, int]:
        with open_store(self.settings.store, read_only=True) as store:
            return store.counters()

    def stop(self) -> None:
        self.ending.set()
        self.join(60)
        assert self.fault is None


@pytest.mark.parametrize("broker", [4], indirect=True)
def test_changing_workers_share_partitions_and_process_each_record_once(
    pipeline, broker, settings_for
):
    # So many agents that no partition stays empty.
    events = [broker.own(line, f"{n % 32}") for n, line in enumerate(pipeline.events(EVENTS))]
    half = len(events) // 2
    # One group, a store for each: a worker that meets a partition learns it from its beginning.
    workers = [Running(settings_for(name, group="both")) for name in ("a", "b")]
    first, second = workers
    broker.send(events[:half])
    try:
        first.start()
        until(lambda: first.counted().get("events") == half)
        second.start()
        until(lambda: second.counted().get("events", 0) > 0)
        broker.send(events[half:])

        def seen() -> set[Any]:
            states = [pipeline.state(worker.settings)["seen"] for worker in workers]
            return {key for rows in states for key, _ in rows}

        until(lambda: len(seen()) == len(events))
        until(lambda: first.counted()["events"] > half)
        assert first.counted()["events"] < len(events)
        second.stop()
        # What the second had comes back to the first, which goes on where its own store is.
        until(lambda: first.counted()["events"] == len(events))
        first.stop()
    finally:
        for worker in workers:
            worker.ending.set()
    for worker in workers:
        counted = worker.counted()
        assert counted["events"] == len(pipeline.state(worker.settings)["seen"])
        assert not [name for name in counted if name.startswith("rejected_")]
    assert sum(worker.counted()["events"] for worker in workers) > len(events)
