"""What is published to Kafka, and a broker or topic that is not there, against a real broker."""

from __future__ import annotations

from time import monotonic
from typing import Any

import pytest

from models.errors import ConfigError, SinkUnavailable
from pipeline.adapters import open_sink, open_source
from pipeline.adapters.kafka import TOPICS, create_topics
from pipeline.adapters.kafka.client import KafkaConsumer, KafkaProducer, TopicPartition
from pipeline.commands.checks import examine
from pipeline.record import Message
from pipeline.settings import Settings

pytestmark = pytest.mark.broker


def test_a_tombstone_is_published_and_read_as_nothing(kafka: Any) -> None:
    sink = open_sink(f"kafka://{kafka.address}")
    sink.publish([Message(kafka.topic, b"a", "1", None), Message(kafka.topic, b"", "2", b"no key")])
    sink.close()
    plain = KafkaConsumer(bootstrap_servers=kafka.address)
    partitions = [TopicPartition(kafka.topic, 0), TopicPartition(kafka.topic, 1)]
    plain.assign(partitions)
    plain.seek_to_beginning(*partitions)
    raw: list[Any] = []
    while len(raw) < 2:
        raw += [one for some in plain.poll(500).values() for one in some]
    plain.close()
    assert {(one.key, one.value) for one in raw} == {(b"a", None), (None, b"no key")}
    values = {record.value for record in kafka.drained()["records"]}
    assert values == {b"", b"no key"}


def test_topics_of_the_contract_are_created_once(kafka_address: str, admin: Any) -> None:
    create_topics(kafka_address)
    assert create_topics(f"kafka://{kafka_address}") == dict.fromkeys(TOPICS, False)
    assert set(TOPICS) <= set(admin.list_topics())


def test_a_topic_that_is_not_there_is_named(kafka_address: str, kafka_client: str) -> None:
    with pytest.raises(ConfigError, match=r"topic 'absent-topic' does not exist"):
        open_source(
            f"kafka://{kafka_address}/absent-topic", clock_us=lambda: 0, kafka_client=kafka_client
        )


def test_no_broker_is_said_with_its_address_at_once(kafka_client: str) -> None:
    said = r"no Kafka broker answers at 127\.0\.0\.1:9"
    with pytest.raises(ConfigError, match=said):
        open_source("kafka://127.0.0.1:9/t", clock_us=lambda: 0, kafka_client=kafka_client)
    with pytest.raises(SinkUnavailable, match=said):
        open_sink("kafka://127.0.0.1:9").publish([Message("t", b"", "1", b"x")])
    with pytest.raises(ConfigError, match=said):
        create_topics("127.0.0.1:9")


def test_a_sink_that_failed_works_again(kafka: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.adapters.kafka.sink.ANSWER_MS", 1000)
    sink = open_sink(f"kafka://{kafka.address}")
    sink.publish([Message(kafka.topic, b"a", "0", b"x")])
    with pytest.raises(SinkUnavailable, match=r"cannot publish to topic 'absent-topic' at"):
        sink.publish([Message("absent-topic", b"a", "1", b"x")])
    sink.publish([Message(kafka.topic, b"a", "2", b"y")])
    sink.close()
    assert [record.value for record in kafka.drained()["records"]] == [b"x", b"y"]


def test_what_a_transaction_did_not_commit_is_not_read_and_its_end_is_passed(kafka: Any) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka.address, transactional_id=kafka.topic)
    producer.init_transactions()
    for number in range(8):
        producer.begin_transaction()
        producer.send(kafka.topic, b"%d" % number, b"a", partition=number % 2)
        if number % 2 == 0:
            producer.commit_transaction()
        else:
            producer.abort_transaction()
    producer.begin_transaction()
    producer.send(kafka.topic, b"open", b"a", partition=0).get(10)
    found = kafka.drained()["records"]
    assert [one.value for one in found] == [b"0", b"2", b"4", b"6"]
    producer.abort_transaction()
    producer.close()
    assert len(kafka.drained()["records"]) == 4


def test_a_result_topic_that_is_not_there_is_named_at_once(kafka: Any) -> None:
    sink = open_sink(f"kafka://{kafka.address}")
    for _ in range(2):
        begun = monotonic()
        with pytest.raises(SinkUnavailable, match=r"topic 'absent' does not exist.*create-topics"):
            sink.publish([Message("absent", b"a", "1", b"x")])
        assert monotonic() - begun < 8, "a producer would have waited ten seconds"
    sink.publish([Message(kafka.topic, b"a", "1", b"x")])
    sink.close()


@pytest.mark.parametrize(
    ("name", "changed", "found", "todo"),
    [
        ("source", {"source": "kafka://{}/absent?group=g"}, "has no topic absent", "create it"),
        ("source", {"source": "kafka://{}/agent.actions?group=g"}, "its topics are there", ""),
        ("sink", {"sink": "kafka://{}"}, "its topics are there", ""),
    ],
)
def test_the_doctor_looks_for_topics(
    kafka_address: str, name: str, changed: dict[str, str], found: str, todo: str
) -> None:
    create_topics(kafka_address)
    values = {key: value.format(kafka_address) for key, value in changed.items()}
    check = next(one for one in examine(Settings(**values), 0) if one.name == name)
    assert check.found.endswith(found)
    assert check.todo == todo
    assert (check.state == "ok") == (not todo)
