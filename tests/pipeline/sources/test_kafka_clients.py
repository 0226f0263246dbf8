"""Which client reads from Kafka and publishes there, and the options of each."""

from __future__ import annotations

import socket
import typing
from time import monotonic
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, KafkaError, Message, Producer

from models.errors import ConfigError
from pipeline.commands.doctor import stream_checks
from pipeline.processing.stream_types import BATCH_BYTES
from pipeline.processing.stream_types import Message as Sent
from pipeline.publishing import open_sink
from pipeline.settings import Settings
from pipeline.sources.kafka import reachable
from pipeline.sources.kafka.address import parse
from pipeline.sources.kafka.clients import registry as clients
from pipeline.sources.kafka.clients.librdkafka import LibrdkafkaMember
from pipeline.sources.kafka.clients.librdkafka_options import (
    options_of,
    producer_options,
    translated,
)
from pipeline.sources.kafka.clients.member import MemberFault, OutOfRange, TransientFault
from pipeline.sources.kafka.clients.producer import ProducerFault
from pipeline.sources.kafka.clients.registry import CLIENTS, open_member, producer_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EVERYTHING = """
security_protocol = "SASL_SSL"
client_id = "worker"
client_rack = "a"
ssl_check_hostname = true
ssl_ciphers = "ALL"
sasl_mechanism = "SCRAM-SHA-512"
sasl_plain_username = "me"
sasl_plain_password = "secret"
group_instance_id = "worker-1"
session_timeout_ms = 6000
heartbeat_interval_ms = 500
"""


def test_setting_accepts_exactly_the_existing_clients() -> None:
    (named,) = {typing.get_args(Settings.model_fields["kafka_client"].annotation)}
    assert named == tuple(CLIENTS)


def test_missing_client_is_reported_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "find_spec", lambda _: None)
    at = parse("kafka://127.0.0.1:9092/t", topic=True)
    with pytest.raises(ConfigError, match=r"librdkafka is not installed: .*HABITUS_KAFKA_CLIENT"):
        open_member("librdkafka", at, 1, lambda: 0)
    with pytest.raises(ConfigError, match=r"librdkafka is not installed: .*HABITUS_KAFKA_CLIENT"):
        open_sink("kafka://127.0.0.1:9092", kafka_client="librdkafka")


def test_error_of_an_unknown_client_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"unknown Kafka client 'kafka', expected one of: k"):
        open_sink("kafka://127.0.0.1:9092", kafka_client="kafka")


def test_every_option_of_the_file_is_one_of_librdkafka(tmp_path: Path) -> None:
    file = tmp_path / "client.toml"
    file.write_text(EVERYTHING)
    options = options_of(parse(f"kafka://127.0.0.1:9/t?config={file}", topic=True), 100)
    Consumer(options).close()
    assert options["session.timeout.ms"] == 6000
    assert options["ssl.endpoint.identification.algorithm"] == "https"


def test_every_option_of_the_file_of_a_sink_is_one_of_librdkafka(tmp_path: Path) -> None:
    file = tmp_path / "client.toml"
    file.write_text(EVERYTHING.partition("group_instance_id")[0])
    address = parse(f"kafka://127.0.0.1:9?config={file}", topic=False)
    options = producer_options(address, "shard-1")
    Producer(options)
    assert options["sasl.username"] == "me"
    assert options["transactional.id"] == "shard-1"
    assert "transactional.id" not in producer_options(address, "")


def test_key_in_the_file_of_its_certificate_is_found() -> None:
    files = {"ssl_cafile": "ca.pem", "ssl_certfile": "own.pem", "ssl_password": "secret"}
    assert translated(files) == {
        "ssl.ca.location": "ca.pem",
        "ssl.certificate.location": "own.pem",
        "ssl.key.location": "own.pem",
        "ssl.key.password": "secret",
    }
    assert translated({**files, "ssl_keyfile": "key.pem"})["ssl.key.location"] == "key.pem"


def test_an_option_without_a_counterpart_is_named(tmp_path: Path) -> None:
    file = tmp_path / "client.toml"
    file.write_text('sasl_kerberos_service_name = "kafka"')
    at = parse(f"kafka://127.0.0.1:9/t?config={file}", topic=True)
    with pytest.raises(ConfigError, match=r"client option 'sasl_kerberos_service_name' is not"):
        open_member("librdkafka", at, 1, lambda: 0)
    with pytest.raises(ConfigError, match=r"client option 'sasl_kerberos_service_name' is not"):
        open_sink(f"kafka://127.0.0.1:9?config={file}", kafka_client="librdkafka")


