"""Read entries of a zip archive that nobody vouches for, in bounded memory."""

from __future__ import annotations

import zlib
from io import BytesIO
from lzma import LZMAError
from struct import error as StructError  # noqa: N812  # a class with a name in lower case
from struct import unpack_from
from zipfile import BadZipFile, ZipFile

import zstandard

from models.errors import MalformedEvent
from pipeline.processing.stream_types import MAX_WHOLE

MAX_ENTRIES = 20_000
MAX_TOTAL = 1 << 30
"""Most bytes of all entries that are read."""
_ZSTANDARD = 93  # its number in the zip format; `zipfile` does not read it
_LOCAL_HEADER = 30
_DAMAGED = (
    BadZipFile, zstandard.ZstdError, zlib.error, LZMAError, StructError, EOFError, OSError,
    NotImplementedError, RuntimeError, ValueError, OverflowError, KeyError, IndexError,
)  # fmt: skip


class Archive:
    """The entries of an archive.

    Raises
    ------
    MalformedEvent
        It is no archive, is damaged, or has too many entries.

    Attributes
    ----------
    names
        Names of the entries, in order.

    Examples
    --------
    >>> raw = BytesIO()
    >>> with ZipFile(raw, "w") as made:
    ...     made.writestr("a.json", "{}")
    >>> Archive(raw.getvalue()).read("a.json")
    b'{}'
    """

    def __init__(self, value: bytes) -> None:
        self._value = value
        self._read: dict[str, int] = {}
        try:
            self._zip = ZipFile(BytesIO(value))
            infos = self._zip.infolist()
        except _DAMAGED as error:
            raise _damaged(error) from None
        if len(infos) > MAX_ENTRIES:
            raise MalformedEvent(
                "too_long", f"archive has {len(infos)} entries, expected at most {MAX_ENTRIES}"
            )
        self._infos = {info.filename: info for info in infos}
        self.names = sorted(self._infos)

    def read(self, name: str) -> bytes:
        """Give the bytes of an entry; raise `MalformedEvent` if it is damaged or too large."""
        info = self._infos[name]
        try:
            if info.compress_type == _ZSTANDARD:
                found = self._zstandard(info.header_offset, info.compress_size)
            else:
                with self._zip.open(info) as entry:
                    found = entry.read(MAX_WHOLE + 1)
        except _DAMAGED as error:
            raise _damaged(error) from None
        self._read[name] = len(found)
        if len(found) > MAX_WHOLE or sum(self._read.values()) > MAX_TOTAL:
            raise MalformedEvent(
                "too_long",
                f"an entry of the archive exceeds {MAX_WHOLE} bytes, or all exceed {MAX_TOTAL}",
            )
        return found

    def _zstandard(self, start: int, size: int) -> bytes:
        lengths = unpack_from("<HH", self._value, start + _LOCAL_HEADER - 4)
        begin = start + _LOCAL_HEADER + sum(lengths)
        packed = BytesIO(self._value[begin : begin + size])
        with zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True) as reader:
            return bytes(reader.read(MAX_WHOLE + 1))


def _damaged(error: Exception) -> MalformedEvent:
    return MalformedEvent("bad_value", f"the archive is damaged: {type(error).__name__}")
