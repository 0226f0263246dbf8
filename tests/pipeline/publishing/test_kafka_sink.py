"""What is published to Kafka, and a broker or topic that is not there, against a real broker."""

from __future__ import annotations

import os
import subprocess
import sys
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest

from models.errors import ConfigError, MessageTooLarge, SinkUnavailable
from pipeline.commands.doctor.checks import examine
from pipeline.processing.stream_types import Message
from pipeline.publishing import open_sink
from pipeline.settings import Settings
from pipeline.sources import open_source
from pipeline.sources.kafka.address import broker_alone, parse
from pipeline.sources.kafka.clients.kafka_module import KafkaProducer, murmur2
from pipeline.sources.kafka.clients.registry import CLIENTS
from pipeline.sources.kafka.topics import LARGEST_MESSAGE, TOPICS, create_topics

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.broker
MAKE = "habitus doctor --create-topics"


def test_tombstone_is_published_and_read_as_null(kafka: Any) -> None:
    sink = kafka.sink()
    sink.publish([Message(kafka.topic, b"a", "1", None), Message(kafka.topic, b"", "2", b"no key")])
    sink.close()
    assert {(one.key, one.value) for one in kafka.raw()} == {(b"a", None), (None, b"no key")}
    values = {record.value for record in kafka.drained()["records"]}
    assert values == {b"", b"no key"}


def test_a_tombstone_without_a_key_has_an_empty_one(kafka: Any) -> None:
    sink = kafka.sink()
    sink.publish([Message(kafka.topic, b"", "1", None)])
    sink.close()
    assert [(one.key, one.value) for one in kafka.raw()] == [(b"", None)]


def test_message_has_its_headers_and_then_its_id(kafka: Any) -> None:
    sink = kafka.sink()
    sink.publish([Message(kafka.topic, b"a", "eins-\u00fc", b"x", (("trace", b"\x00\xff"),))])
    sink.close()
    (record,) = kafka.raw()
    assert list(record.headers) == [("trace", b"\x00\xff"), ("id", "eins-\u00fc".encode())]


def test_messages_of_a_key_keep_their_order_over_many_publications(kafka: Any) -> None:
    sink = kafka.sink()
    numbers = range(30_000)
    for at in range(0, len(numbers), 10_000):
        some = numbers[at : at + 10_000]
        sink.publish([Message(kafka.topic, b"%d" % (n % 7), str(n), b"%d" % n) for n in some])
    sink.close()
    found = kafka.raw()
    assert len(found) == len(numbers)
    for key in range(7):
        mine = [int(one.value) for one in found if one.key == b"%d" % key]
        assert mine == list(numbers[key::7])


@pytest.fixture
def wide(kafka: Any, admin: Any) -> Iterator[Any]:
    """A topic of many partitions, with the bound that topics have by default."""
    kafka.topic = f"{kafka.topic}-wide"
    options = {"num_partitions": 13, "replication_factor": 1, "configs": {}}
    admin.create_topics({kafka.topic: options}, wait_for_metadata=True)
    yield kafka
    admin.delete_topics([kafka.topic])


def test_a_key_has_the_partition_that_every_other_client_gives_it(wide: Any) -> None:
    keys = [b"", b"\x00", b"\xff" * 9, *(b"agent-%d" % n for n in range(400))]
    sink = wide.sink()
    sink.publish([Message(wide.topic, key, str(n), None) for n, key in enumerate(keys)])
    sink.close()
    expected = {key: (murmur2(key) & 0x7FFFFFFF) % 13 for key in keys}
    assert {one.key: one.partition for one in wide.raw()} == expected


def test_the_largest_message_is_published_and_a_larger_one_is_refused(kafka: Any) -> None:
    largest = os.urandom(LARGEST_MESSAGE - 200)
    sink = kafka.sink()
    sink.publish([Message(kafka.topic, b"a", "1", largest)])
    with pytest.raises(SinkUnavailable, match=rf"cannot publish to topic '{kafka.topic}' at"):
        sink.publish([Message(kafka.topic, b"a", "2", largest + bytes(300))])
    sink.publish([Message(kafka.topic, b"a", "3", b"x")])
    sink.close()
    assert [len(one.value) for one in kafka.raw()] == [len(largest), 1]


