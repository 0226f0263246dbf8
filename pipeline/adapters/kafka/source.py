"""Kafka as a source: a member of a consumer group that starts where the store stands.

The client calls its rebalance listener on its own thread. There partitions are only halted; all
else (the store's position, the broker's bounds) is done on the caller's thread in `batches`.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Any

from models.errors import ConfigError, SourceUnavailable
from pipeline.adapters.kafka.address import answers, parse
from pipeline.adapters.kafka.client import (
    ConsumerRebalanceListener,
    CooperativeStickyAssignor,
    KafkaConsumer,
    KafkaError,
    KafkaTimeoutError,
    OffsetAndMetadata,
    OffsetOutOfRangeError,
    RetriableError,
    TopicPartition,
)
from pipeline.adapters.kafka.sink import KafkaSink
from pipeline.adapters.pace import Pace
from pipeline.record import KEPT_OF_LONG, MAX_VALUE, Batch, Message, RawRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

IDLE_MS = 200
_FETCH_BYTES = 8 << 20
_ANSWER_MS = 10_000
# Sent from the client's own thread, however long a batch takes; the defaults leave the partitions
# of a killed worker unread for 45 s.
_MEMBER = {"session_timeout_ms": 15_000, "heartbeat_interval_ms": 1_000}

_log = logging.getLogger(__name__)


class KafkaSource:
    """Read one topic as a member of a group.

    The store's position decides where a partition starts; the group's committed offset is only a
    hint for people and lag monitors. A partition the store knows nothing of starts at its
    beginning.

    Parameters
    ----------
    url
        ``kafka://HOST:PORT/TOPIC?group=NAME``; ``lost=skip`` goes on at the first record still
        held when the stored position no longer is, ``config=FILE`` names client options.
    batch_size
        Records in a batch at most; about 8 MiB at most all the same.
    clock_us
        Says when records arrived, and how long a batch took.
    drain
        End once everything in the topic at the start is committed, by whichever worker.
    batch_ms
        How long a batch should take at most: larger ones are made smaller. 0 for no bound.

    Attributes
    ----------
    on_assigned
        Called with the position keys of partitions that came to this worker; gives the positions
        the store has for them now. By default those given to `resume` and `commit`, which is
        enough only where no other worker commits.
    on_revoked
        Called with the position keys of partitions that left this worker.

    Raises
    ------
    ConfigError
        No broker answers there, or the topic does not exist.
    """

    def __init__(
        self,
        url: str,
        *,
        batch_size: int,
        clock_us: Callable[[], int],
        drain: bool = False,
        batch_ms: int = 0,
    ) -> None:
        self._address = parse(url, topic=True)
        self._batch_size = batch_size
        self._clock_us = clock_us
        self._drain = drain
        self._stored: dict[str, str] = {}
        self._taken = 0
        self._pace = Pace(batch_size, batch_ms * 1_000)
        self._newest: dict[str, tuple[TopicPartition, int, int]] = {}
        self._held = False
        self._back: KafkaSink | None = None
        self._changes: deque[tuple[str, list[TopicPartition]]] = deque()
        self.on_assigned: Callable[[list[str]], Mapping[str, str]] = self._resumed
        self.on_revoked: Callable[[list[str]], None] = self._nothing
        self._consumer = self._connect()
        try:
            self._first, self._end = self._bounds()
            self._consumer.subscribe([self._address.topic], listener=_Listener(self))
        except BaseException:
            self.close()
            raise

    def _connect(self) -> Any:
        where = ",".join(self._address.brokers)
        if not answers(self._address.brokers):
            raise ConfigError(f"no Kafka broker answers at {where}")
        try:
            return KafkaConsumer(
                bootstrap_servers=self._address.brokers,
                group_id=self._address.group,
                enable_auto_commit=False,
                auto_offset_reset="none",
                isolation_level="read_committed",
                partition_assignment_strategy=[CooperativeStickyAssignor()],
                max_poll_records=self._batch_size,
                fetch_max_bytes=_FETCH_BYTES,
                max_partition_fetch_bytes=_FETCH_BYTES,  # by default an eighth: a third of a batch
                allow_auto_create_topics=False,
                bootstrap_timeout_ms=_ANSWER_MS,
                **{**_MEMBER, **self._address.client},
            )
        except (KafkaError, OSError, ValueError) as error:
            raise ConfigError(
                f"cannot connect to Kafka at {where}: {type(error).__name__}"
            ) from error

    def _bounds(self) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
        """First offsets and ends of all partitions of the topic."""
        topic = self._address.topic
        numbers = self._consumer.partitions_for_topic(topic)
        if not numbers:
            raise ConfigError(
                f"topic {topic!r} does not exist at {','.join(self._address.brokers)}; "
                "create it, e.g. with habitus doctor --create-topics"
            )
        partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
        first = self._consumer.beginning_offsets(partitions, timeout_ms=_ANSWER_MS)
        return first, self._consumer.end_offsets(partitions, timeout_ms=_ANSWER_MS)

    def resume(self, positions: Mapping[str, str]) -> None:
        """Note the positions that partitions start from when they are assigned."""
        self._stored = dict(positions)

    def batches(self) -> Iterator[Batch]:
        """Give what a poll brings, empty batches while nothing comes.

        Raises
        ------
        ConfigError
            A stored position is outside what the broker still holds.
        SourceUnavailable
            The broker refuses (authorisation, for example), or does not answer.
        """
        while True:
            polled = self._poll()
            self._settle()
            batch = self._batch(polled)
            begun = self._clock_us()
            yield batch
            self._pace.took(len(batch.records), self._clock_us() - begun)
            if self._drain and not batch.records and self._drained():
                return

    def _poll(self) -> dict[TopicPartition, list[Any]]:
        try:
            polled: dict[TopicPartition, list[Any]] = self._consumer.poll(
                timeout_ms=IDLE_MS, max_records=self._pace.records
            )
        except OffsetOutOfRangeError as error:
            for partition, offset in error.args[0].items():
                self._start(partition, offset)
            return {}
        except RetriableError as error:
            _log.warning("kafka_waits", extra={"error": type(error).__name__})
            return {}
        except KafkaError as error:
            raise SourceUnavailable(
                f"cannot read topic {self._address.topic!r}: {type(error).__name__}: {error}"
            ) from error
        return polled

    def _batch(self, polled: Mapping[TopicPartition, list[Any]]) -> Batch:
        now = self._clock_us()
        records: list[RawRecord] = []
        positions: dict[str, str] = {}
        for partition, received in polled.items():
            key = _key(partition)
            records += [record_of(key, one, now) for one in received]
            positions[key] = str(received[-1].offset + 1)
            self._newest[key] = (partition, received[-1].offset + 1, received[-1].timestamp)
        self._taken += len(records)
        return Batch(records, positions)

    def note(self, change: str, partitions: Iterable[TopicPartition]) -> None:
        """Take note of a rebalance; called on the client's thread."""
        moved = sorted(partitions)
        if change == "assigned":
            # Nothing may be fetched before the store's position is known: the client would
            # start at the group's.
            self._consumer.pause(*moved)
            for partition in moved:
                self._consumer.seek(partition, 0)
        self._changes.append((change, moved))

    def _settle(self) -> None:
        """Act on rebalances, on the caller's thread."""
        try:
            self._act()
        except KafkaError as error:
            raise SourceUnavailable(
                f"topic {self._address.topic!r} does not answer: {type(error).__name__}"
            ) from error

    def _act(self) -> None:
        while self._changes:
            change, partitions = self._changes.popleft()
            if change == "assigned":  # unless they are gone again by now
                partitions = sorted(self._consumer.assignment() & set(partitions))
            keys = [_key(partition) for partition in partitions]
            _log.info("partitions_%s", change, extra={"partitions": keys})
            if change == "revoked":
                self.on_revoked(keys)
                continue
            stored = self.on_assigned(keys)
            for partition in self._consumer.assignment() & set(partitions):
                position = stored.get(_key(partition))
                self._start(partition, None if position is None else int(position))
                if not self._held:
                    self._consumer.resume(partition)

    def _start(self, partition: TopicPartition, offset: int | None) -> None:
        """Seek to an offset, or to the beginning; say so if the broker no longer holds it."""
        first = self._consumer.beginning_offsets([partition], timeout_ms=_ANSWER_MS)[partition]
        end = self._consumer.end_offsets([partition], timeout_ms=_ANSWER_MS)[partition]
        if offset is not None and not first <= offset <= end:
            lost = (
                f"position {offset} of {partition.topic}[{partition.partition}] is outside what "
                f"the broker holds, {first} to {end}"
            )
            if not self._address.skip_lost:
                raise ConfigError(
                    f"{lost}; records are lost to this store: restore them, or add lost=skip to "
                    f"the source once to go on at {first}"
                )
            _log.warning("records_lost", extra={"detail": lost})
            offset = first
        self._consumer.seek(partition, first if offset is None else offset)

    def _drained(self) -> bool:
        mine = self._consumer.assignment() - self._consumer.paused()
        return all(
            (self._consumer.position(partition) if partition in mine else self._hinted(partition))
            >= end
            for partition, end in self._end.items()
            if end > self._first[partition]
        )

    def _hinted(self, partition: TopicPartition) -> int:
        try:
            return self._consumer.committed(partition, timeout_ms=_ANSWER_MS) or 0
        except KafkaTimeoutError:
            # The group waits for a member that died; until then nobody can say.
            return 0

    def commit(self, positions: Mapping[str, str]) -> None:
        """Tell the group how far the store is; a failure is logged, the store is what counts."""
        self._stored.update(positions)
        mine = {_key(partition): partition for partition in self._consumer.assignment()}
        offsets = {
            mine[key]: OffsetAndMetadata(int(position), "", -1)
            for key, position in positions.items()
            if key in mine
        }
        if offsets:
            self._consumer.commit_async(offsets, callback=_told)

    def lag_us(self, key: str) -> int:
        """Give the age of the newest record handed out of a partition, 0 when it was the last."""
        partition, position, stamp_ms = self._newest.get(key, (None, 0, 0))
        if partition is None or partition not in self._consumer.assignment():
            return 0
        if position >= (self._consumer.highwater(partition) or 0):
            return 0
        return max(0, self._clock_us() - stamp_ms * 1_000)

    def again(self, keys: Iterable[str]) -> None:
        """Treat partitions as if they were assigned just now; those of others are left alone."""
        wanted = set(keys)
        mine = [one for one in self._consumer.assignment() if _key(one) in wanted]
        if mine:
            self.note("assigned", mine)

    def hold(self, *, held: bool) -> None:
        """Stop handing records out, or go on; the place in the group is kept."""
        if held == self._held:
            return
        self._held = held
        _log.info("source_held" if held else "source_goes_on")
        for partition in self._consumer.assignment():
            (self._consumer.pause if held else self._consumer.resume)(partition)

    def hand_in(self, records: Sequence[tuple[bytes | None, bytes]]) -> None:
        """Write records (key, value) to the topic itself; `SinkUnavailable` where it cannot."""
        if self._back is None:
            self._back = KafkaSink.at(self._address)
        topic = self._address.topic
        self._back.publish([Message(topic, key or b"", "", value) for key, value in records])

    def size_hint(self) -> int | None:
        """Count the records in the topic at the start."""
        return sum(end - self._first[partition] for partition, end in self._end.items())

    def progress(self) -> int:
        """Count the records handed out."""
        return self._taken

    def close(self) -> None:
        """Leave the group."""
        if self._back is not None:
            self._back.close()
        self._consumer.close(autocommit=False, timeout_ms=_ANSWER_MS)

    def _resumed(self, keys: list[str]) -> Mapping[str, str]:
        return {key: self._stored[key] for key in keys if key in self._stored}

    def _nothing(self, keys: list[str]) -> None:
        pass


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # the client has no types
    def __init__(self, source: KafkaSource) -> None:
        self._source = source

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._source.note("assigned", assigned)

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._source.note("revoked", revoked)


def _key(partition: TopicPartition) -> str:
    return f"kafka:{partition.topic}:{partition.partition}"


def record_of(key: str, received: Any, now: int) -> RawRecord:
    """Give a record as the rest of the pipeline knows it."""
    value = received.value or b""
    full_length = 0
    if len(value) > MAX_VALUE:
        value, full_length = value[:KEPT_OF_LONG], len(value)
    headers = received.headers and tuple([(name, said or b"") for name, said in received.headers])
    sent = max(0, received.timestamp or 0) * 1000
    return RawRecord(
        value, key, received.offset, now, headers or (), received.key, full_length, sent
    )


def _told(offsets: object, outcome: object) -> None:  # noqa: ARG001  # the client's shape
    if isinstance(outcome, Exception):
        _log.info("group_not_told", extra={"error": type(outcome).__name__})
