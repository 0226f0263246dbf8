"""Wire formats: from the bytes of a record to an event.

A new format is one file here and one line in `FORMATS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from models.errors import ConfigError, MalformedEvent
from pipeline.formats.agentlog import AgentLog, Labels
from pipeline.formats.native import Native
from pipeline.processing.stream_types import MAX_VALUE
from pipeline.text.quoted import quoted

if TYPE_CHECKING:
    from models.event import Event
    from pipeline.processing.stream_types import RawRecord

__all__ = [
    "FORMATS",
    "AgentLog",
    "Format",
    "Labels",
    "Native",
    "event_of",
    "format_named",
    "native_reader",
    "read_event",
]


class Format(Protocol):
    """Interface of a wire format."""

    def normalise(self, value: bytes) -> Event:
        """Make an event from one record; raise `MalformedEvent` if that is impossible."""


FORMATS: dict[str, Format] = {
    "agentlog": AgentLog(),
    "native": Native(),
}


def format_named(name: str) -> Format:
    """Look up a format.

    >>> format_named("nativ")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    models.errors.ConfigError: unknown format 'nativ', expected one of: ...native...
    """
    try:
        return FORMATS[name]
    except KeyError:
        raise ConfigError(
            f"unknown format {quoted(name)}, expected one of: {', '.join(sorted(FORMATS))}"
        ) from None


def event_of(record: RawRecord, wire: Format) -> Event:
    """Make an event from a record of a source.

    Raises
    ------
    MalformedEvent
        As `read_event` does.
    """
    return read_event(record, wire)[0]


def read_event(record: RawRecord, wire: Format) -> tuple[Event, tuple[str, ...]]:
    """Make an event from a record of a source, and list its unknown members.

    Only the native format lists unknown members; other formats read the members they need.

    Raises
    ------
    MalformedEvent
        The record is too long or a tombstone, or `wire` refuses it.
    """
    if record.full_length:
        raise MalformedEvent(
            "too_long",
            f"record is {record.full_length} bytes, expected at most {MAX_VALUE}",
        )
    native = native_reader(wire)
    return (wire.normalise(record.value), ()) if native is None else native.read(record.value)


def native_reader(wire: Format) -> Native | None:
    """Give the reader of native records; None for a format of other records.

    Its bytes are compared as they came. A class that derives from `Native` reads other records,
    unless it says ``native_records = True`` itself.

    >>> native_reader(FORMATS["native"]) is FORMATS["native"], native_reader(FORMATS["agentlog"])
    (True, None)
    """
    if isinstance(wire, Native) and vars(type(wire)).get("native_records", False):
        return wire
    return None
