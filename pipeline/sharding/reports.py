"""Assemble payloads of other formats where several workers share the topic.

The parts of one call come over HTTP, or in any partition of the topic. So one worker assembles
them: that of the first partition. It writes each event to the topic under its agent, as it does
with the inbox. Open halves are committed with the payloads that they come from. After a crash it
repeats this, and the repeat is recognised by its id.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from pipeline.assembling.assembler import Assembler
from pipeline.assembling.known_subjects import status_of_name
from pipeline.assembling.marks import ASSEMBLED, mark_of
from pipeline.assembling.native_records import native_records
from pipeline.assembling.state.weights import MAX_BYTES
from pipeline.formats import reported_format
from pipeline.processing.intake import reject
from pipeline.processing.loop import record_of
from pipeline.sharding.forwarding import Forwarded, hand_in, too_long
from pipeline.store.batch import Commit

if TYPE_CHECKING:
    from pipeline.enrichment.inventory import Inventory
    from pipeline.processing.stream_types import RawRecord
    from pipeline.publishing.publisher import Publisher
    from pipeline.sources.kafka.source import KafkaSource
    from pipeline.store.postgresql import PostgresStore

_CHUNK = 1_000


class _Step(NamedTuple):
    """Events to write, and what to commit after that."""

    events: list[Forwarded]
    commit: Commit


class Reports:
    """The assembler of all payloads.

    Parameters
    ----------
    store
        Store of the first partition's shard.
    inventory
        The registered agents.
    assembly_memory
        Most bytes of the sessions whose parts are joined.
    """

    def __init__(
        self, store: PostgresStore, inventory: Inventory, assembly_memory: int = MAX_BYTES
    ) -> None:
        self._store = store
        salt = int.from_bytes(store.secret[:4], "little")
        self._assembler = Assembler(salt, max_bytes=assembly_memory)
        self._assembler.load(store.shared())
        subjects = self._assembler.subjects
        subjects.status_of = partial(status_of_name, inventory, store.states)
        subjects.elsewhere = store.shared_rows  # each worker learns the persons of its own agents
        self._step: _Step | None = None

    def forward(
        self, source: KafkaSource, publisher: Publisher, now_us: int, *, spans: bool = False
    ) -> int:
        """Assemble all payloads, and write their events to the topic; return their number.

        Parameters
        ----------
        now_us
            Wall time, microseconds since 1970, for calls whose other half does not come.
        spans
            Whether calls that wait for spans above them are written too.

        Raises
        ------
        Superseded
            Another worker has the partition.
        """
        total = 0
        while step := self._step or self._next(now_us, spans=spans):
            self._step = step  # a step that could not be written is tried again as it is
            if not self._written(step, source, publisher):
                return total
            self._store.commit(step.commit)
            self._step = None
            total += len(step.events)
        return total

    def _written(self, step: _Step, source: KafkaSource, publisher: Publisher) -> bool:
        if not step.events:
            return True
        refused: list[Forwarded] = []
        write = partial(hand_in, source, step.events, refused.append)
        if not publisher.tried(write, "inbox_waits"):
            return False
        if refused:
            step.commit.outbox += [too_long(one, "reports") for one in refused]
            counters = Counter(step.commit.counters)
            counters["rejected_too_long"] += len(refused)
            step.commit.counters = dict(counters)
        return True

    def _next(self, now_us: int, *, spans: bool) -> _Step | None:
        rows = self._store.reports(_CHUNK)
        if not rows and not (spans or self._assembler.has_due(now_us)):
            return None
        out, count = Commit(), Counter[str]()
        records: list[RawRecord] = []
        name = "native"
        if rows:
            name, group = next(groupby(rows, key=itemgetter(2)))
            rows = list(group)
            records = [record_of(row) for row in rows]
            out.reports_done = rows[-1][0]
        made = native_records(
            records, reported_format(name), self._assembler, partial(reject, out, count),
            spans=spans and not rows,
        )  # fmt: skip
        if not rows and not made:
            return None
        out.shared, out.dropped = self._assembler.dump()
        out.counters = dict(count) | self._assembler.counted()
        secret = self._store.secret
        events = [
            Forwarded(one.value, mark_of(one.value, ASSEMBLED, secret), one.offset, one.arrived_us)
            for one in made
        ]
        return _Step(events, out)
