"""Marks of records that Habitus itself writes to the topic of its source.

A marked record is a native event, whatever the format of the topic. The mark is a keyed digest, so
no other producer can make one.
"""

from __future__ import annotations

from hashlib import blake2b
from hmac import compare_digest
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pipeline.processing.stream_types import Headers, RawRecord

HEADER = "habitus-native"
_SIZE = 16
Kind = Literal[b"e", b"a"]
EVENT: Kind = b"e"
"""An event as it came in."""
ASSEMBLED: Kind = b"a"
"""An event of joined parts, which other formats may report too."""


def mark_of(value: bytes, kind: Kind, secret: bytes) -> Headers:
    """Give the headers of an event.

    Parameters
    ----------
    secret
        Of the store.

    Examples
    --------
    >>> from pipeline.processing.stream_types import RawRecord
    >>> headers = mark_of(b"{}", ASSEMBLED, b"secret")
    >>> kind_of(RawRecord(b"{}", "t", 0, 0, headers), b"secret")
    b'a'
    >>> kind_of(RawRecord(b"{}", "t", 0, 0, headers), b"other") is None
    True
    """
    return ((HEADER, kind + _digest(value, kind, secret)),)


def kind_of(record: RawRecord, secret: bytes) -> bytes | None:
    """Give the kind of a marked record; None for one that somebody else wrote."""
    for name, mark in record.headers:
        if name == HEADER and mark is not None:
            kind = mark[:1]
            if compare_digest(mark[1:], _digest(record.value, kind, secret)):
                return kind
    return None


def _digest(value: bytes, kind: bytes, secret: bytes) -> bytes:
    return blake2b(value, digest_size=_SIZE, key=secret[:64], person=b"native" + kind).digest()
