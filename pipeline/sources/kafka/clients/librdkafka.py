"""A group member with librdkafka, which reads a record at a fifth of kafka-python's cost.

It fetches on its own threads. Callbacks run on our thread only, in `poll` and `close`.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from pipeline.sources.kafka.clients.closing import closed_within
from pipeline.sources.kafka.clients.librdkafka_faults import ANSWER_S, fault_of, translated_faults
from pipeline.sources.kafka.clients.librdkafka_options import options_of
from pipeline.sources.kafka.clients.member import (
    ANSWER_MS,
    CLOSE_MS,
    MemberFault,
    NoAnswer,
    OutOfRange,
    TransientFault,
    key_of,
)
from pipeline.sources.kafka.records import records_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from confluent_kafka import Message

    from pipeline.processing.stream_types import RawRecord
    from pipeline.sources.kafka.address import Address
    from pipeline.sources.kafka.clients.member import Moved
    from pipeline.sources.kafka.records import Metadata

_AT_END = "_PARTITION_EOF"
_OF_A_PARTITION = (_AT_END, "_AUTO_OFFSET_RESET")

_log = logging.getLogger(__name__)


class LibrdkafkaMember:
    """A `Member` with librdkafka.

    Prefetching is bounded to `maximum` records or 32 MiB, plus one fetch.

    Parameters
    ----------
    address, maximum, clock_us
        As of `KafkaPythonMember`.

    Raises
    ------
    ConfigError
        An option has no counterpart in librdkafka.
    """

    def __init__(self, address: Address, maximum: int, clock_us: Callable[[], int]) -> None:
        self._topic = address.topic
        self._longest = address.longest
        self._clock_us = clock_us
        self._assigned_partitions: set[int] = set()
        self._paused: set[int] = set()
        self._position: dict[int, int] = {}
        self._moved: Moved | None = None
        self._fault: MemberFault | None = None
        self._beyond: dict[int, int] = {}
        options = {
            **options_of(address, maximum),
            "error_cb": self._on_error,
            "on_commit": _log_commit,
        }
        with translated_faults():
            self._consumer = Consumer(options, logger=logging.getLogger("librdkafka"))
        self._partitions = self._connect()

    def _connect(self) -> list[int]:
        """Request the topic's metadata, which makes the first connection."""
        try:
            found = self._consumer.list_topics(self._topic, timeout=ANSWER_S).topics[self._topic]
        except KafkaException as error:
            self._consumer.poll(0)  # its error callback gives the reason
            fault = self._fault or fault_of(error.args[0])
            self.close()
            raise fault from error
        if found.error is None or found.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return sorted(found.partitions)
        self.close()
        raise fault_of(found.error)

    def partitions(self) -> list[int]:
        """Give the partitions of the topic."""
        return self._partitions

    def join(self, moved: Moved) -> None:
        """Join the group at the first `poll`, which also calls `moved`.

        From then on the client stays in the group on its own threads, even without polls.
        """
        self._moved = moved

    def _subscribe(self, moved: Moved) -> None:
        with translated_faults():
            self._consumer.subscribe(
                [self._topic],
                on_assign=partial(self._assigned, moved),
                on_revoke=partial(self._revoked, moved),
                on_lost=partial(self._revoked, moved),
            )
        self._moved = None

    def _assigned(self, moved: Moved, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for partition in partitions:
            partition.offset = 0  # a placeholder: the source seeks before it resumes
        consumer.incremental_assign(partitions)
        numbers = sorted(partition.partition for partition in partitions)
        self._assigned_partitions.update(numbers)
        self.halt(numbers)
        moved("assigned", numbers)

    def _revoked(self, moved: Moved, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.incremental_unassign(partitions)
        numbers = sorted(partition.partition for partition in partitions)
        self._assigned_partitions.difference_update(numbers)
        self._paused.difference_update(numbers)
        moved("revoked", numbers)

    def _on_error(self, error: KafkaError) -> None:
        # The client logs each broken connection, and reports when all are down.
        if error.name() != "_TRANSPORT":
            self._failed(error)

    def _failed(self, error: KafkaError) -> None:
        fault = fault_of(error)
        # Keep the more severe fault: a transient one must not hide a permanent one.
        if self._fault is None or isinstance(self._fault, TransientFault):
            self._fault = fault

    def poll(self, maximum: int, wait_ms: int) -> dict[int, Sequence[RawRecord]]:
        """Give the records that are available."""
        if self._moved is not None:
            self._subscribe(self._moved)
        self._raise()
        with translated_faults():
            received = self._received(maximum, wait_ms)
        found = self._taken(received)
        if not found:
            self._raise()
        return found

    def _received(self, maximum: int, wait_ms: int) -> list[Message]:
        received = self._consumer.consume(maximum, 0)
        if received:
            return received
        # With a timeout, `consume` waits for the full number of records.
        received = self._consumer.consume(1, wait_ms / 1000)
        if received and maximum > 1:
            try:
                received += self._consumer.consume(maximum - 1, 0)
            except KafkaException as error:  # the first record was already received
                self._failed(error.args[0])
        return received

    def _raise(self) -> None:
        """Raise faults noted meanwhile that still concern this member."""
        # Compare with the current position: the client may report a fault from before a seek late.
        at_fault = {at: offset for at, offset in self._beyond.items() if at in self._open()}
        beyond = {at: self._position.get(at, offset) for at, offset in at_fault.items()}
        self._beyond = {}
        if beyond:
            raise OutOfRange(beyond)
        fault, self._fault = self._fault, None
        if fault is not None:
            raise fault

    def _open(self) -> set[int]:
        return self._assigned_partitions - self._paused

    def _taken(self, received: Sequence[Message]) -> dict[int, Sequence[RawRecord]]:
        """Drop records that must not be handed out.

        A rebalance may have happened since the fetch. Records of partitions that were revoked, even
        if assigned again, are dropped. Records after an unreadable one are dropped too, because the
        position would skip it.
        """
        ours = self._open()
        kept: dict[int, list[Message]] = {}
        number, messages = -1, []
        for one in received:
            if (error := one.error()) is not None:
                if not self._take_error(one, error):
                    break
                continue
            if (at := one.partition()) != number:
                number = at or 0
                messages = kept.setdefault(number, []) if number in ours else []
            messages.append(one)
        found: dict[int, Sequence[RawRecord]] = {}
        now = self._clock_us()
        for at, some in kept.items():
            values = [one.value() for one in some]
            key, metadata = key_of(self._topic, at), partial(_metadata, some)
            taken = records_of(key, values, metadata, now, self._longest)
            self._position[at] = max(self._position.get(at, 0), taken[-1].offset + 1)
            found[at] = taken
        return found

    def _take_error(self, message: Message, error: KafkaError) -> bool:
        """Note an error among the records; return whether later records may be taken."""
        partition, offset = message.partition(), message.offset()
        if partition is None or offset is None or error.name() not in _OF_A_PARTITION:
            self._failed(error)
        elif partition in self._open():
            (self._position if error.name() == _AT_END else self._beyond)[partition] = offset
        return self._fault is None or isinstance(self._fault, TransientFault)

    def assignment(self) -> set[int]:
        """Give the partitions assigned to this member."""
        return set(self._assigned_partitions)

    def halt(self, partitions: Iterable[int]) -> None:
        """Hand out no records until `seek` and `resume`."""
        self.pause(partitions)

    def seek(self, partition: int, offset: int) -> None:
        """Continue at an offset."""
        to = TopicPartition(self._topic, partition, offset)
        try:
            self._consumer.seek(to)
        except KafkaException:
            # Fetching has not begun, or stopped at an offset out of range: only a new assignment
            # moves it.
            self._placed(partition, to)
        self._position[partition] = offset
        self._beyond.pop(partition, None)

    def _placed(self, partition: int, to: TopicPartition) -> None:
        with translated_faults():
            self._consumer.incremental_unassign([to])
            self._consumer.incremental_assign([to])
            (self._consumer.pause if partition in self._paused else self._consumer.resume)([to])

    def pause(self, partitions: Iterable[int]) -> None:
        """Hand out no records of these partitions."""
        some = list(partitions)
        with translated_faults():
            self._consumer.pause(self._named(some))
        self._paused.update(some)

    def resume(self, partitions: Iterable[int]) -> None:
        """Hand out records again."""
        some = list(partitions)
        named = self._named(some)
        with translated_faults():
            self._consumer.resume(named)
        self._paused.difference_update(some)
        for one in named[:1]:
            # An idle broker thread checks for work only once a second; any request wakes it.
            with suppress(KafkaException):
                self._consumer.get_watermark_offsets(one, timeout=ANSWER_S)

    def paused(self) -> set[int]:
        """Give the paused and halted partitions."""
        return set(self._paused)

    def position(self, partition: int) -> int:
        """Give the offset of the next record."""
        return self._position.get(partition, 0)

    def first(self, partitions: Sequence[int]) -> dict[int, int]:
        """Ask the broker for the first offsets held."""
        return {partition: self._bounds(partition, ANSWER_MS)[0] for partition in partitions}

    def end(self, partitions: Sequence[int], wait_ms: int = ANSWER_MS) -> dict[int, int]:
        """Ask the broker for the offsets after the last readable record."""
        return {partition: self._bounds(partition, wait_ms)[1] for partition in partitions}

    def _bounds(self, partition: int, wait_ms: int) -> tuple[int, int]:
        at = TopicPartition(self._topic, partition)
        with translated_faults():
            found = self._consumer.get_watermark_offsets(at, timeout=wait_ms / 1000)
        if found is None:
            raise NoAnswer("_TIMED_OUT", f"bounds of partition {partition}")
        return found

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Commit the group's offsets, without waiting."""
        metadata = [
            TopicPartition(self._topic, number, offset) for number, offset in offsets.items()
        ]
        try:
            self._consumer.commit(offsets=metadata, asynchronous=True)
        except KafkaException as error:
            _log_commit(error.args[0], metadata)

    def highwater(self, partition: int) -> int:
        """Give the end of a partition as of the last fetch."""
        at = TopicPartition(self._topic, partition)
        with suppress(KafkaException):
            return max(0, self._consumer.get_watermark_offsets(at, cached=True)[1])
        return 0

    def close(self) -> None:
        """Leave the group, if the broker answers in time."""
        # The client waits for its pending commits, up to a minute if the broker hangs.
        if not closed_within(CLOSE_MS / 1000, self._consumer.close):
            _log.warning("group_not_left", extra={"topic": self._topic})

    def _named(self, partitions: Iterable[int]) -> list[TopicPartition]:
        return [TopicPartition(self._topic, partition) for partition in partitions]


def _metadata(messages: Sequence[Message], at: int) -> Metadata:
    one = messages[at]
    return one.offset(), one.key(), one.headers(), one.timestamp()[1]


def _log_commit(error: KafkaError | None, partitions: list[TopicPartition]) -> None:
    failed = error or next((one.error for one in partitions if one.error is not None), None)
    if failed is not None:
        _log.info("group_not_told", extra={"error": failed.name()})