@pytest.fixture
def silent() -> Iterator[str]:
    """HOST:PORT of somebody who takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def test_silent_broker_times_out(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sources.kafka.clients.librdkafka_options.DELIVERY_S", 2)
    connect = producer_of("librdkafka", parse(f"kafka://{silent}", topic=False))
    begun = monotonic()
    with pytest.raises(ProducerFault, match="_MSG_TIMED_OUT"):
        connect().send([Sent("t", b"a", "1", b"x")])
    assert monotonic() - begun < 10


def test_prefetching_is_bounded() -> None:
    options = options_of(parse("kafka://127.0.0.1:9/t", topic=True), 100)
    assert options["queued.min.messages"] == 100
    assert options["queued.max.messages.kbytes"] * 1024 == BATCH_BYTES
    assert options["fetch.max.bytes"] == options["max.partition.fetch.bytes"] == BATCH_BYTES


def test_the_doctor_says_that_the_client_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reachable, "find_spec", lambda _: None)
    settings = Settings(source="kafka://127.0.0.1:9/t", kafka_client="librdkafka")
    assert stream_checks.check_source(settings).found == "the client librdkafka is not installed"
    settings = Settings(sink="kafka://127.0.0.1:9", kafka_client="librdkafka")
    assert stream_checks.check_sink(settings).found == "the client librdkafka is not installed"


class Receiving(LibrdkafkaMember):
    """A member that receives what it is told to, of partitions 0 and 1."""

    def __init__(self, *messages: Message) -> None:
        super().__init__(parse("kafka://127.0.0.1:9/t", topic=True), 100, lambda: 7)
        self._assigned_partitions, self._given = {0, 1}, list(messages)

    def _connect(self) -> list[int]:
        return [0, 1]

    def _received(self, maximum: int, wait_ms: int) -> list[Message]:  # noqa: ARG002  # its shape
        given, self._given = self._given, []
        return given

    def offsets(self) -> dict[int, list[int]]:
        return {at: [one.offset for one in some] for at, some in self.poll(100, 0).items()}


@pytest.fixture
def receiving() -> Iterator[type[Receiving]]:
    made: list[Receiving] = []

    class Made(Receiving):
        def __init__(self, *messages: Message) -> None:
            super().__init__(*messages)
            made.append(self)

    yield Made
    for member in made:
        member.close()


def message(offset: int, *, partition: int = 0, error: str = "") -> Message:
    fault = KafkaError(getattr(KafkaError, error)) if error else None
    return Message(topic="t", partition=partition, offset=offset, value=b"x", error=fault)


def test_reading_ends_at_an_unreadable_record(receiving) -> None:
    member = receiving(message(3), message(4, error="_BAD_MSG"), message(9), message(1))
    assert member.offsets() == {0: [3]}
    assert member.position(0) == 4
    with pytest.raises(MemberFault, match="_BAD_MSG") as caught:
        member.offsets()
    assert not isinstance(caught.value, TransientFault)


def test_transient_fault_loses_no_record(receiving) -> None:
    member = receiving(message(3), message(0, error="_ALL_BROKERS_DOWN"), message(4))
    assert member.offsets() == {0: [3, 4]}
    with pytest.raises(TransientFault, match="_ALL_BROKERS_DOWN"):
        member.offsets()
    assert member.offsets() == {}


def test_offset_out_of_range_is_reported_for_each_partition(receiving) -> None:
    beyond = "_AUTO_OFFSET_RESET"
    member = receiving(message(50, error=beyond), message(60, partition=1, error=beyond))
    with pytest.raises(OutOfRange) as caught:
        member.offsets()
    assert caught.value.offsets == {0: 50, 1: 60}


def test_offset_out_of_range_reported_after_a_seek_does_not_move_the_member_back(
    receiving,
) -> None:
    member = receiving(message(0, error="_AUTO_OFFSET_RESET"))
    member._position = {0: 60}
    with pytest.raises(OutOfRange) as caught:
        member.offsets()
    assert caught.value.offsets == {0: 60}


def test_the_end_of_a_transaction_is_a_position_too(receiving) -> None:
    member = receiving(message(3), message(6, error="_PARTITION_EOF"))
    assert member.offsets() == {0: [3]}
    assert member.position(0) == 6


def test_records_of_a_revoked_partition_are_dropped(receiving) -> None:
    member = receiving(message(3), message(3, partition=1), message(7, partition=2))
    member._paused = {1}  # came back in the same moment
    assert member.offsets() == {0: [3]}
    assert member.position(1) == 0
