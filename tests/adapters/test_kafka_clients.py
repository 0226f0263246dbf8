"""Which client reads from Kafka, and the options of each."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer

from models.errors import ConfigError
from pipeline.adapters.kafka import clients
from pipeline.adapters.kafka.address import parse
from pipeline.adapters.kafka.clients import CLIENTS, open_member
from pipeline.adapters.kafka.librdkafka_options import options_of, translated
from pipeline.adapters.kafka.member import FETCH_BYTES
from pipeline.settings import Settings

if TYPE_CHECKING:
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


def test_the_setting_has_the_clients_that_there_are() -> None:
    (named,) = {typing.get_args(Settings.model_fields["kafka_client"].annotation)}
    assert named == tuple(CLIENTS)


def test_a_client_that_is_not_installed_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "find_spec", lambda _: None)
    at = parse("kafka://127.0.0.1:9092/t", topic=True)
    with pytest.raises(ConfigError, match=r"librdkafka is not installed: .*HABITUS_KAFKA_CLIENT"):
        open_member("librdkafka", at, 1, lambda: 0)


def test_every_option_of_the_file_is_one_of_librdkafka(tmp_path: Path) -> None:
    file = tmp_path / "client.toml"
    file.write_text(EVERYTHING)
    options = options_of(parse(f"kafka://127.0.0.1:9/t?config={file}", topic=True), 100)
    Consumer(options).close()
    assert options["session.timeout.ms"] == 6000
    assert options["ssl.endpoint.identification.algorithm"] == "https"


def test_a_key_beside_its_certificate_is_found_there() -> None:
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


def test_what_is_fetched_ahead_is_bounded() -> None:
    options = options_of(parse("kafka://127.0.0.1:9/t", topic=True), 100)
    assert options["queued.min.messages"] == 100
    assert options["queued.max.messages.kbytes"] * 1024 == FETCH_BYTES
    assert options["fetch.max.bytes"] == options["max.partition.fetch.bytes"] == FETCH_BYTES
