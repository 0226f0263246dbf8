"""Types of the stream: received records, batches, messages to publish, sources and sinks.

The adapters in ``pipeline/sources`` and ``pipeline/publishing`` use these types; the loop knows
only them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol, overload

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Headers = tuple[tuple[str, bytes], ...]

MAX_VALUE = 1 << 20
MAX_PAYLOAD = 16 << 20
"""Largest record of a format whose records are payloads of many parts, in Kafka."""
MAX_WHOLE = 64 << 20
"""Largest record that is a whole file."""
DEFAULT_BATCH = 32_768
"""Default of the largest number of records in a batch."""
BATCH_BYTES = 32 << 20
"""Approximate limit of the bytes in a batch, and of prefetched bytes."""
BYTES, RECORDS = "bytes", "records"
"""Units of a source's size and progress."""
KEPT_OF_LONG = 64 << 10


class RawRecord(Struct, frozen=True, gc=False):
    """One record as received, not decoded.

    Attributes
    ----------
    value
        The bytes; only the first `KEPT_OF_LONG` of a value longer than its format allows.
    source
        Position key: ``"file:/abs/path.jsonl"``, ``"kafka:topic:3"``, ``"stdin"``.
    offset
        Line number from 1 (files, stdin), row from 1 (Parquet), offset (Kafka).
    arrived_us
        Arrival time, microseconds since 1970.
    headers, key
        Headers and key of the transport; a header may have no value.
    full_length
        Bytes of the whole value if it was cut, else 0. A cut record cannot become an event.
    sent_us
        Send time, microseconds since 1970; 0 if the transport has none.

    Examples
    --------
    >>> RawRecord(b"{}", "kafka:agent.actions:3", 18231, 0).where
    'kafka:agent.actions:3@18231'
    """

    value: bytes
    source: str
    offset: int
    arrived_us: int
    headers: tuple[tuple[str, bytes | None], ...] = ()
    key: bytes | None = None
    full_length: int = 0
    sent_us: int = 0

    @property
    def where(self) -> str:
        """Location of the record, for messages to people."""
        return f"{self.source}@{self.offset}"


class Records(Sequence[RawRecord]):
    """Records of one source that arrived together; each object is made on access.

    For most records only the bytes are used, and making an object takes as long as reading its
    line.

    Parameters
    ----------
    values
        Value of each record, in order.
    source, arrived_us
        Source and arrival time of all records.
    cut
        Full length of cut records, by index.
    make
        Makes the record at an index.

    Examples
    --------
    >>> values = [b"{}", b"[]"]
    >>> make = lambda place: RawRecord(values[place], "stdin", place + 1, 0)
    >>> records = Records(values, "stdin", 0, {}, make)
    >>> len(records), records[-1].where
    (2, 'stdin@2')
    """

    __slots__ = ("_make", "arrived_us", "cut", "source", "values")

    def __init__(
        self,
        values: list[bytes],
        source: str,
        arrived_us: int,
        cut: Mapping[int, int],
        make: Callable[[int], RawRecord],
    ) -> None:
        self.values = values
        self.source = source
        self.arrived_us = arrived_us
        self.cut = cut
        self._make = make

    def __len__(self) -> int:
        return len(self.values)

    @overload
    def __getitem__(self, at: int) -> RawRecord: ...
    @overload
    def __getitem__(self, at: slice) -> list[RawRecord]: ...
    def __getitem__(self, at: int | slice) -> RawRecord | list[RawRecord]:
        index = range(len(self.values))[at]
        return self._make(index) if isinstance(index, int) else list(map(self._make, index))


class Joined(Sequence[RawRecord]):
    """Records of several sources, sorted by send time; each source keeps its order.

    Without this order, catching up on partitions one by one would put some agents days ahead of
    their peers.

    Examples
    --------
    >>> one, other = (
    ...     [RawRecord(b"{}", name, at, 0, sent_us=at) for at in offsets]
    ...     for name, offsets in (("kafka:t:0", (7, 9)), ("kafka:t:1", (8,)))
    ... )
    >>> [record.where for record in Joined([one, other])]
    ['kafka:t:0@7', 'kafka:t:1@8', 'kafka:t:0@9']
    """

    __slots__ = ("_order", "parts")

    def __init__(self, parts: Sequence[Sequence[RawRecord]]) -> None:
        self.parts = parts
        self._order: list[tuple[int, int, int]] | None = None

    @property
    def positions(self) -> list[tuple[int, int, int]]:
        """Latest send time so far, part, and index in the part, for each record in order."""
        if self._order is None:
            self._order = sorted(
                (sent_us, number, place)
                for number, part in enumerate(self.parts)
                for place, sent_us in enumerate(accumulate((one.sent_us for one in part), max))
            )
        return self._order

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    @overload
    def __getitem__(self, at: int) -> RawRecord: ...
    @overload
    def __getitem__(self, at: slice) -> list[RawRecord]: ...
    def __getitem__(self, at: int | slice) -> RawRecord | list[RawRecord]:
        if isinstance(at, slice):
            return [self.parts[number][place] for _, number, place in self.positions[at]]
        _, number, place = self.positions[at]
        return self.parts[number][place]


