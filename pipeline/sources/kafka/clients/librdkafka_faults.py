"""Errors of librdkafka as faults of a member."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError, KafkaException

from pipeline.sources.kafka.clients.member import ANSWER_MS, MemberFault, NoAnswer, TransientFault

if TYPE_CHECKING:
    from collections.abc import Iterator

ANSWER_S = ANSWER_MS / 1000
# Listed by name: not every version defines all of them.
_NO_ANSWER = frozenset(
    {
        "_ALL_BROKERS_DOWN",
        "_RESOLVE",
        "_TIMED_OUT",
        "_TRANSPORT",
        "_WAIT_COORD",
        "REQUEST_TIMED_OUT",
    }
)
_TRANSIENT = frozenset(
    {
        "_MAX_POLL_EXCEEDED",
        "_PREV_IN_PROGRESS",
        "_UNKNOWN_PARTITION",
        "_UNKNOWN_TOPIC",
        "COORDINATOR_LOAD_IN_PROGRESS",
        "COORDINATOR_NOT_AVAILABLE",
        "FENCED_LEADER_EPOCH",
        "ILLEGAL_GENERATION",
        "LEADER_NOT_AVAILABLE",
        "NETWORK_EXCEPTION",
        "NOT_COORDINATOR",
        "NOT_LEADER_FOR_PARTITION",
        "OFFSET_NOT_AVAILABLE",
        "REBALANCE_IN_PROGRESS",
        "REPLICA_NOT_AVAILABLE",
        "UNKNOWN_LEADER_EPOCH",
        "UNKNOWN_MEMBER_ID",
        "UNKNOWN_TOPIC_OR_PART",
        "UNSTABLE_OFFSET_COMMIT",
    }
)


def fault_of(error: KafkaError) -> MemberFault:
    """Convert a client error to a fault of the source.

    >>> fault_of(KafkaError(KafkaError.NOT_COORDINATOR))
    TransientFault('NOT_COORDINATOR: Broker: Not coordinator')
    >>> fault_of(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED, "agent.actions"))
    MemberFault('TOPIC_AUTHORIZATION_FAILED: agent.actions')
    """
    name, detail = error.name(), error.str()
    if error.fatal():
        return MemberFault(name, detail)
    if name in _NO_ANSWER:
        return NoAnswer(name, detail)
    return (TransientFault if name in _TRANSIENT else MemberFault)(name, detail)


@contextmanager
def translated_faults() -> Iterator[None]:
    """Raise faults instead of the client's errors."""
    try:
        yield
    except KafkaException as error:
        raise fault_of(error.args[0]) from error
