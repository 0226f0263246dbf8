"""What the sink wants of a Kafka client: to send messages, and to say when all are confirmed.

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
# As each client calls them: a message, or a batch of several, beyond what the topic takes.
_TOO_LARGE = frozenset(
    {
        "MSG_SIZE_TOO_LARGE",
        "MessageSizeTooLargeError",
        "RECORD_LIST_TOO_LARGE",
        "RecordListTooLargeError",
    }
)


class ProducerFault(Exception):
    """The client cannot go on; what it sent last may be there or not.

    Parameters
    ----------
    name
        The client's own word for it; with the detail, what is `said`.
    topic
        Of the message it happened to, empty where it was none of them.
    detail
        What it says beside.

    Attributes
    ----------
    left
        Places of the messages that were not confirmed, in order; empty where nobody can say.

    Examples
    --------
    >>> print(ProducerFault("MSG_SIZE_TOO_LARGE", "agent.trust"))
    MSG_SIZE_TOO_LARGE, topic agent.trust
    """

    def __init__(self, name: str, topic: str = "", detail: str = "") -> None:
        said = f"{name}: {detail}" if detail else name
        super().__init__(f"{said}, topic {topic}" if topic else said)
        self.said = said
        self.topic = topic
        self.too_large = name in _TOO_LARGE
        self.left: tuple[int, ...] = ()


class Producer(Protocol):
    """An idempotent producer that every in-sync replica has to confirm.

    All methods but the last two may raise `ProducerFault`; after one the producer is let go. Those
    about transactions are for a producer that was given an owner.
    """

    def send(self, messages: Sequence[Message]) -> None:
        """Send in the order given, and return once all are confirmed.

        Where it raises as well, none is on its way any more: it could overtake its repetition.
        """

    def take_over(self) -> None:
        """Take the owner's id; whoever had it before is refused from now on."""

    def begin(self) -> None:
        """Begin a transaction."""

    def commit(self) -> None:
        """Let readers see what was sent since it began."""

    def drop(self) -> None:
        """Let go of it after a fault, without waiting."""

    def close(self) -> None:
        """Let go of it; everything sent is confirmed."""


def key_sent(message: Message) -> bytes | None:
    """Give the key a message goes out with: without one it may go to any partition.

    Clients take no message with neither key nor value, so a tombstone always has a key.

    >>> from pipeline.processing.stream_types import Message
    >>> key_sent(Message("agent.trust", b"", "1", b"{}")), key_sent(Message("t", b"", "2", None))
    (None, b'')
    """
    return message.key or (None if message.value is not None else b"")
