"""Turn the records of any format into native ones, which the compiled path reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec
from msgspec.structs import replace

from models.errors import MalformedEvent
from pipeline.assembling.marks import ASSEMBLED, kind_of
from pipeline.formats import check_length, has_parts, longest_of, native_reader
from pipeline.formats.reasons import malformed
from pipeline.processing.stream_types import RawRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.assembling.assembler import Assembler
    from pipeline.formats import AnyFormat, Format

    Reject = Callable[[RawRecord, MalformedEvent], None]

REPORTER = "reporter"
"""Header with the name of the credential that sent a record."""
_ASSEMBLED = ("assembled", b"1")
_encode = msgspec.json.Encoder().encode


def _reporter_of(record: RawRecord) -> str:
    for name, value in record.headers:
        if name == REPORTER:
            return "" if value is None else value.decode(errors="replace")
    return ""


def native_records(
    records: Sequence[RawRecord],
    wire: AnyFormat,
    assembler: Assembler,
    reject: Reject,
    *,
    whole: bool = False,
    spans: bool = False,
) -> Sequence[RawRecord]:
    """Give native records; those of parts are where the last part of their event was.

    Parameters
    ----------
    reject
        Called with a record that cannot be read, or not as a whole, and why.
    whole
        Whether nothing follows: calls without a result are given too.
    spans
        Whether calls that wait for spans above them are given too.
    """
    if native_reader(wire) is not None and records:
        return records
    found: list[RawRecord] = []
    read, longest = _reader_of(wire, assembler, reject), longest_of(wire)
    for record in records:
        try:
            check_length(record, longest)
            found += read(record)
        except MalformedEvent as error:
            reject(record, error)
        except RecursionError as error:
            reject(record, malformed(error))
    if has_parts(wire) or not records:
        last = records[-1] if records else RawRecord(b"", "assembly", 0, assembler.now_us)
        found += [_derived(last, line) for line in assembler.due(whole=whole, spans=spans)]
    return found


def _reader_of(
    wire: AnyFormat, assembler: Assembler, reject: Reject
) -> Callable[[RawRecord], list[RawRecord]]:
    """Give the function that reads one record; what it depends on is found out once."""
    if has_parts(wire):
        decode, ordered, take = wire.decode, wire.ordered, assembler.take

        def read_parts(record: RawRecord) -> list[RawRecord]:
            parts, reporter = decode(record.value), _reporter_of(record)
            lines = take(parts, ordered=ordered, arrived_us=record.arrived_us, reporter=reporter)
            if assembler.refusal is not None:
                reject(record, assembler.refusal)
            return [_derived(record, line) for line in lines]

        return read_parts
    normalise = cast("Format", wire).normalise

    def read_event(record: RawRecord) -> list[RawRecord]:
        return [replace(record, value=_encode(normalise(record.value)))]

    return read_event


def is_assembled(record: RawRecord, secret: bytes) -> bool:
    """Return whether a record is an event of joined parts, which other formats may report too.

    Parameters
    ----------
    secret
        Of the store: another worker marks such a record with it.
    """
    if not record.headers:
        return False
    # By identity: anybody can write an equal header to the topic.
    return record.headers[-1] is _ASSEMBLED or kind_of(record, secret) == ASSEMBLED


def _derived(record: RawRecord, line: bytes) -> RawRecord:
    return RawRecord(
        line,
        record.source,
        record.offset,
        record.arrived_us,
        (*record.headers, _ASSEMBLED),
        record.key,
        sent_us=record.sent_us,
    )
