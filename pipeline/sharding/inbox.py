"""Events that came in over HTTP, where several workers share a stream: they take the stream's way.

An agent is judged where its partition is. So what `POST /v1/actions` put into the inbox is written
to the topic, under its agent as key, by whichever worker has the first partition. One that dies in
between does it again: the repeat is recognised by its id.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.store.batch import Commit

if TYPE_CHECKING:
    from pipeline.adapters.kafka import KafkaSource
    from pipeline.publisher import Publisher
    from pipeline.store.postgresql import PostgresStore

_CHUNK = 1_000
_AGENT = msgspec.json.Decoder(dict[str, Any])


def forward(store: PostgresStore, source: KafkaSource, publisher: Publisher) -> int:
    """Write everything in the inbox to the topic; give how many events."""
    total = 0
    while rows := store.inbox_batch(0, _CHUNK):
        records = [(_key(value), value) for _, value, _ in rows]
        if not publisher.tried(partial(source.hand_in, records), "inbox_waits"):
            return total
        store.commit(Commit(inbox_done=rows[-1][0]))
        total += len(rows)
    return total


def _key(value: bytes) -> bytes | None:
    """Give the agent of an event as the key of its record; none where it cannot be read.

    >>> _key(b'{"agent":{"id":"billing-7"}}'), _key(b"[]")
    (b'billing-7', None)
    """
    try:
        return str(_AGENT.decode(value)["agent"]["id"]).encode()
    except (msgspec.MsgspecError, KeyError, TypeError):
        return None
