"""What goes in and comes out: a record as received, a batch of them, a message to publish.

The adapters in ``pipeline/sources`` make and take these; the runner knows nothing else of them.
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
USUAL_BATCH = 32_768
"""Records in a batch at most, unless settings say otherwise."""
BATCH_BYTES = 32 << 20
"""Bytes in a batch at most, about, and fetched ahead."""
BYTES, RECORDS = "bytes", "records"
"""What a source counts itself in."""
KEPT_OF_LONG = 64 << 10


class RawRecord(Struct, frozen=True, gc=False):
    """One record as it was received, before anyone looked inside.

    Attributes
    ----------
    value
        The bytes. Of a value longer than `MAX_VALUE` only the first `KEPT_OF_LONG` bytes.
    source
        Position key: ``"file:/abs/path.jsonl"``, ``"kafka:topic:3"``, ``"stdin"``.
    offset
        Line number from 1 (files, stdin), row from 1 (Parquet), offset (Kafka).
    arrived_us
        When it was taken in, microseconds since 1970.
    headers, key
        As the transport carried them; a header may be without a value.
    full_length
        Bytes of the whole value if it was cut, else 0. A cut record cannot become an event.
    sent_us
        When its sender handed it over, microseconds since 1970; 0 where the transport does not
        say.

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
        """Where the record stands, for messages to people."""
        return f"{self.source}@{self.offset}"


class Records(Sequence[RawRecord]):
    """Records of one source that were taken in at once; each is made where it is asked for.

    Of most records only the bytes are looked at, and to make an object of each takes as long as
    to read its line.

    Parameters
    ----------
    values
        Of each record, in order.
    source, arrived_us
        Of all of them.
    cut
        Full length of those that were cut, by place.
    make
        Gives the record at a place.

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
        places = range(len(self.values))[at]
        return self._make(places) if isinstance(places, int) else list(map(self._make, places))


class Joined(Sequence[RawRecord]):
    """Records of several sources, by when they were sent; each source keeps its order.

    Partitions that are caught up with one after the other would have some agents days ahead of
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
    def places(self) -> list[tuple[int, int, int]]:
        """When it was sent at the latest, part, and place in it, of each record in order."""
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
            return [self.parts[number][place] for _, number, place in self.places[at]]
        _, number, place = self.places[at]
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
    """Give the bytes of records, and when they arrived: all of them, or each; None if cut.

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
        return [values[number][place] for _, number, place in records.places], arrived.pop()
    return whole[0].values, arrived.pop()


class Batch(Struct, frozen=True):
    """Records to be committed together; without records the source is idle.

    Attributes
    ----------
    records
        In the order of their source.
    positions
        For each position key touched, from where to go on after this batch. The text is the
        adapter's own; others only keep it and hand it back to `Source.resume`.
    """

    records: Sequence[RawRecord]
    positions: dict[str, str]


def has_other_key(record: RawRecord, agent_id: str) -> bool:
    """Say whether a record has a key, and one that is not its agent's id.

    >>> has_other_key(RawRecord(b"{}", "kafka:t:0", 0, 0, key=b"desk"), "scribe")
    True
    """
    return record.key is not None and record.key != agent_id.encode()


class Message(Struct, frozen=True, gc=False):
    """One message to publish. A repeat carries the same `id`; no `value` is a tombstone."""

    topic: str
    key: bytes
    id: str
    value: bytes | None
    headers: Headers = ()


class Source(Protocol):
    """Where records come from.

    Attributes
    ----------
    unit
        What `size_hint` and `progress` count: ``bytes`` or ``records``.
    """

    unit: str

    @property
    def ends(self) -> bool:
        """Whether it ends by itself, also where it need not be drained."""

    def resume(self, positions: Mapping[str, str]) -> None:
        """Go on from these positions; called once, before the first batch."""

    def batches(self) -> Iterator[Batch]:
        """Give batches until the source ends; an endless one gives empty batches while idle."""

    def commit(self, positions: Mapping[str, str]) -> None:
        """Take note that the store holds everything before these positions. Only a hint."""

    def size_hint(self) -> int | None:
        """How many units there are in all, after `resume`; None where that cannot be known."""

    def progress(self) -> int:
        """How many units were handed out so far; what earlier runs had counts where it is known."""

    def close(self) -> None:
        """Let go of files and connections."""


class Sink(Protocol):
    """Where messages go."""

    def publish(self, messages: Sequence[Message]) -> None:
        """Return once all of them are durable, raise `SinkUnavailable` otherwise."""

    def close(self) -> None:
        """Let go of files and connections."""
