"""Input of a run: a synthetic fleet with repeats, late events, conflicts and malformed records."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

from lab.simulation.sample import fleet_events
from pipeline.processing.stream_types import Message

if TYPE_CHECKING:
    from collections.abc import Iterator

POISON = (
    b'{"id":"bad-1"',
    b"\xff\xfe\x00",
    b"",
    b"[]",
    b'{"id":"bad-2","time":"2026-10-05T08:00:00Z","agent":{"id":"a"}}',
    b'{"id":"bad-3","time":"yesterday","agent":{"id":"a"},"tool":"t"}',
)
_REPEATED, _POISONED, _LATE, _CONFLICTING = 0.10, 0.01, 0.05, 0.01
_WINDOW = 200  # largest distance of a repeat, and of a late event, in records


def messages(topic: str, seed: int, agents: int, events: int) -> Iterator[Message]:
    """Give the records of a stream, keyed by agent, in the order of sending.

    A tenth of the records are repeats of recent ones. Some events are late, one in a hundred
    records is malformed, and one in a hundred reuses an id with other content.
    """
    chance = random.Random(seed)  # noqa: S311  # synthetic data
    recent: list[tuple[bytes, bytes]] = []
    late: list[tuple[int, bytes, bytes]] = []
    number = 0
    for place, line in enumerate(fleet_events(seed, agents, limit=events)):
        key = str(json.loads(line)["agent"]["id"]).encode()
        if chance.random() < _LATE:
            late.append((place + chance.randrange(1, _WINDOW), key, line))
            continue
        due = [one for one in late if one[0] <= place]
        late = [one for one in late if one[0] > place]
        out = [(key, line), *((key, line) for _, key, line in due)]
        if chance.random() < _POISONED:
            out.append((f"poison-{number}".encode(), chance.choice(POISON)))
        if recent and chance.random() < _REPEATED:
            out.append(chance.choice(recent))
        if recent and chance.random() < _CONFLICTING:
            key, line = chance.choice(recent)
            out.append((key, line.replace(b'"tool":"', b'"tool":"other.')))
        for key, line in out:
            number += 1
            yield Message(topic, key, str(number), line)
        recent = (recent + out)[-_WINDOW:]
    for _, key, line in late:
        number += 1
        yield Message(topic, key, str(number), line)
