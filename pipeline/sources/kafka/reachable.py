"""Checks of a broker for `habitus doctor`: it answers, has its topics and holds the positions."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from models.errors import ConfigError
from pipeline.sources.finding import Finding
from pipeline.sources.kafka.address import answers, parse, without_group

if TYPE_CHECKING:
    from collections.abc import Mapping


def check_broker(url: str, client: str, *, topic: bool) -> Finding:
    """Check a source or a sink.

    Parameters
    ----------
    client
        One of `CLIENTS` in `pipeline.sources.kafka.clients.registry`.
    topic
        True: a source, which needs its topic; False: a sink, which needs those of the results.
    """
    if client == "librdkafka" and find_spec("confluent_kafka") is None:
        todo = "install habitus with the extra librdkafka, or leave HABITUS_KAFKA_CLIENT out"
        return Finding("missing", "the client librdkafka is not installed", todo)
    from pipeline.sources.kafka.clients.registry import try_options

    address = parse(url, topic=topic)
    brokers = ",".join(address.brokers)
    if not answers(address.brokers):
        todo = "start the broker, or correct the address"
        return Finding("missing", f"no Kafka broker answers at {brokers}", todo)
    from pipeline.sources.kafka.topics import ACTIONS, TOPICS, topics_at

    wanted = {address.topic} if topic else set(TOPICS) - {ACTIONS}
    try:
        try_options(client, without_group(address))
        missing = ", ".join(sorted(wanted - topics_at(address)))
    except ConfigError as error:
        return Finding("missing", str(error), "correct the options of the client")
    if missing:
        todo = "habitus doctor --create-topics"
        return Finding("missing", f"{brokers} answers, but has no topic {missing}", todo)
    return Finding("ok", f"{brokers} answers, its topics are there")


def check_positions(url: str, client: str, positions: Mapping[str, str]) -> Finding:
    """Check that the broker holds the records after stored positions."""
    from pipeline.sources.kafka.retained import outside

    address = parse(url, topic=True)
    if not answers(address.brokers):
        return Finding("ok", "no broker to ask")
    lost = outside(client, address, positions)
    if not lost:
        return Finding("ok", "the broker holds the next records")
    if address.skip_lost:
        return Finding("optional", lost[0], "lost=skip resumes at the first record held")
    return Finding("missing", lost[0], "restore the records, or add lost=skip to the source once")
