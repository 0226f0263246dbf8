"""Wire formats: from the bytes of a record to native events.

A record of a `Format` is one event. A record of a `PartFormat` has parts, which
`pipeline.assembling` joins. A new format is one file here and one line in `FORMATS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from models.errors import ConfigError, MalformedEvent
from pipeline.formats.agentlog import AgentLog, Labels
from pipeline.formats.agents.claude_code import ClaudeCode
from pipeline.formats.native import Native
from pipeline.processing.stream_types import MAX_VALUE
from pipeline.text.quoted import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.event import Event
    from pipeline.formats.part import Part
    from pipeline.processing.stream_types import RawRecord

__all__ = [
    "FORMATS",
    "AgentLog",
    "AnyFormat",
    "Format",
    "Labels",
    "Native",
    "PartFormat",
    "check_length",
    "event_format",
    "event_of",
    "format_named",
    "native_reader",
    "read_event",
]


class Format(Protocol):
    """Interface of a wire format whose records are events."""

    def normalise(self, value: bytes) -> Event:
        """Make an event from one record; raise `MalformedEvent` if that is impossible."""


@runtime_checkable
class PartFormat(Protocol):
    """Interface of a wire format whose records are parts of events.

    Attributes
    ----------
    ordered
        Whether parts come in the order of time; spans do not.
    supports
        What the emitter can report: ``arguments``, ``results``, ``request``, ``human``,
        ``network``, ``tokens``.
    """

    ordered: bool
    supports: frozenset[str]

    def decode(self, value: bytes) -> Iterable[Part]:
        """Give the parts of one record; raise `MalformedEvent` if that is impossible."""


AnyFormat = Format | PartFormat

FORMATS: dict[str, AnyFormat] = {
    "agentlog": AgentLog(),
    "claude-code": ClaudeCode(),
    "native": Native(),
}


def format_named(name: str) -> AnyFormat:
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


def event_format(name: str) -> Format:
    """Look up a format whose records are events.

    >>> event_format("claude-code")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    models.errors.ConfigError: records of format 'claude-code' are parts of events, ...
    """
    wire = format_named(name)
    if isinstance(wire, PartFormat):
        raise ConfigError(
            f"records of format {quoted(name)} are parts of events, expected a format of whole "
            "events; habitus decode makes native ones"
        )
    return wire


def event_of(record: RawRecord, wire: Format) -> Event:
    """Make an event from a record of whole events; raise `MalformedEvent` as its format does."""
    check_length(record)
    return wire.normalise(record.value)


def read_event(record: RawRecord, wire: Native) -> tuple[Event, tuple[str, ...]]:
    """Make an event from a native record, and list its unknown members.

    Raises
    ------
    MalformedEvent
        The record is too long or a tombstone, or `wire` refuses it.
    """
    check_length(record)
    return wire.read(record.value)


def check_length(record: RawRecord) -> None:
    """Raise `MalformedEvent` for a record that was cut."""
    if record.full_length:
        raise MalformedEvent(
            "too_long", f"record is {record.full_length} bytes, expected at most {MAX_VALUE}"
        )


def native_reader(wire: AnyFormat) -> Native | None:
    """Give the reader of native records; None for a format of other records.

    Its bytes are compared as they came. A class that derives from `Native` reads other records,
    unless it says ``native_records = True`` itself.

    >>> native_reader(FORMATS["native"]) is FORMATS["native"], native_reader(FORMATS["agentlog"])
    (True, None)
    """
    if isinstance(wire, Native) and vars(type(wire)).get("native_records", False):
        return wire
    return None
