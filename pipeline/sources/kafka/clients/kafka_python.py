"""A group member with kafka-python: pure Python, installed with Habitus.

The client calls its rebalance listener on its own thread.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pipeline.processing.stream_types import BATCH_BYTES, MAX_VALUE
from pipeline.sources.kafka.clients.kafka_module import (
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
from pipeline.sources.kafka.clients.member import (
    ANSWER_MS,
    CLOSE_MS,
    HEARTBEAT_MS,
    SESSION_MS,
    MemberFault,
    NoAnswer,
    OutOfRange,
    TransientFault,
    key_of,
)
from pipeline.sources.kafka.records import records_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pipeline.processing.stream_types import RawRecord, Records
    from pipeline.sources.kafka.address import Address
    from pipeline.sources.kafka.clients.member import Change, Moved
    from pipeline.sources.kafka.records import Metadata

_log = logging.getLogger(__name__)


class KafkaPythonMember:
    """A `Member` with kafka-python.

    Parameters
    ----------
    address
        Brokers, topic, group and options.
    maximum
        Largest number of records of a poll.
    clock_us
        Gives the arrival time of records.
    """

    def __init__(self, address: Address, maximum: int, clock_us: Callable[[], int]) -> None:
        self._topic = address.topic
        self._longest = address.longest
        self._clock_us = clock_us
        with _translated(OSError, ValueError):
            self._consumer: Any = KafkaConsumer(
                bootstrap_servers=address.brokers,
                group_id=address.group,
                enable_auto_commit=False,
                auto_offset_reset="none",
                isolation_level="read_committed",
                partition_assignment_strategy=[CooperativeStickyAssignor()],
                max_poll_records=maximum,
                fetch_max_bytes=BATCH_BYTES,
                max_partition_fetch_bytes=BATCH_BYTES,  # 32 times the default
                allow_auto_create_topics=False,
                bootstrap_timeout_ms=ANSWER_MS,
                **{
                    "session_timeout_ms": SESSION_MS,
                    "heartbeat_interval_ms": HEARTBEAT_MS,
                    **address.client,
                },
            )

    def partitions(self) -> list[int]:
        """Give the partitions of the topic."""
        with _translated():
            return sorted(self._consumer.partitions_for_topic(self._topic) or ())

    def join(self, moved: Moved) -> None:
        """Become a member of the group; `moved` is called on the client's thread."""
        with _translated():
            self._consumer.subscribe([self._topic], listener=_Listener(self.halt, moved))

    def poll(self, maximum: int, wait_ms: int) -> dict[int, Sequence[RawRecord]]:
        """Give the records that are available."""
        with _translated():
            polled = self._consumer.poll(timeout_ms=wait_ms, max_records=maximum)
        now = self._clock_us()
        found: dict[int, Sequence[RawRecord]] = {}
        for partition, received in polled.items():
            key = key_of(self._topic, partition.partition)
            found[partition.partition] = received_as(key, received, now, self._longest)
        return found

    def assignment(self) -> set[int]:
        """Give the partitions assigned to this member."""
        return {partition.partition for partition in self._consumer.assignment()}

    def halt(self, partitions: Iterable[int]) -> None:
        """Hand out no records until `seek` and `resume`."""
        # Nothing may be fetched before the store's position is known, because the client would
        # start at the group's position.
        moved = self._named(partitions)
        self._consumer.pause(*moved)
        for partition in moved:
            self._consumer.seek(partition, 0)

    def seek(self, partition: int, offset: int) -> None:
        """Continue at an offset."""
        self._consumer.seek(TopicPartition(self._topic, partition), offset)

    def pause(self, partitions: Iterable[int]) -> None:
        """Hand out no records of these partitions."""
        self._consumer.pause(*self._named(partitions))

    def resume(self, partitions: Iterable[int]) -> None:
        """Hand out records again."""
        self._consumer.resume(*self._named(partitions))

    def paused(self) -> set[int]:
        """Give the paused and halted partitions."""
        return {partition.partition for partition in self._consumer.paused()}

    def position(self, partition: int) -> int:
        """Give the offset of the next record."""
        with _translated():
            return int(self._consumer.position(TopicPartition(self._topic, partition)))

    def first(self, partitions: Sequence[int]) -> dict[int, int]:
        """Ask the broker for the first offsets held."""
        return self._ask(self._consumer.beginning_offsets, partitions, ANSWER_MS)

    def end(self, partitions: Sequence[int], wait_ms: int = ANSWER_MS) -> dict[int, int]:
        """Ask the broker for the offsets after the last readable record."""
        return self._ask(self._consumer.end_offsets, partitions, wait_ms)

    def _ask(
        self, ask: Callable[..., Any], partitions: Iterable[int], wait_ms: int
    ) -> dict[int, int]:
        with _translated():
            found = ask(self._named(partitions), timeout_ms=wait_ms)
        return {partition.partition: int(offset) for partition, offset in found.items()}

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Commit the group's offsets, without waiting."""
        metadata = {
            TopicPartition(self._topic, partition): OffsetAndMetadata(offset, "", -1)
            for partition, offset in offsets.items()
        }
        try:
            self._consumer.commit_async(metadata, callback=_log_commit)
        except KafkaError as error:
            _log_commit(metadata, error)

    def highwater(self, partition: int) -> int:
        """Give the end of a partition as of the last fetch."""
        return self._consumer.highwater(TopicPartition(self._topic, partition)) or 0

    def close(self) -> None:
        """Leave the group, if the broker answers in time."""
        self._consumer.close(autocommit=False, timeout_ms=CLOSE_MS)

    def _named(self, partitions: Iterable[int]) -> list[TopicPartition]:
        return [TopicPartition(self._topic, partition) for partition in partitions]


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # the client has no types
    def __init__(self, halt: Callable[[Iterable[int]], None], moved: Moved) -> None:
        self._halt = halt
        self._moved = moved

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._note("assigned", assigned)

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._note("revoked", revoked)

    def _note(self, change: Change, partitions: Iterable[TopicPartition]) -> None:
        numbers = sorted(partition.partition for partition in partitions)
        if change == "assigned":
            self._halt(numbers)
        self._moved(change, numbers)


@contextmanager
def _translated(*also: type[Exception]) -> Iterator[None]:
    try:
        yield
    except OffsetOutOfRangeError as error:
        raise OutOfRange({at.partition: offset for at, offset in error.args[0].items()}) from error
    except KafkaTimeoutError as error:
        raise NoAnswer(type(error).__name__, str(error)) from error
    except RetriableError as error:
        raise TransientFault(type(error).__name__, str(error)) from error
    except (KafkaError, *also) as error:
        raise MemberFault(type(error).__name__, str(error)) from error


def received_as(
    position: str, received: Sequence[Any], now: int, longest: int = MAX_VALUE
) -> Records:
    """Convert records that kafka-python received of a partition; parameters as of `records_of`."""

    def metadata(at: int) -> Metadata:
        one = received[at]
        return one.offset, one.key, one.headers, one.timestamp

    return records_of(position, [one.value for one in received], metadata, now, longest)


def _log_commit(offsets: object, outcome: object) -> None:  # noqa: ARG001  # the client's shape
    if isinstance(outcome, Exception):
        _log.info("group_not_told", extra={"error": type(outcome).__name__})
