"""Files that are one JSON document: each object of its array is a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pipeline.processing.stream_types import KEPT_OF_LONG, MAX_VALUE
from pipeline.sources.jsonl import first_line, read_whole
from pipeline.sources.lines import LineBatch

if TYPE_CHECKING:
    from pathlib import Path

MAX_DOCUMENT = 256 << 20
"""Largest document in bytes; a larger file is read line by line."""
_PEEKED = 4096
_BOM = b"\xef\xbb\xbf"


class _Delivered(msgspec.Struct):
    """The envelope of a delivered file."""

    records: list[msgspec.Raw] = msgspec.field(name="Records")


_array = msgspec.json.Decoder(list[msgspec.Raw])
_delivered = msgspec.json.Decoder(_Delivered)
_any = msgspec.json.Decoder(msgspec.Raw)


class JsonDocument:
    """Read the objects of a document from a position on.

    Parameters
    ----------
    values
        The objects.
    size
        Bytes of the file.
    position
        Number of objects taken before, or None.
    longest
        Largest object in bytes; a longer one is cut.
    """

    def __init__(
        self,
        values: list[bytes],
        size: int,
        position: str | None = None,
        *,
        longest: int = MAX_VALUE,
    ) -> None:
        self._longest = longest
        self._values = values
        self._size = size
        self._taken = int((position or "0").partition(":")[0])

    def take(self, count: int, size: int, *, last: bool) -> LineBatch:  # noqa: ARG002  # signature of `Reader`; a document is always complete
        """Take objects until `count` objects or `size` bytes."""
        batch = LineBatch()
        while len(batch) < count and size > 0 and self._taken < len(self._values):
            value = self._values[self._taken]
            self._taken += 1
            size -= len(value)
            long = len(value) > self._longest
            batch.add(
                self._taken, value[:KEPT_OF_LONG] if long else value, len(value) if long else 0
            )
        return batch

    @property
    def position(self) -> str:
        """Number of objects taken."""
        return str(self._taken)

    @property
    def progress(self) -> int:
        """Bytes of the file, in proportion to the objects taken."""
        return self._size * self._taken // max(1, len(self._values))

    def close(self) -> None:
        """Do nothing: the file is closed."""


def document_of(
    path: Path, position: str | None = None, *, longest: int = MAX_VALUE
) -> JsonDocument | None:
    """Read a file that is one document; None for a file of lines.

    A document begins with an array, with ``Records``, or with an object over several lines.
    """
    begun = first_line(path, _PEEKED).removeprefix(_BOM).strip()
    if not (begun.startswith((b"[", b'{"Records"')) or begun == b"{"):
        return None
    raw = read_whole(path, MAX_DOCUMENT)
    values = None if raw is None else _objects(raw.removeprefix(_BOM))
    if raw is None or values is None:
        return None
    return JsonDocument(values, len(raw), position, longest=longest)


def _objects(raw: bytes) -> list[bytes] | None:
    """Give the objects of a document; None for anything else.

    >>> _objects(b'[{"a":1}, {"b":2}]'), _objects(b'{"Records":[{"a":1}]}'), _objects(b"[1] [2]")
    ([b'{"a":1}', b'{"b":2}'], [b'{"a":1}'], None)
    """
    for decoder in (_array.decode, lambda one: _delivered.decode(one).records):
        try:
            return [bytes(one) for one in decoder(raw)]
        except (msgspec.DecodeError, RecursionError):
            continue
    try:
        return [bytes(_any.decode(raw))]
    except (msgspec.DecodeError, RecursionError):
        return None