def by_source(records: Sequence[RawRecord]) -> dict[str, Sequence[RawRecord]]:
    """Give the records of each source, in order.

    >>> both = [RawRecord(b"{}", "a", 1, 0), RawRecord(b"{}", "b", 1, 0)]
    >>> {source: len(some) for source, some in by_source(both).items()}
    {'a': 1, 'b': 1}
    """
    if isinstance(records, Joined):
        return {part[0].source: part for part in records.parts}
    if isinstance(records, Records):
        return {records.source: records} if records else {}
    found: dict[str, list[RawRecord]] = {}
    for record in records:
        found.setdefault(record.source, []).append(record)
    return dict(found)


def values_of(records: Sequence[RawRecord]) -> tuple[list[bytes], int | list[int | None]]:
    """Give the bytes of records, and one arrival time for all or one each; None for a cut record.

    >>> values_of([RawRecord(b"{}", "stdin", 1, 7), RawRecord(b"[", "stdin", 2, 8, full_length=9)])
    ([b'{}', b'['], [7, None])
    """
    parts = records.parts if isinstance(records, Joined) else [records]
    whole = [part for part in parts if isinstance(part, Records) and not part.cut]
    arrived = {part.arrived_us for part in whole}
    if len(whole) < len(parts) or len(arrived) > 1 or not arrived:
        each = [None if record.full_length else record.arrived_us for record in records]
        return [record.value for record in records], each
    if isinstance(records, Joined):
        values = [part.values for part in whole]
        return [values[number][place] for _, number, place in records.positions], arrived.pop()
    return whole[0].values, arrived.pop()


class Batch(Struct, frozen=True):
    """Records to commit together; an empty batch means an idle source.

    Attributes
    ----------
    records
        Records in the order of their source.
    positions
        Resume position after this batch, by position key. Only the adapter interprets the text;
        others store it and pass it back to `Source.resume`.
    """

    records: Sequence[RawRecord]
    positions: dict[str, str]


def has_other_key(record: RawRecord, agent_id: str) -> bool:
    """Return whether a record has a key other than its agent's id.

    >>> has_other_key(RawRecord(b"{}", "kafka:t:0", 0, 0, key=b"desk"), "scribe")
    True
    """
    return record.key is not None and record.key != agent_id.encode()


class Message(Struct, frozen=True, gc=False):
    """One message to publish. A repeat has the same `id`; a `value` of None is a tombstone."""

    topic: str
    key: bytes
    id: str
    value: bytes | None
    headers: Headers = ()


class Source(Protocol):
    """Interface of a source of records.

    Attributes
    ----------
    unit
        Unit of `size_hint` and `progress`: ``bytes`` or ``records``.
    """

    unit: str

    @property
    def ends(self) -> bool:
        """Whether the source has an end, without `drain`."""

    def resume(self, positions: Mapping[str, str]) -> None:
        """Resume from these positions; called once, before the first batch."""

    def batches(self) -> Iterator[Batch]:
        """Give batches until the source ends; an endless source gives empty batches while idle."""

    def commit(self, positions: Mapping[str, str]) -> None:
        """Note that the store holds everything before these positions; only a hint."""

    def size_hint(self) -> int | None:
        """Total number of units, after `resume`; None if unknown."""

    def progress(self) -> int:
        """Count the units handed out so far, including earlier runs where known."""

    def close(self) -> None:
        """Close files and connections."""


class Sink(Protocol):
    """Interface of a sink of messages."""

    def publish(self, messages: Sequence[Message]) -> None:
        """Return after all messages are durable; raise `SinkUnavailable` otherwise."""

    def close(self) -> None:
        """Close files and connections."""