def test_no_message_is_in_flight_after_a_refused_one(wide: Any) -> None:
    sink = wide.sink()
    refused = Message(wide.topic, b"a", "0", os.urandom(LARGEST_MESSAGE * 3 // 4))
    others = [Message(wide.topic, b"%d" % n, str(n), b"x") for n in range(1, 50)]
    with pytest.raises(SinkUnavailable, match=rf"cannot publish to topic '{wide.topic}' at"):
        sink.publish([refused, *others])
    there = len(wide.raw())
    sink.publish(others)
    sink.close()
    assert len(wide.raw()) == there + len(others)


def test_other_messages_of_a_refused_batch_are_published(wide: Any) -> None:
    sink = wide.sink()
    messages = [Message(wide.topic, b"%d" % n, str(n), b"%d" % n) for n in range(200)]
    messages[120] = Message(wide.topic, b"a", "120", os.urandom(LARGEST_MESSAGE * 3 // 4))
    with pytest.raises(MessageTooLarge) as told:
        sink.publish(messages)
    sink.close()
    left = {messages[place].value for place in told.value.left}
    there = {one.value for one in wide.raw()}
    assert left | there == {one.value for one in messages}
    assert not left & there


def test_topics_of_the_contract_are_created_once(kafka_address: str, admin: Any) -> None:
    create_topics(kafka_address)
    assert create_topics(f"kafka://{kafka_address}") == dict.fromkeys(TOPICS, False)
    assert set(TOPICS) <= set(admin.list_topics())


def test_the_doctor_makes_the_topic_that_is_read(
    kafka: Any, kafka_address: str, admin: Any, tmp_path: Path
) -> None:
    topic = f"{kafka.topic}-read"
    where = {"HABITUS_SOURCE": f"kafka://{kafka_address}/{topic}?group=g"}
    line = [sys.executable, "-m", "pipeline.cli", "doctor", "--create-topics", "--partitions", "3"]
    try:
        done = subprocess.run(  # noqa: S603  # our own command
            line, env=os.environ | where, cwd=tmp_path, capture_output=True, timeout=60, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert f"topic {topic}: created" in done.stderr
        assert "agent.actions:" not in done.stderr
        (made,) = admin.describe_topics([topic])
        assert len(made["partitions"]) == 3
    finally:
        admin.delete_topics([topic])


def test_missing_topic_is_named(kafka_address: str, kafka_client: str) -> None:
    with pytest.raises(ConfigError, match=r"topic 'absent-topic' does not exist"):
        open_source(
            f"kafka://{kafka_address}/absent-topic", clock_us=lambda: 0, kafka_client=kafka_client
        )


def test_unreachable_broker_is_reported_immediately_with_its_address(kafka_client: str) -> None:
    said = r"no Kafka broker answers at 127\.0\.0\.1:9"
    with pytest.raises(ConfigError, match=said):
        open_source("kafka://127.0.0.1:9/t", clock_us=lambda: 0, kafka_client=kafka_client)
    sink = open_sink("kafka://127.0.0.1:9", kafka_client=kafka_client)
    with pytest.raises(SinkUnavailable, match=said):
        sink.publish([Message("t", b"", "1", b"x")])
    with pytest.raises(ConfigError, match=said):
        create_topics("127.0.0.1:9")


@pytest.mark.parametrize("publications", [1, 2])
def test_a_sink_that_failed_works_again(
    kafka: Any, monkeypatch: pytest.MonkeyPatch, publications: int
) -> None:
    for module in ("kafka_python_producer", "librdkafka_options"):
        monkeypatch.setattr(f"pipeline.sources.kafka.clients.{module}.ANSWER_MS", 1000)
    sink = kafka.sink()
    sink.publish([Message(kafka.topic, b"a", "0", b"x")])
    for _ in range(publications):
        with pytest.raises(SinkUnavailable, match=r"topic 'absent-topic'"):
            sink.publish([Message("absent-topic", b"a", "1", b"x")])
    sink.publish([Message(kafka.topic, b"a", "2", b"y")])
    sink.close()
    assert [record.value for record in kafka.drained()["records"]] == [b"x", b"y"]


def test_uncommitted_records_are_not_read_and_the_transaction_end_is_passed(kafka: Any) -> None:
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


def test_missing_result_topic_is_named_immediately(kafka: Any) -> None:
    sink = kafka.sink()
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
        ("source", {"source": "kafka://{}/absent?group=g"}, "has no topic absent", MAKE),
        ("source", {"source": "kafka://{}/agent.actions?group=g"}, "its topics are there", ""),
        ("sink", {"sink": "kafka://{}"}, "its topics are there", ""),
    ],
)
def test_doctor_checks_topics(
    kafka_address: str, name: str, changed: dict[str, str], found: str, todo: str
) -> None:
    create_topics(kafka_address)
    values = {key: value.format(kafka_address) for key, value in changed.items()}
    check = next(one for one in examine(Settings(**values), 0) if one.name == name)
    assert check.found.endswith(found)
    assert check.todo == todo
    assert (check.state == "ok") == (not todo)


@pytest.mark.parametrize("client", CLIENTS)
def test_options_of_the_group_are_none_of_the_topics(
    kafka_address: str, tmp_path: Path, client: str
) -> None:
    file = tmp_path / "client.toml"
    file.write_text('group_instance_id = "w1"\nsession_timeout_ms = 9000\n')
    url = f"kafka://{kafka_address}/agent.actions?group=g&config={file}"
    create_topics(broker_alone(parse(url, topic=True)))
    checks = examine(Settings(source=url, kafka_client=client), 0)
    assert next(one for one in checks if one.name == "source").state == "ok"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ('sasl_mechanism = "FOO"\nsecurity_protocol = "SASL_PLAINTEXT"', "SASL mechanism: FOO"),
        ('sasl_kerberos_name = "k"', "'sasl_kerberos_name' is not one of librdkafka"),
    ],
)
def test_the_doctor_says_which_option_librdkafka_refuses(
    kafka_address: str, tmp_path: Path, options: str, why: str
) -> None:
    file = tmp_path / "client.toml"
    file.write_text(options)
    url = f"kafka://{kafka_address}?config={file}"
    checks = examine(Settings(sink=url, kafka_client="librdkafka"), 0)
    found = next(one for one in checks if one.name == "sink")
    assert found.state == "missing"
    assert why in found.found
    with pytest.raises(ConfigError, match=why):
        open_sink(url, kafka_client="librdkafka")
