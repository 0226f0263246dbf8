"""Turn the records of any format into native ones, which the compiled path reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from models.errors import MalformedEvent
from pipeline.formats import PartFormat, check_length, native_reader
from pipeline.processing.stream_types import RawRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.assembling.assembler import Assembler
    from pipeline.formats import AnyFormat

    Reject = Callable[[RawRecord, MalformedEvent], None]

REPORTER = "reporter"
"""Header with the name of the credential that sent a record."""
_ASSEMBLED = ("assembled", b"1")
_encode = msgspec.json.Encoder().encode


def _reporter_of(record: RawRecord) -> str:
    found = next((value for name, value in record.headers if name == REPORTER), None)
    return "" if found is None else found.decode(errors="replace")


def native_records(
    records: Sequence[RawRecord],
    wire: AnyFormat,
    assembler: Assembler,
    reject: Reject,
    *,
    whole: bool = False,
) -> Sequence[RawRecord]:
    """Give native records; those of parts are where the last part of their event was.

    Parameters
    ----------
    reject
        Called with a record that cannot be read, and why.
    whole
        Whether nothing follows: calls without a result are given too.
    """
    if native_reader(wire) is not None and records:
        return records
    found: list[RawRecord] = []
    for record in records:
        try:
            check_length(record)
            if isinstance(wire, PartFormat):
                lines = assembler.take(
                    wire.decode(record.value),
                    ordered=wire.ordered,
                    arrived_us=record.arrived_us,
                    reporter=_reporter_of(record),
                )
            else:
                found.append(replace(record, value=_encode(wire.normalise(record.value))))
                continue
        except MalformedEvent as error:
            reject(record, error)
            continue
        found += [_derived(record, line) for line in lines]
    if isinstance(wire, PartFormat) or not records:
        last = records[-1] if records else RawRecord(b"", "assembly", 0, assembler.now_us)
        found += [_derived(last, line) for line in assembler.due(whole=whole)]
    return found


def is_assembled(record: RawRecord) -> bool:
    """Return whether a record is an event of joined parts, which other formats may report too."""
    return bool(record.headers) and record.headers[-1] == _ASSEMBLED


def _derived(record: RawRecord, line: bytes) -> RawRecord:
    return replace(record, value=line, full_length=0, headers=(*record.headers, _ASSEMBLED))
