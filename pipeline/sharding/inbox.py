"""Forward events received over HTTP to the topic that several workers share.

An agent is judged by the worker of its partition. So the worker of the first partition writes the
inbox of `POST /v1/actions` to the topic, with the agent as key. After a crash it repeats this, and
the repeat is recognised by its id. Events larger than the topic accepts are rejected with that
partition's results.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from models.errors import MalformedEvent, MessageTooLarge
from pipeline.processing.stream_types import KEPT_OF_LONG, RawRecord
from pipeline.publishing.rejected import rejected_message
from pipeline.store.batch import Commit

if TYPE_CHECKING:
    from pipeline.publishing.publisher import Publisher
    from pipeline.sources.kafka.source import KafkaSource
    from pipeline.store.postgresql import PostgresStore

_log = logging.getLogger(__name__)
_Row = tuple[int, bytes, int]
_CHUNK = 1_000
_AGENT = msgspec.json.Decoder(dict[str, Any])


def forward(store: PostgresStore, source: KafkaSource, publisher: Publisher) -> int:
    """Write all events of the inbox to the topic; return the number of events done.

    Parameters
    ----------
    store
        Store of the first partition's shard, which also reports rejected events.

    Raises
    ------
    Superseded
        Another worker has the partition.
    """
    total = 0
    while rows := store.inbox_batch(0, _CHUNK):
        if not publisher.tried(partial(_hand_in, store, source, rows), "inbox_waits"):
            return total
        store.commit(Commit(inbox_done=rows[-1][0]))
        total += len(rows)
    return total


def _hand_in(store: PostgresStore, source: KafkaSource, rows: list[_Row]) -> None:
    """Write events to the topic, and reject each event that is too large.

    The broker refuses a whole batch of events. The remaining ones are sent in halves until the
    large event is found. Accepted events are not sent again.
    """
    try:
        source.submit([(_key(value), value) for _, value, _ in rows])
    except MessageTooLarge as error:
        if len(rows) == 1:
            _reject(store, rows[0])
            return
        left = [rows[place] for place in error.left]
        middle = (len(left) + 1) // 2
        for half in filter(None, (left[:middle], left[middle:])):
            _hand_in(store, source, half)


def _reject(store: PostgresStore, row: _Row) -> None:
    """Reject an event; all earlier events of the inbox are done."""
    number, value, arrived_us = row
    full_length = len(value) if len(value) > KEPT_OF_LONG else 0
    record = RawRecord(
        value[:KEPT_OF_LONG], "inbox", number, arrived_us, key=_key(value), full_length=full_length
    )
    error = MalformedEvent("too_long", f"record is {len(value)} bytes, more than the topic takes")
    _log.warning("inbox_event_rejected", extra={"reason": error.reason, "detail": error.detail})
    store.commit(
        Commit(
            outbox=[rejected_message(record, error)],
            counters={"rejected_too_long": 1},
            inbox_done=number,
        )
    )


def _key(value: bytes) -> bytes | None:
    """Give the agent of an event as key of its record; None if it cannot be read.

    >>> _key(b'{"agent":{"id":"billing-7"}}'), _key(b"[]")
    (b'billing-7', None)
    """
    try:
        return str(_AGENT.decode(value)["agent"]["id"]).encode()
    except (msgspec.MsgspecError, KeyError, TypeError):
        return None
