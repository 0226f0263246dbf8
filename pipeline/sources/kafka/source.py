"""Kafka as a source: a consumer group member that starts at the store's position.

The client may report a rebalance on its own thread, which only halts partitions. Everything else
(the store's position, the broker's bounds) runs on the caller's thread in `batches`.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING

from msgspec.structs import replace

from models.errors import ConfigError, SourceUnavailable
from pipeline.processing.stream_types import MAX_VALUE, RECORDS, Batch, Joined, Message, RawRecord
from pipeline.publishing.kafka.sink import KafkaSink
from pipeline.sources.kafka.address import parse, without_group
from pipeline.sources.kafka.clients.member import MemberFault, OutOfRange, TransientFault, key_of
from pipeline.sources.kafka.connecting import answering, bounds, connect
from pipeline.sources.kafka.levels import Levels
from pipeline.sources.kafka.position import Position
from pipeline.sources.kafka.retained import lost
from pipeline.sources.kafka.topic_identity import TopicIdentity
from pipeline.sources.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pipeline.processing.stream_types import Headers
    from pipeline.sources.kafka.clients.member import Change

IDLE_MS = 200

_log = logging.getLogger(__name__)
# Error names of both clients for wrong client options, where a retry is useless.
_WRONG_OPTIONS = frozenset({"INVALID_SESSION_TIMEOUT", "InvalidSessionTimeoutError"})


class KafkaSource:
    """Read one topic as a member of a group.

    The store's position decides where a partition starts. The group's committed offset is only a
    hint for people and lag monitors. A partition without a stored position starts at its beginning.

    Parameters
    ----------
    url
        ``kafka://HOST:PORT/TOPIC?group=NAME``. ``lost=skip`` continues at the first record still
        held if the stored position is gone. ``config=FILE`` names client options.
    batch_size
        Largest number of records in a batch; a batch is at most about 32 MiB in any case.
    clock_us
        Gives the arrival time of records, and the duration of a batch.
    drain
        End after all records present at the start are committed, by any worker.
    batch_ms
        Target time of a batch in milliseconds; slower batches get fewer records. 0: no bound.
    longest
        Largest record in bytes; a longer one is cut.
    client
        Name of a client, one of `pipeline.sources.kafka.clients.registry.CLIENTS`.

    Attributes
    ----------
    on_assigned
        Called with the position keys of assigned partitions; returns their current positions in the
        store. The default uses the positions of `resume` and `commit`, which is enough only if no
        other worker commits.
    on_revoked
        Called with the position keys of revoked partitions.
    positions
        Returns the store's positions by position key; by default as for `on_assigned`.

    Raises
    ------
    ConfigError
        No broker answers, or the topic does not exist.
    """

    unit = RECORDS
    ends = False

    def __init__(
        self,
        url: str,
        *,
        batch_size: int,
        clock_us: Callable[[], int],
        drain: bool = False,
        batch_ms: int = 0,
        client: str = "kafka-python",
        longest: int = MAX_VALUE,
    ) -> None:
        self._address = replace(parse(url, topic=True), longest=longest)
        self._clock_us = clock_us
        self._drain = drain
        self._client = client
        self._stored: dict[str, str] = {}
        self._taken = 0
        self._pace = Pace(batch_size, batch_ms * 1_000)
        self._held = False
        self._back: KafkaSink | None = None
        self._changes: deque[tuple[Change, list[int]]] = deque()
        self.on_assigned: Callable[[list[str]], Mapping[str, str]] = self._resumed
        self.on_revoked: Callable[[list[str]], None] = self._nothing
        self.positions: Callable[[], Mapping[str, str]] = lambda: self._stored
        self._member = connect(self._address, client, batch_size, clock_us)
        self._levels = Levels(self._member, clock_us)
        try:
            with answering(self._address.topic):
                self._first, self._end = bounds(self._member, self._address)
                self._identity = TopicIdentity(self._address, clock_us)
                self._member.join(self._note)
        except BaseException:
            self.close()
            raise

    def _key(self, partition: int) -> str:
        return key_of(self._address.topic, partition)

    def resume(self, positions: Mapping[str, str]) -> None:
        """Note the start positions of partitions for their assignment."""
        self._stored = dict(positions)

    def batches(self) -> Iterator[Batch]:
        """Give the records of each poll; an empty batch if there are none.

        Raises
        ------
        ConfigError
            The broker no longer holds a stored position.
        SourceUnavailable
            The broker refuses, for example for missing authorisation, or does not answer.
        """
        while True:
            if self._identity.changed():
                self.again([self._key(partition) for partition in self._member.assignment()])
            polled = self._poll()
            with answering(self._address.topic):
                self._settle()
            batch = self._batch(polled)
            begun = self._clock_us()
            yield batch
            self._pace.took(len(batch.records), self._clock_us() - begun)
            self._levels.refresh(self._member.assignment())
            if self._drain and not batch.records and self._drained():
                return

    def _poll(self) -> dict[int, Sequence[RawRecord]]:
        try:
            return self._member.poll(self._pace.records, IDLE_MS)
        except OutOfRange as error:
            with answering(self._address.topic):
                for partition, offset in error.offsets.items():
                    self._start(partition, Position(offset))
        except TransientFault as error:
            _log.warning("kafka_waits", extra={"error": error.name})
        except MemberFault as error:
            kind = ConfigError if error.name in _WRONG_OPTIONS else SourceUnavailable
            raise kind(f"cannot read topic {self._address.topic!r}: {error}") from error
        return {}

    def _batch(self, polled: Mapping[int, Sequence[RawRecord]]) -> Batch:
        positions: dict[str, str] = {}
        for partition, received in polled.items():
            key, last = self._key(partition), received[-1]
            positions[key] = str(Position(last.offset + 1, self._identity.id))
            self._levels.took(partition, last.offset + 1, last.sent_us)
        parts = list(polled.values())
        records = parts[0] if len(parts) == 1 else Joined(parts)
        self._taken += len(records)
        return Batch(records, positions)

    def _note(self, change: Change, partitions: list[int]) -> None:
        """Note a rebalance; may be called on a thread of the client."""
        self._changes.append((change, partitions))

    def _settle(self) -> None:
        """Handle noted rebalances on the caller's thread."""
        while self._changes:
            change, partitions = self._changes.popleft()
            if change == "assigned":  # unless they were revoked again since
                partitions = sorted(self._member.assignment() & set(partitions))
            keys = [self._key(partition) for partition in partitions]
            _log.info("partitions_%s", change, extra={"partitions": keys})
            for partition in partitions:  # another worker may have handed out later records
                self._levels.end(partition)
            if change == "revoked":
                self.on_revoked(keys)
                continue
            self._identity.read()
            stored = self.on_assigned(keys)
            for partition in self._member.assignment() & set(partitions):
                position = stored.get(self._key(partition))
                self._start(partition, None if position is None else Position.of(position))
                if not self._held:
                    self._member.resume([partition])

    def _start(self, partition: int, position: Position | None) -> None:
        """Seek to a position, or the beginning; raise or warn if the broker lost it."""
        first = self._member.first([partition])[partition]
        end = self._member.end([partition])[partition]
        topic = self._address.topic, self._identity.id
        if position is not None and (text := lost(topic, partition, position, (first, end))):
            if not self._address.skip_lost:
                raise ConfigError(
                    f"{text}; records are lost to this store: restore them, or add lost=skip to "
                    f"the source once to continue at {first}"
                )
            _log.warning("records_lost", extra={"detail": text})
            position = None
        offset = first if position is None else position.offset
        self._levels.begin(partition, offset, end)
        self._member.seek(partition, offset)

    def _drained(self) -> bool:
        """Return whether all is done; for other workers' partitions the store decides."""
        mine = self._member.assignment() - self._member.paused()
        stored = self.positions()
        with answering(self._address.topic):
            return all(
                (self._member.position(at) if at in mine else self._offset(stored, at)) >= end
                for at, end in self._end.items()
                if end > self._first[at]
            )

    def _offset(self, stored: Mapping[str, str], partition: int) -> int:
        """Give the store's offset in a partition of this topic."""
        return Position.of(stored.get(self._key(partition))).offset_in(self._identity.id)

    def commit(self, positions: Mapping[str, str]) -> None:
        """Commit the store's positions to the group; a failure is only logged."""
        self._stored.update(positions)
        mine = {self._key(partition): partition for partition in self._member.assignment()}
        offsets = {
            mine[key]: Position.of(at).offset for key, at in positions.items() if key in mine
        }
        if offsets:
            self._member.commit(offsets)

    def lag_us(self, key: str) -> int:
        """Give the lag of a partition; 0 if it is read to its end or belongs to another worker."""
        return self.lags_us().get(key, 0)

    def lags_us(self) -> dict[str, int]:
        """Give the lag of each partition of this worker."""
        mine = self._member.assignment()
        return {self._key(partition): self._levels.lag_us(partition) for partition in mine}

    def again(self, keys: Iterable[str]) -> None:
        """Treat partitions of this worker as newly assigned; ignore others."""
        wanted = set(keys)
        mine = sorted(one for one in self._member.assignment() if self._key(one) in wanted)
        if mine:
            self._member.halt(mine)
            self._note("assigned", mine)
            # At once: kafka-python 3.0.12 never gives records again of a partition that is polled
            # while halted with prefetched records.
            with answering(self._address.topic):
                self._settle()

    def hold(self, *, held: bool) -> None:
        """Stop or continue handing out records; the worker stays a member of the group."""
        if held == self._held:
            return
        self._held = held
        _log.info("source_held" if held else "source_goes_on")
        (self._member.pause if held else self._member.resume)(self._member.assignment())

    def submit(self, records: Sequence[tuple[bytes | None, bytes, Headers]]) -> None:
        """Write records (key, value, headers) to the topic itself, as `KafkaSink.publish` does."""
        if self._back is None:
            self._back = KafkaSink(without_group(self._address), self._client)
        topic = self._address.topic
        self._back.publish(
            [Message(topic, key or b"", "", value, headers) for key, value, headers in records]
        )

    def size_hint(self) -> int | None:
        """Count the records at the start that no earlier run has read."""
        stored = self.positions()
        return sum(
            end - min(end, max(self._first[partition], self._offset(stored, partition)))
            for partition, end in self._end.items()
        )

    def progress(self) -> int:
        """Count the records handed out."""
        return self._taken

    def close(self) -> None:
        """Leave the group."""
        if self._back is not None:
            self._back.close()
        self._member.close()

    def _resumed(self, keys: list[str]) -> Mapping[str, str]:
        return {key: self._stored[key] for key in keys if key in self._stored}

    def _nothing(self, keys: list[str]) -> None:
        pass
