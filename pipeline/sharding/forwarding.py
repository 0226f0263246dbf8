"""Write events to the topic that several workers share, each under its agent."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from models.errors import MalformedEvent, MessageTooLarge
from pipeline.processing.stream_types import KEPT_OF_LONG, RawRecord
from pipeline.publishing.rejected import rejected_message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.processing.stream_types import Headers, Message
    from pipeline.sources.kafka.source import KafkaSource

_log = logging.getLogger(__name__)
_AGENT = msgspec.json.Decoder(dict[str, Any])


class Forwarded(NamedTuple):
    """An event to write, with its mark and its number at its origin."""

    value: bytes
    headers: Headers
    number: int
    arrived_us: int


def hand_in(
    source: KafkaSource, events: Sequence[Forwarded], reject: Callable[[Forwarded], None]
) -> None:
    """Write events to the topic, and reject each event that is too large.

    The broker refuses a whole batch of events. The remaining ones are sent in halves until the
    large event is found. Accepted events are not sent again.

    Raises
    ------
    SinkUnavailable
        The broker does not answer.
    """
    try:
        source.submit([(key_of(one.value), one.value, one.headers) for one in events])
    except MessageTooLarge as error:
        if len(events) == 1:
            reject(events[0])
            return
        left = [events[place] for place in error.left]
        middle = (len(left) + 1) // 2
        for half in filter(None, (left[:middle], left[middle:])):
            hand_in(source, half, reject)


def key_of(value: bytes) -> bytes | None:
    """Give the agent of an event as key of its record; None if it cannot be read.

    >>> key_of(b'{"agent":{"id":"billing-7"}}'), key_of(b"[]")
    (b'billing-7', None)
    """
    try:
        return str(_AGENT.decode(value)["agent"]["id"]).encode()
    except (msgspec.MsgspecError, KeyError, TypeError):
        return None


def too_long(event: Forwarded, origin: str) -> Message:
    """Give the message of an event that the topic refuses.

    Parameters
    ----------
    origin
        Position key of the event's record.
    """
    value = event.value
    full_length = len(value) if len(value) > KEPT_OF_LONG else 0
    record = RawRecord(
        value[:KEPT_OF_LONG], origin, event.number, event.arrived_us, key=key_of(value),
        full_length=full_length,
    )  # fmt: skip
    error = MalformedEvent("too_long", f"record is {len(value)} bytes, more than the topic takes")
    _log.warning("inbox_event_rejected", extra={"reason": error.reason, "detail": error.detail})
    return rejected_message(record, error)
