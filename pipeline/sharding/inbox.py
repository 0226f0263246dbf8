"""Forward events received over HTTP to the topic that several workers share.

An agent is judged by the worker of its partition. So the worker of the first partition writes the
inbox of `POST /v1/actions` to the topic, with the agent as key. After a crash it repeats this, and
the repeat is recognised by its id. Events larger than the topic accepts are rejected with that
partition's results.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pipeline.assembling.marks import EVENT, mark_of
from pipeline.sharding.forwarding import Forwarded, hand_in, too_long
from pipeline.store.batch import Commit

if TYPE_CHECKING:
    from pipeline.publishing.publisher import Publisher
    from pipeline.sources.kafka.source import KafkaSource
    from pipeline.store.postgresql import PostgresStore

_CHUNK = 1_000


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
        events = [
            Forwarded(value, mark_of(value, EVENT, store.secret), number, arrived_us)
            for number, value, arrived_us in rows
        ]
        if not publisher.tried(
            partial(hand_in, source, events, partial(_reject, store)), "inbox_waits"
        ):
            return total
        store.commit(Commit(inbox_done=rows[-1][0]))
        total += len(rows)
    return total


def _reject(store: PostgresStore, event: Forwarded) -> None:
    """Reject an event; all earlier events of the inbox are done."""
    store.commit(
        Commit(
            outbox=[too_long(event, "inbox")],
            counters={"rejected_too_long": 1},
            inbox_done=event.number,
        )
    )
