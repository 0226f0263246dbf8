"""Interface of a Kafka client for the sink: send messages, and wait for their confirmation.

A client is chosen by name, as for reading (`pipeline.sources.kafka.clients.member`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.processing.stream_types import Message

DELIVERY_S = 20
BATCH_SENT_BYTES = 256 << 10
ID_HEADER = "id"
# Error names of both clients for a message, or a batch, larger than the topic accepts.
_TOO_LARGE = frozenset(
    {
        "MSG_SIZE_TOO_LARGE",
        "MessageSizeTooLargeError",
        "RECORD_LIST_TOO_LARGE",
        "RecordListTooLargeError",
    }
)


class ProducerFault(Exception):
    """The client cannot continue; its last messages may or may not have arrived.

    Parameters
    ----------
    name
        Error name of the client; with the detail, it makes `message`.
    topic
        Topic of the message that failed; empty if the fault concerns no message.
    detail
        Further message of the client.

    Attributes
    ----------
    left
        Indices of the messages that were not confirmed, in order; empty if unknown.

    Examples
    --------
    >>> print(ProducerFault("MSG_SIZE_TOO_LARGE", "agent.trust"))
    MSG_SIZE_TOO_LARGE, topic agent.trust
    """

    def __init__(self, name: str, topic: str = "", detail: str = "") -> None:
        message = f"{name}: {detail}" if detail else name
        super().__init__(f"{message}, topic {topic}" if topic else message)
        self.message = message
        self.topic = topic
        self.too_large = name in _TOO_LARGE
        self.left: tuple[int, ...] = ()


class Producer(Protocol):
    """An idempotent producer that waits for all in-sync replicas.

    All methods except the last two may raise `ProducerFault`; the caller then drops the producer.
    Transactions need a producer with an owner.
    """

    def send(self, messages: Sequence[Message]) -> None:
        """Send in the given order, and return after all are confirmed.

        When it raises, no message is in flight any more, so none can overtake its repetition.
        """

    def take_over(self) -> None:
        """Register the transactional id of the owner; its previous holder is refused."""

    def begin(self) -> None:
        """Begin a transaction."""

    def commit(self) -> None:
        """Commit the transaction: readers see its messages."""

    def drop(self) -> None:
        """Close the producer after a fault, without waiting."""

    def close(self) -> None:
        """Close the producer; all messages sent are confirmed."""


def key_sent(message: Message) -> bytes | None:
    """Give the key to send with a message; a message without key may go to any partition.

    Clients refuse a message without key and value, so a tombstone always has a key.

    >>> from pipeline.processing.stream_types import Message
    >>> key_sent(Message("agent.trust", b"", "1", b"{}")), key_sent(Message("t", b"", "2", None))
    (None, b'')
    """
    return message.key or (None if message.value is not None else b"")
